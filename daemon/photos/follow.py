"""Keep the catalogue in step with the disk: watch, settle, walk, and let go of what has gone."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from scened.clock import Clock
from scened.formats import format_of, is_video
from scened.photos.ignore import IGNORE_FILES, rules_for
from scened.photos.reconcile import is_another_drive, is_there, reconcile
from scened.photos.returning import follow_drive
from scened.photos.scan import describe, videos_in
from scened.photos.settle import Settling, is_fresh
from scened.photos.unwatched import unwatched_folders
from scened.photos.watch import Change, Watcher
from scened.sidecars import is_sidecar, stem_of
from scened.store import catalogue
from scened.store.database import Database
from scened.store.places import Place, join, split
from scened.store.roots import Root, roots, set_polled
from scened.store.stacks import pair_videos, restack

__all__ = ["Follower"]

logger = logging.getLogger(__name__)

GRACE_SECONDS = 10.0  # how long a file that has gone may take to turn up under another name
WALKED = object()  # what a walk gives after its last folder
POLL_SECONDS = 60.0  # the least between two walks of a root that cannot be watched
POLL_SHARE = 0.02  # of the time, at the most, to walk it
STORM_CHANGES = 5_000  # told within STORM_SECONDS; the system drops what it cannot queue (16,384)
STORM_SECONDS = 10.0
STORM_BEHIND = 1_000  # pieces of news that wait: to look at each would take seconds
LULL_SECONDS = 5.0  # without lost events, until the watches are in place again
ROOT_CHECK_SECONDS = 5.0  # how soon an unplugged drive, or its return, is noticed


@dataclass
class _Polled:
    """The folders of a root that are read at intervals, and when to read them next."""

    folders: Set[bytes]
    due: float
    began: float


class Follower:
    """Follows every root of a database; a turn is short, so that others get theirs.

    With `tell` the roots are watched too, and changes arrive through it from another thread;
    without it the disk is walked once and that is all.
    """

    def __init__(
        self, database: Database, clock: Clock, tell: Callable[[Change], None] | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._watcher = Watcher(tell) if tell is not None else None
        self._settling = Settling(clock)
        self._roots: dict[int, Root] = {}
        self._to_walk: dict[tuple[int, bytes], None] = {}  # in order, each once
        self._to_pair: set[tuple[int, bytes]] = set()  # folders where photos or videos came or went
        self._walk: Iterator[None] | None = None
        self._walked = 0  # the root
        self._told: set[tuple[int, bytes]] = set()  # folders that may be new, and unwatched
        self._opened: set[tuple[int, bytes]] = set()  # those that may have been closed before
        self._polled: dict[int, _Polled] = {}  # roots that are not watched, or not as a whole
        self._storms: dict[int, tuple[float, int]] = {}  # changes of late: since when, how many
        self._events_lost_at: float | None = None  # when the system last dropped some
        self._lost_at: float | None = None
        self._roots_checked_at = clock()

    @property
    def walking(self) -> bool:
        """Tell whether folders are being read or wait for it."""
        return self._walk is not None or bool(self._to_walk)

    @property
    def settling(self) -> int:
        """Return how many files wait until they have kept still."""
        return len(self._settling)

    @property
    def quiet(self) -> bool:
        """Tell whether the catalogue shows the disk as far as anyone can know."""
        waits = self._settling or self._to_pair or self._events_lost_at is not None
        return not self.walking and not waits

    def start(self) -> None:
        """Begin to follow every root of the database."""
        if self._watcher is not None:
            self._watcher.start()
        self.reload()

    def stop(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.stop()

    def reload(self) -> None:
        """Take the list of roots from the database anew and walk all of them."""
        with self._database.reading() as connection:
            listed = {root.id: root for root in roots(connection)}
        if self._watcher is not None:
            for root_id in self._roots.keys() - listed.keys():
                self._watcher.unwatch(root_id)
        self._roots = listed
        self._walk = None  # its root may be none any more; all of them are walked anew
        for root in listed.values():
            self._follow(root)

    def walk_anew(self) -> None:
        """Give up a walk that was interrupted, and walk every root from its beginning."""
        self._walk = None
        for root in self._roots.values():
            self._to_walk[root.id, b""] = None

    def handle(self, change: Change, behind: int = 0) -> None:
        """Look at the disk where something is said to have changed; `behind`: as more news wait."""
        if change.lost:
            if self._events_lost_at is None:
                logger.warning("the system dropped events; every folder will be read")
            self._events_lost_at = self._clock()
            return
        root = self._roots.get(change.root_id)
        parts = split(root.path, change.path) if root is not None else None
        if root is None or parts is None:
            return
        if self._is_storm(root, behind):
            return
        place = Place(root.id, *parts)
        if place.name in IGNORE_FILES:
            self._to_walk[root.id, place.folder] = None
        elif change.is_folder:
            folder = place.folder + b"/" + place.name if place.folder else place.name
            self._to_walk[root.id, folder] = None
            self._told.add((root.id, folder))
            if change.opened and os.access(change.path, os.R_OK | os.X_OK):
                self._opened.add((root.id, folder))
        elif format_of(place.name) is not None:
            self._look_at(root, place, change.path)
            self._look_at_other_names(place)
        elif is_sidecar(place.name):
            self._look_beside(root, place)
        elif is_video(place.name):
            self._to_pair.add((root.id, place.folder))

    def look_again(self, path: bytes) -> None:
        """Look at a file that was not as expected when it was opened."""
        for root in self._roots.values():
            self.handle(Change(root.id, path, is_folder=False))

    def turn(self) -> bool:
        """Do a little of what is due; return whether there is more to do right now."""
        settled = [each for each in self._settling.settled() if each.place.root_id in self._roots]
        if settled:
            with self._database.writing() as connection:
                restack(connection, catalogue.see(connection, settled))
            self._to_pair |= {(each.place.root_id, each.place.folder) for each in settled}
        self._poll()
        if self._events_lost_at is not None and self._clock() - self._events_lost_at > LULL_SECONDS:
            self._events_lost_at = None
            self.walk_anew()
        if self._walk is None and self._to_walk:
            root_id, folder = next(iter(self._to_walk))
            self._walked = root_id
            del self._to_walk[root_id, folder]
            if root_id in self._roots:
                self._walk = reconcile(self._database, self._roots[root_id], self._settling, folder)
        if self._walk is not None and next(self._walk, WALKED) is WALKED:
            self._walk = None
            self._note_walk(self._walked)
            self._lost_at = self._clock()
        if not self.walking:  # a walk writes down what it saw a while ago
            self._pair()
        if self._told and not self.walking:
            self._mind_new_folders()
        self._check_roots()
        if self.quiet and self._lost_at is not None and self._grace_is_over(self._lost_at):
            self.let_go()
        return self.walking

    def let_go(self) -> None:
        """Remove the photos that went missing and did not turn up again."""
        with self._database.writing() as connection:
            catalogue.drop_missing(connection)
        self._lost_at = None

    def seconds_to_next(self) -> float | None:
        """Return when the next turn is due, or None when only news makes one."""
        return 0.0 if self.walking else self._settling.seconds_to_next()

    def _follow(self, root: Root) -> None:
        if self._watcher is not None:
            if self._polled.pop(root.id, None) is not None:
                self._watcher.unwatch(root.id)  # there may be more watches by now
            reason = self._watcher.watch(root)
            if reason is not None:
                self._set_polled(root, {b""}, reason)
            else:
                self._poll_some(root, self._watcher.refusal())
        self._to_walk[root.id, b""] = None

    def _mind_new_folders(self) -> None:
        """Watch folders that were opened; have those polled that no watch is left for."""
        told, self._told = self._told, set()
        opened, self._opened = self._opened, set()
        for root_id, folder in opened:
            if (root := self._roots.get(root_id)) is None or self._watcher is None:
                continue
            if root_id not in self._polled and any(unwatched_folders(root, folder)):
                self._watcher.unwatch(root_id)  # it is watched as a whole, so all of it anew
                self._follow(root)
        refusal = self._watcher.refusal() if self._watcher is not None else None
        for root_id, folder in told if refusal is not None else ():
            polled = self._polled.get(root_id)
            if root_id in self._roots and (polled is None or b"" not in polled.folders):
                before = polled.folders if polled is not None else set()
                self._poll_some(self._roots[root_id], refusal, folder, before)

    def _poll_some(
        self, root: Root, refusal: str | None, folder: bytes = b"", before: Set[bytes] = frozenset()
    ) -> None:
        """Have the folders below `folder` that are not watched read at intervals, as others are."""
        new = set(unwatched_folders(root, folder)) if refusal is not None else set()
        folders = new | before
        self._set_polled(
            root, folders, f"{len(folders):,} of its folders, as {refusal}" if folders else None
        )

    def _set_polled(self, root: Root, folders: Set[bytes], reason: str | None) -> None:
        if folders:
            self._polled[root.id] = _Polled(folders, math.inf, self._clock())  # until walked once
            self._to_walk |= {(root.id, folder): None for folder in folders}
        if reason != root.polled:
            with self._database.writing() as connection:
                set_polled(connection, root.id, reason)
            self._roots[root.id] = root._replace(polled=reason)

    def _poll(self) -> None:
        """Have folders walked again that cannot be watched, for a small share of the time."""
        now = self._clock()
        for root_id, polled in self._polled.items():
            if now >= polled.due:
                polled.due, polled.began = math.inf, now
                self._to_walk |= {(root_id, folder): None for folder in polled.folders}

    def _note_walk(self, root_id: int) -> None:
        """Set when the folders of a root are read next, once all that is to be walked of it was."""
        polled = self._polled.get(root_id)
        if polled is not None and not any(each == root_id for each, _ in self._to_walk):
            now = self._clock()
            polled.due = now + max(POLL_SECONDS, (now - polled.began) / POLL_SHARE)

    def _is_storm(self, root: Root, behind: int) -> bool:
        """Have a root walked of which more is told at once than can be looked at one by one.

        The system may drop some of it too; the walk finds all.
        """
        now = self._clock()
        began, changes = self._storms.get(root.id, (now, 0))
        if now - began > STORM_SECONDS:
            began, changes = now, 0
        self._storms[root.id] = (began, changes + 1)
        if changes < STORM_CHANGES and behind < STORM_BEHIND:
            return False
        self._to_walk[root.id, b""] = None
        self._told.add((root.id, b""))
        return True

    def _pair(self) -> None:
        """Take in the videos of folders where one, or a photo, has come or gone."""
        for root_id, folder in self._to_pair:
            rules = rules_for(root.path, folder) if (root := self._roots.get(root_id)) else None
            if rules is None:
                continue
            try:
                videos = videos_in(rules)
            except OSError:  # what is known stays, as with a walk
                continue
            with self._database.writing() as connection:
                pair_videos(connection, root_id, folder, videos)
        self._to_pair.clear()

    def _look_at(self, root: Root, place: Place, path: bytes) -> None:
        sighting = describe(place, path)
        rules = rules_for(root.path, place.folder)
        if sighting is None or rules is None or not rules.takes_file(place.name):
            self._settling.forget(place)
            with self._database.writing() as connection:
                if catalogue.miss_file(connection, root, place):
                    self._lost_at = self._clock()
            self._to_pair.add((root.id, place.folder))
        elif is_fresh(sighting):
            self._settling.touch(place, path)
        else:
            with self._database.writing() as connection:
                restack(connection, catalogue.see(connection, [sighting]))
            self._to_pair.add((root.id, place.folder))

    def _look_at_other_names(self, place: Place) -> None:
        """Look at the hard links of a file, of which the system does not tell."""
        path = join(self._roots[place.root_id].path, place.folder, place.name)
        sighting = describe(place, path)
        if sighting is None:
            return
        with self._database.reading() as connection:
            others = catalogue.outdated_names(connection, sighting)
        for other in others:
            if (root := self._roots.get(other.root_id)) is not None:
                self._look_at(root, other, join(root.path, other.folder, other.name))

    def _look_beside(self, root: Root, sidecar: Place) -> None:
        """Look at the photos whose sidecar has changed."""
        with self._database.reading() as connection:
            names = catalogue.files_called(
                connection, root.id, sidecar.folder, stem_of(sidecar.name)
            )
        for name in names:
            self._look_at(root, sidecar._replace(name=name), join(root.path, sidecar.folder, name))

    def _check_roots(self) -> None:
        """Notice roots that went away or came back, of which no event tells."""
        if self._clock() - self._roots_checked_at < ROOT_CHECK_SECONDS:
            return
        self._roots_checked_at = self._clock()
        with self._database.reading() as connection:
            listed = roots(connection)
        for root in listed:
            self._roots[root.id] = root
            there = is_there(root)
            if not there and not root.available and follow_drive(self._database, root):
                self.reload()
                return
            if there != root.available or (there and is_another_drive(root)):
                if self._watcher is not None:  # a watch does not outlive its drive
                    self._watcher.unwatch(root.id)
                if root.available and not there:
                    self._to_walk[root.id, b""] = None
                else:
                    self._follow(root)

    def _grace_is_over(self, since: float) -> bool:
        return self._watcher is None or self._clock() - since >= GRACE_SECONDS
