"""The daemon: wires the parts, and owns its start, its stop and its signals."""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NamedTuple

from apscheduler.schedulers.background import BackgroundScheduler

from scened import __version__
from scened.analysis.supervisor import AnalyzerEnded, AnalyzerSaid
from scened.clock import Clock, steady_seconds
from scened.config import Settings, SettingsWatch, load_settings
from scened.dispatch import Dispatcher, Seconds
from scened.errors import DamagedDatabase, DatabaseUnavailable, ExitCode, ScenedError
from scened.governor.governor import Effort, Governor
from scened.governor.sensors import Sensors, SystemSensors, resident_bytes
from scened.metrics import MetricsFile
from scened.models.pack import Pack
from scened.notify import ServiceManager
from scened.packs import Packs
from scened.photos.follow import Follower
from scened.photos.watch import Change
from scened.requests import TAG, USE, WISHES, carry_out
from scened.store.backups import back_up_daily
from scened.store.commands import Answer, answer, unanswered
from scened.store.database import Database
from scened.store.governor_state import GovernorState, Wish, read_wish, say
from scened.store.heartbeat import Counts, Pulse, beat, count_photos
from scened.store.results import drop_orphans

__all__ = ["Service", "Summary"]

logger = logging.getLogger(__name__)

BOOST_PROCESSES = 4  # at the most; each may hold 180 MB, and far more while it decodes
PATIENCE_SECONDS = 1.0  # the longest sleep: commands are noticed within it
MESSAGES_SECONDS = 0.25  # for what has come in, at a time
WORKING_BEAT_SECONDS = 1.0
IDLE_BEAT_SECONDS = 60.0
RECONCILE_MINUTES = 60
MAINTENANCE_HOURS = 24
BACKUP_HOURS = 24
DATABASE_RETRY_SECONDS = 5.0  # between two tries to use a database that could not be used
LAST_PHOTO_SECONDS = 5.0  # a photo that lasts longer when asked to stop is looked at again later


class Stop(NamedTuple):
    """Someone asked the daemon to end."""


class Chore(NamedTuple):
    """Something periodic is due; the scheduler's thread says so, the main thread does it."""

    do: Callable[[], None]


class Summary(NamedTuple):
    """How a run ended: the counts, the photos analysed in it, and where the time went."""

    counts: Counts
    analysed: int
    seconds: Seconds
    stopped: bool


Message = Change | AnalyzerSaid | AnalyzerEnded | Stop | Chore


