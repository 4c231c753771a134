"""Give pending photos to the analyzers, slice by slice, and write down what comes back."""

from __future__ import annotations

import itertools
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
    ReadBeside,
    Ready,
    SidecarJob,
    Slice,
    Started,
    decoder_version,
)
from scened.analysis.supervisor import AnalyzerEnded, AnalyzerSaid, Supervisor
from scened.clock import Clock
from scened.config import Settings
from scened.errors import DamagedPack, ReadFailed
from scened.findings import Outcome, SidecarRead
from scened.governor.governor import Effort, Governor, Hold
from scened.models.pack import Pack
from scened.progress import Estimator
from scened.store.backups import remove_backups
from scened.store.database import Database
from scened.store.queue import PendingPhoto, pending_photos, retry_failed
from scened.store.results import activate_pack, count_crash, record, switch_faces
from scened.store.sidecars import WaitingSidecar, record_sidecars, waiting_sidecars

__all__ = ["Dispatcher", "Seconds"]

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.25
SLICE_PHOTOS = 32
ANALYZER_IDLE_SECONDS = 60.0  # without work for so long, the analyzers go and free their memory
SUSPEND_SECONDS = 0.5  # a slice that must stop and lasts longer is suspended where it stands
LOOK_SECONDS = 0.25  # between two looks at the slices that are out
CHANGED_SECONDS = 2.0  # a photo that changed while it was read is not tried again before
STARTS = 3  # analyzers in a row that may end by themselves before they take a photo
START_REST_SECONDS = 5.0  # after one that was killed then, until the next is started


class Seconds(msgspec.Struct, frozen=True):
    """Where the analyzers' time went."""

    hashing: float = 0.0
    decoding: float = 0.0
    network: float = 0.0


