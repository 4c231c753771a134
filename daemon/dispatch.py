"""Give pending photos to the analyzer, slice by slice, and write down what comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from scened.analysis.protocol import (
    Answer,
    Done,
    Job,
    Looked,
    MovedOn,
    PackRefused,
    Ready,
    Started,
    decoder_version,
)
from scened.analysis.supervisor import AnalyzerEnded, AnalyzerSaid, Supervisor
from scened.clock import Clock
from scened.config import Settings
from scened.errors import DamagedPack, ReadFailed
from scened.findings import Outcome
from scened.governor.governor import Governor, Hold
from scened.models.pack import Pack
from scened.progress import Rate
from scened.store.backups import remove_backups
from scened.store.database import Database
from scened.store.queue import PendingPhoto, pending_photos, retry_failed
from scened.store.results import activate_pack, count_crash, record, switch_faces

__all__ = ["Dispatcher", "Seconds"]

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.25
SLICE_PHOTOS = 32
ANALYZER_IDLE_SECONDS = 60.0  # without work for so long, the analyzer goes and frees its memory
SUSPEND_SECONDS = 0.5  # a slice that must stop and lasts longer is suspended where it stands
LOOK_SECONDS = 0.25  # between two looks at a slice that is out
CHANGED_SECONDS = 2.0  # a photo that changed while it was read is not tried again before
STARTS = 3  # analyzers in a row that may die before they take a photo


class Seconds(msgspec.Struct, frozen=True):
    """Where the analyzer's time went."""

    hashing: float = 0.0
    decoding: float = 0.0
    network: float = 0.0