class Service:
    """Everything that happens reaches one inbox; one thread reads it and is the only writer.

    With `once` it walks the roots, analyses what is pending and ends; otherwise it goes on
    until it is stopped. `jobs`: with `once`, analyzers at our own priority, each on one core;
    by default one at the lowest priority that decodes ahead. `on_pulse` is told how things stand,
    and so is the service manager that started it. A change of `settings_file` is taken up while
    it runs.
    """

    def __init__(
        self,
        database: Database,
        pack: Pack,
        *,
        settings: Settings,
        settings_file: Path | None = None,
        sensors: Sensors | None = None,
        once: bool = False,
        jobs: int | None = None,
        clock: Clock = steady_seconds,
        on_pulse: Callable[[Pulse], None] | None = None,
    ) -> None:
        self._database = database
        self._pack = pack
        self._once = once
        self._clock = clock
        self._on_pulse = on_pulse
        self._settings_file = SettingsWatch(settings_file)
        self._metrics = MetricsFile(settings.metrics_file, clock)
        self._manager = ServiceManager(clock)
        self._inbox: SimpleQueue[Message] = SimpleQueue()  # safe to fill from a signal handler
        self._follower = Follower(database, clock, None if once else self._inbox.put)
        sensors = sensors or SystemSensors(clock)
        if not once:
            effort = Effort(min(sensors.cores(), BOOST_PROCESSES), keeps_priority=True)
        elif jobs is not None:
            effort = Effort(jobs, keeps_priority=True)
        else:
            effort = Effort(decodes_ahead=True)
        self._governor = Governor(
            settings, sensors, clock, database.file.parent, self._pids, effort
        )
        self._dispatcher = Dispatcher(
            database,
            pack,
            clock,
            self._inbox.put,
            self._follower.look_again,
            self._governor,
            settings,
        )
        self._obey()
        self._stopping_since: float | None = None
        self._unusable: str | None = None  # why the database cannot be used, while that is so
        self._beaten: tuple[str, float] = ("", clock())
        self._commands_at: int | None = None
        self._settings_at = clock()

    def run(self) -> Summary:
        """Work until there is nothing left (`once`) or someone asks to stop.

        SIGTERM and SIGINT let the photo at hand be finished. Raises `ScenedError` where work
        cannot go on.
        """
        with self._signals(), self._chores():
            self._follower.start()
            # what stays for ever is looked through no more, and so the rest more often: garbage
            # may otherwise pile up to a quarter of all there is
            gc.freeze()
            self._manager.say("READY=1")
            logger.info("scened %s with pack %s", __version__, self._pack.identity)
            ended = "it failed"
            try:
                self._work()
                ended = "done" if self._stopping_since is None else "asked to stop"
            finally:
                self._manager.say("STOPPING=1")
                self._follower.stop()
                with suppress(DatabaseUnavailable, DamagedDatabase):
                    self._dispatcher.stop()
                    self._beat("stopped", ended)
        with self._database.reading() as connection:
            counts = count_photos(connection, self._dispatcher.pack_id)
        return Summary(
            counts,
            self._dispatcher.analysed,
            self._dispatcher.seconds,
            self._stopping_since is not None,
        )

    def _work(self) -> None:
        """Take turns until the end; while the database cannot be used, wait and then go on."""
        while True:
            self._manager.feed_watchdog()
            try:
                if not self._turn():
                    return
                self._unusable = None
            except DatabaseUnavailable as error:
                if self._stopping_since is not None:
                    return
                if self._unusable is None:
                    logger.warning("%s", error)
                self._unusable = error.message
                self._wait_for_database()

    def _turn(self) -> bool:
        """Do what has come in and what is due; return whether there is a next turn."""
        for message in self._messages():
            self._handle(message)
        if self._stopping_since is not None:
            waited = self._clock() - self._stopping_since
            return self._dispatcher.busy and waited <= LAST_PHOTO_SECONDS
        self._follow_settings()
        self._follower.turn()
        self._answer_commands()
        if not (self._once and self._follower.walking):  # newest first needs them all
            self._dispatcher.turn()
        if self._once and self._follower.quiet and self._dispatcher.exhausted:
            self._follower.let_go()
            return False
        self._show()
        return True

    def _wait_for_database(self) -> None:
        """Let some time pass, in which only a wish to stop is heard; then read all folders anew.

        What was under way when the database failed may be half done: a walk finds it again.
        """
        deadline = self._clock() + DATABASE_RETRY_SECONDS
        kept: list[Message] = []
        while self._stopping_since is None and (left := deadline - self._clock()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except Empty:
                break
            if isinstance(message, Stop):
                self._stopping_since = self._clock()
            elif not isinstance(message, Change):  # a walk will see it
                kept.append(message)
        for message in kept:
            self._inbox.put(message)
        self._follower.walk_anew()

    def _messages(self) -> Iterator[Message]:
        """Yield what has come in, after waiting for it as long as nothing else is due.

        Where it comes in faster than it is taken, other things get their turn too.
        """
        try:
            yield self._inbox.get(timeout=self._patience())
            deadline = self._clock() + MESSAGES_SECONDS
            while self._clock() < deadline:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _patience(self) -> float:
        due = (self._follower.seconds_to_next(), self._dispatcher.seconds_to_next())
        return min([PATIENCE_SECONDS, *(seconds for seconds in due if seconds is not None)])

    def _handle(self, message: Message) -> None:
        match message:
            case Change():
                self._follower.handle(message, self._inbox.qsize())
            case AnalyzerSaid() | AnalyzerEnded():
                self._dispatcher.handle(message)
            case Stop():
                self._stopping_since = self._clock()
            case Chore(do):
                do()

    def _answer_commands(self) -> None:
        version = self._database.data_version()
        if version == self._commands_at:
            return
        self._commands_at = version
        for command in unanswered(self._database):
            try:
                given = carry_out(self._database, command)
            except ScenedError as error:
                given = Answer(error.exit_code, str(error))
            if given.exit_code == ExitCode.DONE:
                if command.verb in WISHES:
                    self._obey()
                elif command.verb == USE:
                    self._use_pack()
                elif command.verb != TAG:
                    self._follower.reload()
                self._show()
            logger.info("command %s: exit code %d", command.verb, given.exit_code)
            answer(self._database, command, given)

    def _use_pack(self) -> None:
        packs = Packs(self._database.file)
        self._pack = packs.open(packs.active())
        self._dispatcher.use(self._pack)

    def _obey(self) -> None:
        """Follow what the user wishes of the governor; whoever runs `--once` waits for it."""
        with self._database.reading() as connection:
            wished = read_wish(connection)
        self._governor.obey(Wish(boosted_seconds=math.inf) if self._once else wished)

    def _follow_settings(self) -> None:
        """Take up settings that were changed; those with a mistake change nothing."""
        if self._clock() - self._settings_at < PATIENCE_SECONDS:
            return
        self._settings_at = self._clock()
        if not self._settings_file.changed():
            return
        try:
            settings = load_settings(self._settings_file.file)
        except ScenedError:
            logger.warning("the changed settings are not taken up; `scened config check` says why")
            return
        logger.info("settings taken up")
        self._governor.adopt(settings)
        self._metrics = MetricsFile(settings.metrics_file, self._clock)
        self._beat(*self._state())

    def _pids(self) -> list[int]:
        return [os.getpid(), *self._dispatcher.analyzer_pids]

    def _show(self) -> None:
        state, reason = self._state()
        shown, at = self._beaten
        idle = state == "idle"
        period = IDLE_BEAT_SECONDS if idle else WORKING_BEAT_SECONDS
        if state != shown or self._clock() - at >= period:
            self._beat(state, reason)

    def _state(self) -> tuple[str, str]:
        if self._follower.walking:
            return "working", "reading folders"
        if (hold := self._dispatcher.hold) is not None:
            return "waiting", f"{hold.reason}; {hold.remedy}"
        if self._dispatcher.busy or not self._dispatcher.exhausted:
            return "working", "looking at photos"
        if self._follower.settling:
            return "working", f"{self._follower.settling} new files are still being written"
        return "idle", "every photo has been looked at"

    def _beat(self, state: str, reason: str) -> None:
        if state != self._beaten[0]:
            logger.info("%s: %s", state, reason)
        self._beaten = (state, self._clock())
        with self._database.reading() as connection:
            counts = count_photos(connection, self._dispatcher.pack_id)
        progress = self._dispatcher.progress
        pulse = Pulse(
            pid=os.getpid() if state != "stopped" else None,
            version=__version__,
            state=state,
            reason=reason,
            counts=counts,
            rate=progress.over_last_minute() if state == "working" else None,
            eta_seconds=progress.seconds_for(counts.pending),
            pack=self._pack.identity,
        )
        self._governor.hold()
        state_of_governor = GovernorState(
            duty=self._governor.duty,
            duty_follows=self._governor.duty_follows,
            gates=self._governor.verdicts,
            rate_since_start=progress.since_start(),
            last_error=self._dispatcher.last_error,
            daemon_bytes=resident_bytes([os.getpid()]),
            analyzer_bytes=resident_bytes(self._dispatcher.analyzer_pids),
        )
        with self._database.writing() as connection:
            beat(connection, pulse)
            say(connection, state_of_governor)
        self._manager.say(f"STATUS={state}: {reason}")
        self._metrics.write(pulse, state_of_governor, last=state == "stopped")
        if self._on_pulse is not None:
            self._on_pulse(pulse)

    @contextmanager
    def _chores(self) -> Iterator[None]:
        if self._once:
            yield
            return
        scheduler = BackgroundScheduler()
        for do, interval in (
            (self._follower.reload, {"minutes": RECONCILE_MINUTES}),
            (self._dispatcher.retry_unread, {"minutes": RECONCILE_MINUTES}),
            (self._maintain, {"hours": MAINTENANCE_HOURS}),
        ):
            scheduler.add_job(self._inbox.put, "interval", args=[Chore(do)], **interval)
        # in the scheduler's own thread: it reads only, and takes a while
        scheduler.add_job(back_up_daily, "interval", args=[self._database.file], hours=BACKUP_HOURS)
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    def _maintain(self) -> None:
        with self._database.writing() as connection:
            drop_orphans(connection)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._inbox.put(Stop())

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