class _Worker:
    """One analyzer, the slice it is at, and what it has said of it so far."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.given: dict[int, PendingPhoto] = {}  # by file id
        self.given_at = 0.0
        self.outcomes: list[Outcome] = []
        self.beside: dict[int, WaitingSidecar] = {}  # by file id of the photo
        self.read: list[SidecarRead] = []

    @property
    def busy(self) -> bool:
        """Tell whether its slice is out, or results of it wait to be written."""
        return self.supervisor.busy or bool(self.outcomes or self.read)


class Dispatcher:
    """The one place where photos meet the analyzers.

    Pending photos are asked of the database before each slice, and a slice's results are
    written in one transaction when it is over: whatever is killed, nothing is lost or done
    twice but the slices at hand. A photo is in one slice at a time.
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
        self._limits = settings.limits
        self._decoder = decoder_version(settings.limits)
        self._faces = settings.analysis.faces
        self._governor = governor
        self._clock = clock
        self._tell = tell
        self._moved_on = moved_on
        self._workers: list[_Worker] = []
        self._changed: dict[int, float] = {}  # file id -> when it changed while it was read
        self._nothing_since: int | None = None  # data version at which no photo was pending
        self._idle_since = self._rest_until = self._looked_at = clock()
        self._failed_starts = 0
        self.hold: Hold | None = None
        self.last_error: str | None = None
        self.progress = Estimator(clock)
        self.seconds = Seconds()
        self.analysed = 0
        self.use(pack)
        self.retry_unread()
        with database.writing() as connection:
            faces_removed = switch_faces(connection, self._faces)
        if faces_removed:
            remove_backups(database.file)

    @property
    def busy(self) -> bool:
        """Tell whether a slice is out, or results wait to be written."""
        return any(worker.busy for worker in self._workers)

    @property
    def exhausted(self) -> bool:
        """Tell whether no photo was pending when last asked, and nothing has changed since."""
        return (
            not self.busy
            and not self._changed
            and self._nothing_since == self._database.data_version()
        )

    @property
    def analyzer_pids(self) -> list[int]:
        """Return the process ids of the analyzers that run."""
        return [pid for worker in self._workers if (pid := worker.supervisor.pid)]

    def seconds_to_next(self) -> float | None:
        """Return when the next turn is due, or None when only news makes one."""
        if self.busy:
            return LOOK_SECONDS
        return None if self.hold else max(0.0, self._rest_until - self._clock()) or None

    def turn(self) -> None:
        """Hand out slices as far as that is allowed; suspend those that must no longer go on."""
        for worker in self._workers:
            if not worker.supervisor.busy:
                self._write(worker)  # what could not be written when its slice was over
        if self.exhausted:
            self.hold = None
            self.progress.rest()
            if self._clock() - self._idle_since >= ANALYZER_IDLE_SECONDS:
                self._dismiss(self._workers)
            return
        hold = self._governor.hold()
        self._mind_the_slices(hold)
        if hold is None:
            self._give_all(self._governor.effort())
        elif not self.busy and not self._next_photos(1):
            hold = None  # nothing is there that would have to wait
        self.hold = hold
        if hold is None and not self.exhausted:
            self.progress.work()
        else:
            self.progress.rest()

    def handle(self, message: AnalyzerSaid | AnalyzerEnded) -> None:
        """Take in what an analyzer said, or that it is gone."""
        for worker in self._workers:
            if worker.supervisor.generation == message.generation:
                if isinstance(message, AnalyzerEnded):
                    self._bury(worker, message)
                else:
                    worker.supervisor.heard(message.answer)
                    self._take(worker, message.answer)
                return

    def retry_unread(self) -> None:
        """Try again what time, or another decoder, may have cured."""
        with self._database.writing() as connection:
            retry_failed(connection, self._decoder)

    def use(self, pack: Pack) -> None:
        """Look with another pack from now on; what was finished with the one before is kept."""
        self.stop()
        self._pack_folder = pack.folder
        self._nothing_since = None
        with self._database.writing() as connection:
            self.pack_id = activate_pack(connection, pack)

    def stop(self) -> None:
        """End the analyzers and write what they had finished."""
        self._dismiss(self._workers)

    def _mind_the_slices(self, hold: Hold | None) -> None:
        """Let slices end by themselves, unless they must stop and outlast our patience."""
        now = self._clock()
        looks = now - self._looked_at >= LOOK_SECONDS
        if looks:
            self._looked_at = now
        for worker in self._workers:
            if looks:
                worker.supervisor.check()
            if hold is None:
                worker.supervisor.resume()
            elif worker.supervisor.busy and now - worker.given_at > SUSPEND_SECONDS:
                worker.supervisor.suspend()

    def _give_all(self, effort: Effort) -> None:
        """Give every analyzer that is free a slice; those that are one too many go."""
        if self._clock() < self._rest_until:
            return
        free = [worker for worker in self._workers if not worker.busy]
        surplus = max(0, len(self._workers) - effort.processes)
        fit = [each for each in free if each.supervisor.keeps_priority == effort.keeps_priority]
        unfit = [each for each in free if each not in fit]
        self._dismiss([*unfit, *fit][: max(surplus, len(unfit))])
        for number in range(effort.processes):
            if number == len(self._workers):
                supervisor = Supervisor(
                    self._pack_folder,
                    self._limits,
                    self._tell,
                    keeps_priority=effort.keeps_priority,
                    clock=self._clock,
                )
                self._workers.append(_Worker(supervisor))
            worker = self._workers[number]
            if not worker.busy:
                photos = self._next_photos(max(1, SLICE_PHOTOS // effort.processes))
                sidecars = [] if photos or self.busy else self._next_sidecars()
                if not photos and not sidecars:
                    return
                self._give(worker, photos, sidecars, effort)

    def _next_photos(self, limit: int) -> list[PendingPhoto]:
        """Return pending photos that are in nobody's slice."""
        now = self._clock()
        self._changed = {k: v for k, v in self._changed.items() if now - v < CHANGED_SECONDS}
        taken = set(self._changed).union(*(each.given for each in self._workers if each.busy))
        version = self._database.data_version()
        with self._database.reading() as connection:
            photos = pending_photos(connection, self.pack_id, limit + len(taken))
        photos = [photo for photo in photos if photo.file_id not in taken]
        if not photos and not self.busy and not self._next_sidecars():
            self._nothing_since = version
        return photos[:limit]

    def _next_sidecars(self) -> list[WaitingSidecar]:
        """Return sidecars to read; their turn comes when no photo waits."""
        with self._database.reading() as connection:
            return waiting_sidecars(connection, SLICE_PHOTOS)

    def _give(
        self,
        worker: _Worker,
        photos: list[PendingPhoto],
        sidecars: list[WaitingSidecar],
        effort: Effort,
    ) -> None:
        self._nothing_since = None
        worker.beside = {each.file_id: each for each in sidecars}
        worker.given = {photo.file_id: photo for photo in photos}
        worker.given_at = self._clock()
        jobs = tuple(
            Job(photo.file_id, photo.path, photo.size, photo.modified_ns) for photo in photos
        )
        # once for each size: uncompressed pictures of one camera all have the same
        known = {photo.size: photo.known_hashes for photo in photos}
        hashes = tuple(itertools.chain.from_iterable(known.values()))
        beside = tuple(SidecarJob(each.file_id, each.path) for each in sidecars)
        worker.supervisor.give(Slice(jobs, SLICE_SECONDS, effort.decodes_ahead, beside, hashes))

    def _take(self, worker: _Worker, answer: Answer) -> None:
        match answer:
            case Ready() | Started():
                self._failed_starts = 0
            case PackRefused(reason):
                raise DamagedPack(reason)
            case Looked():
                _log_result(answer.outcome)
                worker.outcomes.append(answer.outcome)
                self.seconds = Seconds(
                    self.seconds.hashing + answer.hash_seconds,
                    self.seconds.decoding + answer.decode_seconds,
                    self.seconds.network + answer.network_seconds,
                )
            case ReadBeside(read):
                worker.read.append(read)
            case MovedOn(file_id):
                self._changed[file_id] = self._clock()
                self._moved_on(worker.given[file_id].path)
            case Done():
                self._write(worker)
                self._idle_since = now = self._clock()
                worked = min(now - worker.given_at, SUSPEND_SECONDS)
                self._rest_until = now + self._governor.rest_seconds(worked)

    def _write(self, worker: _Worker) -> None:
        if not worker.outcomes and not worker.read:
            return
        outcomes = worker.outcomes
        with self._database.writing() as connection:
            record_sidecars(connection, worker.beside, worker.read)
            record(connection, self.pack_id, outcomes, self._decoder, faces=self._faces)
        worker.outcomes, worker.read = [], []
        self.analysed += sum(outcome.findings is not None for outcome in outcomes)
        self.progress.add(len(outcomes))

    def _bury(self, worker: _Worker, end: AnalyzerEnded) -> None:
        """Write what a dead analyzer had finished, and hold its death against its last photos.

        Where it had begun two, both are tried again, each alone, which tells the one to blame.
        """
        victims = worker.supervisor.ended()
        self.last_error = end.reason
        worker.read += [
            SidecarRead(victim.file_id, *worker.beside[victim.file_id].sidecar, error=end.reason)
            for victim in victims
            if victim.file_id in worker.beside
        ]
        self._write(worker)
        for victim in victims:
            logger.warning("%s while it looked at photo %d", end.reason, victim.file_id)
            if victim.file_id in worker.beside:
                continue
            photo = worker.given[victim.file_id]
            last = Outcome(
                photo.file_id,
                photo.size,
                photo.modified_ns,
                victim.hash,
                error=end.reason,
                transient=end.stuck and victim.hash is None,  # it was not read to its end
            )
            final = end.final and len(victims) == 1
            with self._database.writing() as connection:
                count_crash(connection, self.pack_id, last, self._decoder, final=final)
        if victims:
            return
        if end.killed:  # by somebody, or by a system short of memory: a later one may live
            self._rest_until = self._clock() + START_REST_SECONDS
            return
        self._failed_starts += 1
        if self._failed_starts >= STARTS:
            raise ReadFailed(
                f"the analyzer cannot start: {end.reason}", "reinstall scened, or see its log"
            )

    def _dismiss(self, workers: list[_Worker]) -> None:
        for worker in workers:
            worker.supervisor.dismiss()
        for worker in workers:
            worker.supervisor.stop()
            self._write(worker)
        self._workers = [worker for worker in self._workers if worker not in workers]


def _log_result(outcome: Outcome) -> None:
    """Say that a content was looked at; one that was known already by its hash was not."""
    if outcome.hash is not None and (outcome.findings is not None or outcome.error is not None):
        logger.debug("photo %d: result of content %s", outcome.file_id, outcome.hash.hex())
