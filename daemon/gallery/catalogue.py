"""What the pages show: photos by date, by words, by likeness, and how far the daemon is."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scened.errors import MissingPath
from scened.library import Library
from scened.records import Duplicates, Photo, TagCount
from scened.store.heartbeat import process_runs
from scened.store.recognition import open_plainly

__all__ = ["Catalogue", "Label", "Listing", "Month", "Source", "State", "Unseen", "Wanted"]

LIMIT = 500  # photos that words or likeness find
FACETS = 40
LABEL_TAGS = 3
UNSEEN = 1_000  # failed photos on one page
FRESH_SECONDS = 5.0  # while the daemon works, the order by date is made anew this often

DATE = "coalesce(taken_at, modified_at, '')"
SHOWN = "status NOT IN ('failed', 'unsupported')"
AMONG = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True)
class Wanted:
    """What to show: photos that words find or that look like one, with all of these tags."""

    words: str = ""
    like: int | None = None
    tags: tuple[str, ...] = ()


class Month(msgspec.Struct, frozen=True, array_like=True):
    """A month, `2019-06`, and how many photos of the listing it has."""

    month: str
    photos: int


class Listing(msgspec.Struct, frozen=True):
    """Ids of photos in the order they are shown; newest first where there are `months`.

    `note` is a line for the user. `seq` tells whether something changed since.
    """

    ids: list[int]
    months: list[Month]
    note: str
    seq: int


class Label(msgspec.Struct, frozen=True, array_like=True):
    """What is read out of a photo in the grid."""

    id: int
    name: str
    date: str
    tags: tuple[str, ...]
    status: str


class Source(msgspec.Struct, frozen=True):
    """Where the bytes of a photo are, and what they were when they were last looked at."""

    path: bytes
    file_size: int
    modified_at: str


class Unseen(msgspec.Struct, frozen=True):
    """A photo without findings, and why."""

    id: int
    path: str
    status: str
    error: str


class State(msgspec.Struct, frozen=True):
    """What the daemon last said of itself, and the library's latest change."""

    running: bool
    seq: int
    state: str
    reason: str
    done: int
    pending: int
    failed: int
    rate: float | None
    eta_seconds: float | None


