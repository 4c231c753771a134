"""How much of the time may be worked: halved when others need the machine, grown when not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.governor.duty import (
    DECREASE_SECONDS,
    LEAST,
    MOST_STALLED_PERCENT,
    RECOVERY_PER_SECOND,
    START,
    Duty,
)
from scened.governor.pressure import Stall
from tests.clock import FakeClock

CORES = 4
WAITING = Stall(MOST_STALLED_PERCENT + 1, "the disk")
QUIET = Stall(MOST_STALLED_PERCENT, "the disk")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def duty(clock: FakeClock) -> Duty:
    """A duty that has grown to its full."""
    made = Duty(clock)
    clock.advance(1 / RECOVERY_PER_SECOND)
    made.adjust(CORES, 0.0, QUIET)
    clock.advance(DECREASE_SECONDS)
    return made


def test_it_grows_to_the_full_and_then_follows_nothing(duty: Duty) -> None:
    assert (duty.share, duty.follows) == (1, "")


def test_it_says_while_it_grows(clock: FakeClock) -> None:
    duty = Duty(clock)
    clock.advance(1)
    duty.adjust(CORES, 0.0, None)
    assert duty.share == START + RECOVERY_PER_SECOND
    assert duty.follows == "it grows while others leave room"


def test_others_at_work_halve_it(duty: Duty) -> None:
    duty.adjust(CORES, 3.9, QUIET)
    assert (duty.share, duty.follows) == (0.5, "others use 3.9 of 4 cores")


def test_others_who_wait_halve_it_though_the_processor_is_idle(duty: Duty) -> None:
    duty.adjust(CORES, 0.0, WAITING)
    assert (duty.share, duty.follows) == (0.5, "others wait for the disk 21 % of the time")


def test_others_who_wait_no_more_give_it_back_slowly(clock: FakeClock, duty: Duty) -> None:
    duty.adjust(CORES, 0.0, WAITING)
    shares = []
    for _ in range(3):
        clock.advance(1)
        duty.adjust(CORES, 0.0, QUIET)
        shares.append(duty.share)
    assert shares == pytest.approx([0.6, 0.7, 0.8])


def test_without_a_sensor_for_waiting_only_the_cores_count(duty: Duty) -> None:
    duty.adjust(CORES, 0.0, None)
    assert duty.share == 1


def test_one_busy_core_of_two_leaves_us_the_other(clock: FakeClock) -> None:
    duty = Duty(clock)
    clock.advance(100)
    duty.adjust(2, 1.0, None)
    assert duty.share == 1


def test_less_than_a_core_of_room_is_the_most_it_takes(clock: FakeClock, duty: Duty) -> None:
    duty.adjust(2, 1.25, None)
    assert (duty.share, duty.follows) == (0.75, "others use 1.2 of 2 cores")


@pytest.mark.parametrize("percent", [-300.0, 111.0, 1e9, math.inf, math.nan])
def test_a_wait_that_cannot_be_true_changes_nothing_and_is_named(
    duty: Duty, percent: float
) -> None:
    duty.adjust(CORES, 0.0, Stall(percent, "memory"))
    assert duty.share == 1
    assert "waits for memory of" in duty.follows
    assert "cannot be right" in duty.follows


@pytest.mark.parametrize("others", [-1.0, 5.0, math.inf, math.nan])
def test_a_use_that_cannot_be_true_changes_nothing_and_is_named(duty: Duty, others: float) -> None:
    duty.adjust(CORES, others, None)
    assert duty.share == 1
    assert "cores of others cannot be right" in duty.follows


class Weather:
    """Strategies for what others do, true or not, and for how long."""

    cores = st.one_of(st.none(), st.floats(-1, 2 * CORES))
    stall = st.one_of(st.none(), st.builds(Stall, st.floats(-50, 150), st.just("memory")))
    passed = st.floats(0, 100)
    days = st.lists(st.tuples(cores, stall, passed))


@given(Weather.days, st.floats(0.001, 1), st.floats(0.001, 10))
def test_it_keeps_within_its_bounds_and_rests_are_finite(
    days: list[tuple[float | None, Stall | None, float]], most: float, worked: float
) -> None:
    clock = FakeClock()
    duty = Duty(clock, most)
    for others, stall, passed in days:
        clock.advance(passed)
        duty.adjust(CORES, others, stall)
        least = min(LEAST, most)
        assert least <= duty.share <= most
        assert duty.rest_seconds(worked) <= worked / least


@given(Weather.days)
def test_it_never_grows_while_others_are_in_need(
    days: list[tuple[float | None, Stall | None, float]],
) -> None:
    clock = FakeClock()
    duty = Duty(clock)
    for others, _, passed in days:
        clock.advance(passed)
        before = duty.share
        duty.adjust(CORES, others, WAITING)
        assert max(LEAST, before / 2) <= duty.share <= before


@given(Weather.days)
def test_it_never_falls_and_grows_no_faster_than_it_may_while_they_are_not(
    days: list[tuple[float | None, Stall | None, float]],
) -> None:
    clock = FakeClock()
    duty = Duty(clock)
    for _, _, passed in days:
        clock.advance(passed)
        before = duty.share
        duty.adjust(CORES, 0.0, QUIET)
        assert before <= duty.share <= before + RECOVERY_PER_SECOND * passed + 1e-9


@given(st.integers(1, 50), st.floats(0.01, 0.5))
def test_it_is_halved_no_more_than_once_in_a_while(reviews: int, interval: float) -> None:
    clock = FakeClock()
    duty = Duty(clock)
    duty.share = 1.0
    for _ in range(reviews):
        clock.advance(interval)
        duty.adjust(CORES, None, WAITING)
    halvings = 1 + int(reviews * interval / DECREASE_SECONDS)
    assert duty.share >= max(LEAST, 0.5**halvings)
