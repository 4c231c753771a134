"""The rate of work, on a clock that tests turn."""

from __future__ import annotations

import pytest

from scened.progress import WINDOW_SECONDS, Rate


class FakeClock:
    """A steady clock that only moves when it is told to."""

    now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_no_rate_is_known_before_anything_is_finished(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 10
    assert (rate.per_second(), rate.seconds_for(100)) == (None, None)


def test_no_rate_is_known_before_any_time_has_passed(clock: FakeClock) -> None:
    rate = Rate(clock)
    rate.add(5)
    assert rate.per_second() is None


def test_the_rate_is_photos_over_the_time_since_the_start(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 4
    rate.add(6)
    clock.now += 1
    rate.add(4)
    assert rate.per_second() == 2.0


def test_the_time_left_follows_from_the_rate(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 5
    rate.add(10)
    assert rate.seconds_for(30) == 15.0


def test_only_the_last_minute_counts(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 1
    rate.add(1_000_000)
    clock.now += WINDOW_SECONDS
    rate.add(30)
    clock.now += 0.5
    assert rate.per_second() == 30 / WINDOW_SECONDS


def test_a_rest_does_not_count_as_slow_work(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 1
    rate.add(10)
    clock.now += 50
    rate.begin()
    clock.now += 2
    rate.add(8)
    assert rate.per_second() == 4.0


def test_the_rate_is_forgotten_after_a_minute_without_results(clock: FakeClock) -> None:
    rate = Rate(clock)
    clock.now += 1
    rate.add(10)
    clock.now += WINDOW_SECONDS + 1
    assert rate.per_second() is None