class Catalogue:
    """A library to look at, read-only; any thread may ask.

    What takes long (searching) and what must not wait for it (names, paths) are asked on
    connections of their own.
    """

    def __init__(
        self, file: Path, pack_folder: Path | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._library = Library.open(file, pack_folder)
        self._searching = threading.Lock()
        self._connection = open_plainly(file)
        self._looking = threading.Lock()
        self._ordering = threading.Lock()
        self._order: _Order | None = None

    def close(self) -> None:
        """Let go of the file."""
        with self._searching, self._looking:
            self._library.close()
            self._connection.close()

    def listing(self, wanted: Wanted) -> bytes:
        """Return a `Listing` as JSON. Raises ScenedError where nothing can be searched for."""
        if wanted == Wanted():
            return self._by_date().listing
        seq = self._by_date().seq
        ids, note = self._ids(wanted)
        if wanted.words or wanted.like is not None:
            return msgspec.json.encode(Listing(ids, [], note, seq))
        months = self._by_date().months_of(set(ids))
        return msgspec.json.encode(Listing(ids, months, note, seq))

    def facets(self, wanted: Wanted) -> list[TagCount]:
        """Return the tags of what is shown, the most frequent first."""
        if wanted == Wanted():
            return self._by_date().tags
        ids, _ = self._ids(wanted)
        rows = self._rows(
            "SELECT tag, kind, NULL, count(*) AS photos FROM photo_tags"
            f" WHERE photo_id IN {AMONG} GROUP BY tag ORDER BY photos DESC, tag LIMIT {FACETS}",
            json.dumps(ids),
        )
        return [TagCount(*row) for row in rows]

    def labels(self, ids: Sequence[int]) -> list[Label]:
        """Return what there is to say of photos, in no order; unknown ones are left out."""
        among = json.dumps(list(ids))
        with self._looking:
            tags: dict[int, list[str]] = {}
            for photo_id, tag in self._connection.execute(
                f"SELECT photo_id, tag FROM photo_tags WHERE photo_id IN {AMONG}"
                " ORDER BY score DESC, tag",
                (among,),
            ):
                tags.setdefault(photo_id, []).append(tag)
            rows = self._connection.execute(
                f"SELECT id, path, {DATE}, status FROM photos WHERE id IN {AMONG}", (among,)
            ).fetchall()
        return [
            Label(
                photo_id,
                path.rpartition("/")[2],
                date[:10],
                tuple(tags.get(photo_id, ())[:LABEL_TAGS]),
                status,
            )
            for photo_id, path, date, status in rows
        ]

    def photo(self, photo_id: int) -> Photo:
        """Return all that is known of a photo. Raises MissingPath."""
        with self._searching:
            return self._library.photo(photo_id)

    def source(self, photo_id: int) -> Source:
        """Return where to read a photo. Raises MissingPath."""
        rows = self._rows(
            "SELECT path_bytes, file_size, modified_at FROM photos WHERE id = ?", photo_id
        )
        if not rows:
            raise MissingPath(f"there is no photo with the id {photo_id}")
        return Source(*rows[0])

    def duplicates(self, *, near: bool) -> list[Duplicates]:
        """Return photos that show the same; near ones may take minutes, and nobody waits."""
        with Library.open(self._library.file) as library:
            return library.duplicates(near=near)

    def unseen(self) -> list[Unseen]:
        """Return photos that failed or are not supported, the latest first."""
        rows = self._rows(
            "SELECT id, path, status, coalesce(error, '') FROM photos"
            f" WHERE status IN ('failed', 'unsupported') ORDER BY seq DESC LIMIT {UNSEEN}"
        )
        return [Unseen(*row) for row in rows]

    def state(self) -> State:
        """Return how things stand."""
        (row,) = self._rows(
            "SELECT pid, heartbeat_at, (SELECT max(seq) FROM photos),"
            " (SELECT max(seq) FROM removed), state, reason, done, pending, failed, rate,"
            " eta_seconds FROM daemon"
        )
        pid, beaten, latest, latest_removed, state, reason, *numbers = row
        running = process_runs(pid, beaten)
        if not running:
            reason = reason if state == "stopped" else "it ended unexpectedly"
            state = "stopped"
        return State(running, max(latest or 0, latest_removed or 0), state, reason, *numbers)

    def _ids(self, wanted: Wanted) -> tuple[list[int], str]:
        """Return the ids that are wanted, in order, and what to say about them."""
        note = ""
        if wanted.like is not None:
            with self._searching:
                found = self._library.similar([wanted.like], limit=LIMIT)
            ids = [wanted.like, *(each.id for each in found)]
        elif wanted.words:
            with self._searching:
                results = self._library.search(wanted.words, limit=LIMIT)
            ids = [each.id for each in results.photos]
            note = "; ".join(
                [
                    *([results.without_meaning] if results.without_meaning else []),
                    *(_hint(each.word, each.similar) for each in results.unknown_words),
                ]
            )
        else:
            ids = self._by_date().ids
        for tag in wanted.tags:
            rows = self._rows("SELECT photo_id FROM photo_tags WHERE tag = ?", tag)
            carrying = {row[0] for row in rows}
            ids = [each for each in ids if each in carrying]
        return ids, note

    def _by_date(self) -> _Order:
        """Return all photos by date, made anew where the library has changed meanwhile."""
        with self._ordering:
            (version,) = self._rows("PRAGMA data_version")[0]
            order, now = self._order, self._clock()
            if order is None or (order.version != version and now - order.made_at > FRESH_SECONDS):
                rows = self._rows(
                    f"SELECT id, substr({DATE}, 1, 7) FROM photos WHERE {SHOWN}"
                    f" ORDER BY {DATE} DESC, id DESC"
                )
                with self._searching:
                    tags = self._library.tags()[:FACETS]
                order = _Order(version, now, self.state().seq, rows, tags)
                self._order = order
            return order

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._looking:
            return self._connection.execute(statement, values).fetchall()


class _Order:
    """All photos of a moment by date, newest first, ready to be sent."""

    def __init__(
        self,
        version: int,
        made_at: float,
        seq: int,
        rows: list[tuple[int, str]],
        tags: list[TagCount],
    ) -> None:
        self.version = version
        self.made_at = made_at
        self.seq = seq
        self.tags = tags
        self.ids = [photo_id for photo_id, _ in rows]
        self._months = [month for _, month in rows]
        self.listing = msgspec.json.encode(Listing(self.ids, self.months_of(None), "", seq))

    def months_of(self, ids: set[int] | None) -> list[Month]:
        """Return the months of some photos, or of all, newest first."""
        months = (
            month
            for photo_id, month in zip(self.ids, self._months, strict=True)
            if ids is None or photo_id in ids
        )
        return [Month(month, len(list(same))) for month, same in itertools.groupby(months)]


def _hint(word: str, similar: Sequence[str]) -> str:
    meant = f" (did you mean {', '.join(similar)}?)" if similar else ""
    return f"no photo is described by “{word}”{meant}"