class Dispatcher:
    """The one place where photos meet the analyzer.

    Pending photos are asked of the database before each slice, and a slice's results are
    written in one transaction when it is over: whatever is killed, nothing is lost or done
    twice but the slice at hand.
    """

    def __init__(
        self,
        database: Database,
        pack: Pack,
        clock: Clock,
        tell: Callable[[AnalyzerSaid | AnalyzerEnded], None],
        moved_on: Callable[[bytes], None],
        governor: Governor,
        settings: Settings,
    ) -> None:
        self._database = database
        self._governor = governor
        self._clock = clock
        self._moved_on = moved_on
        self._supervisor = Supervisor(pack.folder, settings.limits, tell)
        self._decoder = decoder_version(settings.limits)
        self._faces = settings.analysis.faces
        self._given: dict[int, PendingPhoto] = {}  # by file id, of the slice at hand
        self._outcomes: list[Outcome] = []
        self._changed: dict[int, float] = {}  # file id -> when it changed while it was read
        self._nothing_since: int | None = None  # data version at which no photo was pending
        self._given_at = self._idle_since = self._rest_until = clock()
        self._failed_starts = 0
        self.hold: Hold | None = None
        self.last_error: str | None = None
        self.rate = Rate(clock)
        self.seconds = Seconds()
        self.analysed = 0
        self.use(pack)
        with database.writing() as connection:
            retry_failed(connection, self._decoder)
            faces_removed = switch_faces(connection, self._faces)
        if faces_removed:
            remove_backups(database.file)

    @property
    def busy(self) -> bool:
        """Tell whether a slice is out, or results wait to be written."""
        return self._supervisor.busy or bool(self._outcomes)

    @property
    def exhausted(self) -> bool:
        """Tell whether no photo was pending when last asked, and nothing has changed since."""
        return (
            not self.busy
            and not self._changed
            and self._nothing_since == self._database.data_version()
        )

    @property
    def analyzer_pid(self) -> int | None:
        """Return the analyzer's process id, if it runs."""
        return self._supervisor.pid

    def seconds_to_next(self) -> float | None:
        """Return when the next turn is due, or None when only news makes one."""
        if self._supervisor.busy:
            return LOOK_SECONDS
        return None if self.hold else max(0.0, self._rest_until - self._clock()) or None

    def turn(self) -> None:
        """Hand out the next slice if that is allowed; suspend one that must no longer go on."""
        self._supervisor.check()
        if self._supervisor.busy:
            self._mind_the_slice()
            return
        self._write()  # what could not be written when its slice was over
        if self.exhausted:
            self.hold = None
            if self._supervisor.running and self._is_long_idle():
                self._supervisor.stop()
            return
        photos = self._next_photos()
        self.hold = self._governor.hold() if photos else None
        if photos and self.hold is None and self._clock() >= self._rest_until:
            self._give(photos)

    def handle(self, message: AnalyzerSaid | AnalyzerEnded) -> None:
        """Take in what the analyzer said, or that it is gone."""
        if message.generation != self._supervisor.generation:
            return
        if isinstance(message, AnalyzerEnded):
            self._bury(message)
            return
        self._supervisor.heard(message.answer)
        self._take(message.answer)

    def retry_unread(self) -> None:
        """Try again what time may have cured."""
        with self._database.writing() as connection:
            retry_failed(connection, self._decoder)

    def use(self, pack: Pack) -> None:
        """Look with another pack from now on; what was finished with the one before is kept."""
        self.stop()
        self._supervisor.pack_folder = pack.folder
        self._nothing_since = None
        with self._database.writing() as connection:
            self.pack_id = activate_pack(connection, pack)

    def stop(self) -> None:
        """End the analyzer and write what it had finished."""
        self._supervisor.stop()
        self._write()

    def _mind_the_slice(self) -> None:
        """Let a slice end by itself, unless it must stop and outlasts our patience."""
        self.hold = self._governor.hold()
        if self.hold is None:
            self._supervisor.resume()
        elif self._clock() - self._given_at > SUSPEND_SECONDS:
            self._supervisor.suspend()

    def _next_photos(self) -> list[PendingPhoto]:
        now = self._clock()
        self._changed = {k: v for k, v in self._changed.items() if now - v < CHANGED_SECONDS}
        version = self._database.data_version()
        with self._database.reading() as connection:
            photos = pending_photos(connection, self.pack_id, SLICE_PHOTOS + len(self._changed))
        photos = [photo for photo in photos if photo.file_id not in self._changed]
        if not photos:
            self._nothing_since = version
        return photos

    def _give(self, photos: list[PendingPhoto]) -> None:
        if self._nothing_since is not None:
            self.rate.begin()
        self._nothing_since = None
        self._given = {photo.file_id: photo for photo in photos}
        jobs = tuple(
            Job(photo.file_id, photo.path, photo.size, photo.modified_ns, photo.known_hashes)
            for photo in photos
        )
        self._given_at = self._clock()
        self._supervisor.give(jobs, SLICE_SECONDS)

    def _take(self, answer: Answer) -> None:
        match answer:
            case Ready() | Started():
                self._failed_starts = 0
            case PackRefused(reason):
                raise DamagedPack(reason)
            case Looked():
                self._outcomes.append(answer.outcome)
                self.seconds = Seconds(
                    self.seconds.hashing + answer.hash_seconds,
                    self.seconds.decoding + answer.decode_seconds,
                    self.seconds.network + answer.network_seconds,
                )
            case MovedOn(file_id):
                self._changed[file_id] = self._clock()
                self._moved_on(self._given[file_id].path)
            case Done():
                self._write()
                self._idle_since = now = self._clock()
                worked = min(now - self._given_at, SUSPEND_SECONDS)
                self._rest_until = now + self._governor.rest_seconds(worked)

    def _write(self) -> None:
        if not self._outcomes:
            return
        outcomes = self._outcomes
        with self._database.writing() as connection:
            record(connection, self.pack_id, outcomes, self._decoder, faces=self._faces)
        self._outcomes = []
        self.analysed += sum(outcome.findings is not None for outcome in outcomes)
        self.rate.add(len(outcomes))

    def _bury(self, end: AnalyzerEnded) -> None:
        """Write what a dead analyzer had finished, and hold its death against its last photo."""
        victim = self._supervisor.ended()
        self.last_error = end.reason
        self._write()
        if victim is not None:
            logger.warning("%s while it looked at photo %d", end.reason, victim.file_id)
            photo = self._given[victim.file_id]
            with self._database.writing() as connection:
                last = Outcome(
                    photo.file_id, photo.size, photo.modified_ns, victim.hash, error=end.reason
                )
                count_crash(connection, self.pack_id, last, self._decoder, final=end.final)
            return
        self._failed_starts += 1
        if self._failed_starts >= STARTS:
            raise ReadFailed(
                f"the analyzer cannot start: {end.reason}", "reinstall scened, or see its log"
            )

    def _is_long_idle(self) -> bool:
        return self._clock() - self._idle_since >= ANALYZER_IDLE_SECONDS
