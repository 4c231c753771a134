"""How long others wait, from files as the kernel writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scened.governor.pressure import WINDOW_SECONDS, OthersWait, Stall
from tests.clock import FakeClock

DAEMON, ANALYZER, STRANGER = 10, 11, 99
OURS = (DAEMON, ANALYZER)


@dataclass
class Machine:
    """A kernel's counters in files, and the clock they are read by."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def pressure(self) -> Path:
        return self.folder / "pressure"

    @property
    def group(self) -> Path:
        return self.folder / "scened.service"

    def waits(self, file: Path, microseconds: int) -> None:
        """Let the kernel have counted so much waiting in all, in some processes and in all."""
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"some avg10=99.00 avg60=99.00 avg300=99.00 total={microseconds}\n"
            f"full avg10=88.00 avg60=88.00 avg300=88.00 total={microseconds // 2}\n"
        )

    def everybody_waits(self, memory: int = 0, disk: int = 0) -> None:
        self.waits(self.pressure / "memory", memory)
        self.waits(self.pressure / "io", disk)

    def we_wait(self, memory: int = 0, disk: int = 0) -> None:
        self.waits(self.group / "memory.pressure", memory)
        self.waits(self.group / "io.pressure", disk)

    def in_the_group(self, *pids: int) -> None:
        (self.group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))

    def wait(self) -> OthersWait:
        return OthersWait(self.clock, self.pressure, self.group)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which nobody waits, and a service with a control group of its own."""
    made = Machine(tmp_path)
    made.everybody_waits()
    made.we_wait()
    made.in_the_group(*OURS)
    return made


@pytest.fixture
def wait(machine: Machine) -> OthersWait:
    """What has watched that machine for a while."""
    made = machine.wait()
    machine.clock.advance(WINDOW_SECONDS)
    assert (made.stall(OURS) or Stall(0, "")).percent == 0
    return made


def after_a_second(machine: Machine, wait: OthersWait) -> Stall | None:
    machine.clock.advance(1)
    return wait.stall(OURS)


def test_the_growth_of_the_counter_counts_and_not_the_average(
    machine: Machine, wait: OthersWait
) -> None:
    machine.everybody_waits(memory=250_000)
    assert after_a_second(machine, wait) == Stall(25, "memory")
    assert (after_a_second(machine, wait) or Stall(1, "")).percent == 0


def test_what_is_waited_for_most_is_named(machine: Machine, wait: OthersWait) -> None:
    machine.everybody_waits(memory=100_000, disk=400_000)
    assert after_a_second(machine, wait) == Stall(40, "the disk")


def test_our_own_waiting_does_not_count(machine: Machine, wait: OthersWait) -> None:
    machine.everybody_waits(disk=900_000)
    machine.we_wait(disk=900_000)
    assert (after_a_second(machine, wait) or Stall(1, "")).percent == 0


def test_what_others_wait_beyond_ours_counts(machine: Machine, wait: OthersWait) -> None:
    machine.everybody_waits(disk=900_000)
    machine.we_wait(disk=300_000)
    assert after_a_second(machine, wait) == Stall(60, "the disk")


def test_we_may_wait_more_than_the_average_of_the_cores(machine: Machine, wait: OthersWait) -> None:
    machine.everybody_waits(disk=450_000)
    machine.we_wait(disk=900_000)
    assert (after_a_second(machine, wait) or Stall(1, "")).percent == 0


def test_in_a_group_with_others_only_memory_counts(machine: Machine, wait: OthersWait) -> None:
    machine.in_the_group(*OURS, STRANGER)
    machine.clock.advance(WINDOW_SECONDS)
    wait.stall(OURS)
    machine.everybody_waits(memory=200_000, disk=900_000)
    machine.we_wait(memory=200_000, disk=900_000)
    assert after_a_second(machine, wait) == Stall(20, "memory")


def test_without_a_group_only_memory_counts(machine: Machine) -> None:
    wait = OthersWait(machine.clock, machine.pressure, None)
    machine.everybody_waits(memory=200_000, disk=900_000)
    assert after_a_second(machine, wait) == Stall(20, "memory")


def test_within_a_window_nothing_new_is_said(machine: Machine, wait: OthersWait) -> None:
    machine.everybody_waits(memory=900_000)
    machine.clock.advance(WINDOW_SECONDS / 2)
    assert (wait.stall(OURS) or Stall(1, "")).percent == 0


def test_a_kernel_that_counts_nothing_is_no_sensor(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    wait = machine.wait()
    assert after_a_second(machine, wait) is None


@pytest.mark.parametrize("words", ["", "some\n", "some avg10=0.00 total=many\n"])
def test_a_counter_that_cannot_be_read_is_no_sensor(
    machine: Machine, wait: OthersWait, words: str
) -> None:
    for name in ("memory", "io"):
        (machine.pressure / name).write_text(words)
    assert after_a_second(machine, wait) is None


def test_a_counter_that_runs_backwards_is_told_as_it_is(machine: Machine) -> None:
    machine.everybody_waits(memory=5_000_000)
    wait = machine.wait()
    machine.everybody_waits(memory=0)
    assert after_a_second(machine, wait) == Stall(-500, "memory")


def test_a_counter_that_stands_still_tells_of_no_waiting(
    machine: Machine, wait: OthersWait
) -> None:
    machine.everybody_waits(memory=10**12)
    after_a_second(machine, wait)
    assert (after_a_second(machine, wait) or Stall(1, "")).percent == 0
