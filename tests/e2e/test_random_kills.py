"""Daemon and analyzer are killed at random moments, again and again: nothing is lost, nor twice.

SCENED_SOAK_KILLS: how often; 20 unless it is set, `make soak` has it at 1,000.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import psutil
import pytest

from tests.e2e.conftest import PATIENCE_SECONDS, Scened, age, until
from tests.e2e.disk import content, photos_on
from tests.e2e.witness import Looks, Witness

KILLS = int(os.environ.get("SCENED_SOAK_KILLS", "20"))
NEW_PHOTOS = 6  # before each kill, so that there is always something to do
MOST_SECONDS = 3.0  # until a kill: long enough to be at work, short enough to be still starting
VICTIMS = ("daemon", "analyzer", "both")
Recorder = Callable[[str, object], None]


class Scene:
    """A daemon at work that is killed at random moments."""

    def __init__(self, scened: Scened, root: Path, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - not a secret
        self.kills: Counter[str] = Counter()
        self._scened = scened
        self._root = root
        self._output = scened.settings.with_name("output")
        self._witness = Witness(scened, Looks(self._output))
        self._written = 0
        self._results: dict[int, tuple[str, str]] = {}
        scened("add", root)
        scened("boost", "24h")  # or it would leave the machine to the tests beside it
        self.start()

    def start(self) -> None:
        command = [self._scened.command, "run", "--verbose", str(self._root)]
        with self._output.open("ab") as output:
            self.daemon = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._scened.environment
            )

    def add_photos(self) -> None:
        for _ in range(NEW_PHOTOS):
            self._written += 1
            path = self._root / f"{self._written}.jpg"
            path.write_bytes(content(self._written * 9))
            age(path)

    def kill(self) -> None:
        """Kill one or both, after a while that may end anywhere in what they do."""
        time.sleep(self.chance.uniform(0.0, MOST_SECONDS))
        victim = self.chance.choice(VICTIMS)
        if victim == "analyzer":
            until(lambda: psutil.Process(self.daemon.pid).children())
        children = psutil.Process(self.daemon.pid).children()
        if victim != "daemon":
            for child in children:
                child.kill()
                self.kills["analyzer"] += 1
        if victim != "analyzer":
            self.daemon.send_signal(signal.SIGKILL)
            self.daemon.wait()
            self.kills["daemon"] += 1
            _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
            assert not alive, "an analyzer outlived its daemon"
            self.check_whole()
            self.check_nothing_lost()
            self.start()

    def check_whole(self) -> None:
        """Check what the dead daemon left, on a copy: what it left must heal without us."""
        file = self._scened.database
        with tempfile.TemporaryDirectory() as folder:
            for path in file.parent.glob(f"{file.name}*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            connection = sqlite3.connect(Path(folder) / file.name)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            connection.close()

    def check_nothing_lost(self) -> None:
        """Check that all results are still there, as they were, and none was made twice."""
        before, self._results = self._results, self._known()
        assert before.items() <= self._results.items()
        if self._results:
            self._witness.check({}, Counter(), self.kills.total())

    def wait_until_all_are_seen(self) -> None:
        """Wait for every photo; those that three kills were blamed on are looked at again."""
        state, seen = "", -1
        while state != "idle":  # many kills leave much to do: only a standstill is too long
            ((state, seen),) = self._scened.wait_for(
                "SELECT state, done + failed FROM daemon WHERE state = 'idle' OR done + failed > ?",
                seen,
            )
        blamed = self._scened.rows("SELECT error FROM photos WHERE status = 'failed'")
        assert {error for (error,) in blamed} <= {"the analyzer died of signal 9 (3 times)"}
        self._scened("failures", "--retry")
        disk = photos_on(self._root)
        until(lambda: not self._witness.differences(disk, set()))
        self._witness.check(disk, Counter(), self.kills.total())

    def _known(self) -> dict[int, tuple[str, str]]:
        try:
            rows = self._scened.rows(
                "SELECT id, content_hash, seq FROM photos WHERE status = 'analysed'"
            )
        except sqlite3.OperationalError:  # it was killed before there was a schema
            return {}
        return {number: (digest, seq) for number, digest, seq in rows}


@pytest.mark.promise(
    "kill: daemon, analyzer or both are killed at a random moment",
    "the database is whole and keeps every result, work goes on, nothing known is looked at again",
)
@pytest.mark.timeout(0 if KILLS > 20 else 300)
def test_after_each_of_many_kills_the_database_is_whole_and_work_goes_on(
    scened: Scened, tmp_path: Path, record_property: Recorder
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    scene = Scene(scened, root, seed=KILLS)
    try:
        while scene.kills.total() < KILLS:
            scene.add_photos()
            scene.kill()
        scene.wait_until_all_are_seen()
    finally:
        scene.daemon.send_signal(signal.SIGTERM)
        scene.daemon.wait(PATIENCE_SECONDS)
    scened("db", "check")
    record_property("tried", scene.kills.total())
    kills = " and ".join(f"{times} of the {victim}" for victim, times in scene.kills.items())
    record_property("seen", f"{kills}; {len(photos_on(root))} photos, all seen")
