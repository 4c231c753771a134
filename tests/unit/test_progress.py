"""The speed of the work and the time left, on a clock that tests turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.progress import WINDOW_SECONDS, Estimator
from tests.clock import FakeClock

HOUR_SECONDS = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def estimator(clock: FakeClock) -> Estimator:
    """An estimator whose working time passes."""
    made = Estimator(clock)
    made.work()
    return made


def test_nothing_is_known_before_anything_is_finished(
    clock: FakeClock, estimator: Estimator
) -> None:
    clock.now += 10
    known = (estimator.over_last_minute(), estimator.since_start(), estimator.seconds_for(100))
    assert known == (None, None, None)


def test_no_speed_is_known_before_any_time_has_passed(estimator: Estimator) -> None:
    estimator.add(5)
    assert (estimator.over_last_minute(), estimator.since_start()) == (None, None)


def test_the_speed_is_photos_over_working_time(clock: FakeClock, estimator: Estimator) -> None:
    clock.now += 4
    estimator.add(6)
    clock.now += 1
    estimator.add(4)
    assert (estimator.over_last_minute(), estimator.since_start()) == (2.0, 2.0)


def test_the_time_left_follows_from_the_speed(clock: FakeClock, estimator: Estimator) -> None:
    clock.now += 5
    estimator.add(10)
    assert estimator.seconds_for(30) == 15.0


def test_no_photos_need_no_time(estimator: Estimator) -> None:
    assert estimator.seconds_for(0) == 0.0


def test_only_the_last_minute_of_work_makes_the_present_speed(
    clock: FakeClock, estimator: Estimator
) -> None:
    clock.now += 1
    estimator.add(1_000_000)
    clock.now += WINDOW_SECONDS
    estimator.add(30)
    clock.now += 0.5
    assert estimator.over_last_minute() == 30 / WINDOW_SECONDS


def test_the_speed_since_the_start_forgets_nothing(clock: FakeClock, estimator: Estimator) -> None:
    clock.now += 100
    estimator.add(300)
    clock.now += 100
    estimator.add(100)
    assert estimator.since_start() == 2.0


@pytest.mark.parametrize("pause", [1.0, HOUR_SECONDS, 1000 * HOUR_SECONDS])
def test_a_pause_changes_neither_speed_nor_time_left(
    clock: FakeClock, estimator: Estimator, pause: float
) -> None:
    clock.now += 5
    estimator.add(10)
    before = (estimator.over_last_minute(), estimator.since_start(), estimator.seconds_for(30))
    estimator.rest()
    clock.now += pause
    estimator.work()
    after = (estimator.over_last_minute(), estimator.since_start(), estimator.seconds_for(30))
    assert after == before


def test_the_time_left_is_told_during_a_pause(clock: FakeClock, estimator: Estimator) -> None:
    clock.now += 5
    estimator.add(10)
    estimator.rest()
    clock.now += HOUR_SECONDS
    assert estimator.seconds_for(30) == 15.0


def test_after_a_minute_without_results_the_speed_since_the_start_stands_in(
    clock: FakeClock, estimator: Estimator
) -> None:
    clock.now += 40
    estimator.add(100)
    clock.now += WINDOW_SECONDS + 1
    assert estimator.over_last_minute() is None
    assert estimator.seconds_for(10) == pytest.approx(10.1)


def test_telling_it_twice_counts_no_time_twice(clock: FakeClock, estimator: Estimator) -> None:
    clock.now += 2
    estimator.work()
    clock.now += 2
    estimator.rest()
    estimator.rest()
    estimator.add(8)
    assert estimator.since_start() == 2.0


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 1e6)), min_size=1, max_size=50))
def test_whatever_the_pauses_steady_work_has_its_own_speed(
    spells: list[tuple[float, float]],
) -> None:
    clock = FakeClock()
    estimator = Estimator(clock)
    for worked, paused in spells:
        estimator.work()
        clock.now += worked
        estimator.add(1)
        estimator.rest()
        clock.now += paused
    total = sum(worked for worked, _ in spells)
    assert estimator.since_start() == pytest.approx(len(spells) / total, rel=1e-6)
