"""Files that are still being written wait, on a clock that tests turn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scened.photos.scan import describe
from scened.photos.settle import SETTLE_SECONDS, Settling, is_fresh
from scened.store.places import Place, Sighting
from tests.clock import FakeClock

PLACE = Place(1, b"", b"a.jpg")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settling(clock: FakeClock) -> Settling:
    return Settling(clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").write_bytes(b"first part")
    return tmp_path / "a.jpg"


def test_a_file_that_keeps_still_is_taken(settling: Settling, clock: FakeClock, file: Path) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS
    assert list(settling.settled()) == [describe(PLACE, bytes(file))]


def test_a_file_is_not_taken_before_its_time(
    settling: Settling, clock: FakeClock, file: Path
) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS - 0.01
    assert list(settling.settled()) == []


def test_a_file_is_taken_once(settling: Settling, clock: FakeClock, file: Path) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS
    list(settling.settled())
    assert len(settling) == 0


def test_a_file_that_grew_unnoticed_waits_anew(
    settling: Settling, clock: FakeClock, file: Path
) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS
    file.write_bytes(b"first part, second part")
    assert (list(settling.settled()), settling.seconds_to_next()) == ([], SETTLE_SECONDS)


def test_news_of_a_change_makes_a_file_wait_anew(
    settling: Settling, clock: FakeClock, file: Path
) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS - 0.5
    file.write_bytes(b"first part, second part")
    settling.touch(PLACE, bytes(file))
    assert settling.seconds_to_next() == SETTLE_SECONDS


def test_news_without_a_change_does_not_make_a_file_wait_longer(
    settling: Settling, clock: FakeClock, file: Path
) -> None:
    settling.touch(PLACE, bytes(file))
    clock.now += SETTLE_SECONDS - 0.5
    settling.touch(PLACE, bytes(file))
    assert settling.seconds_to_next() == pytest.approx(0.5)


def test_a_file_that_went_away_while_it_waited_is_not_taken(
    settling: Settling, clock: FakeClock, file: Path
) -> None:
    settling.touch(PLACE, bytes(file))
    file.unlink()
    for _ in range(2):
        clock.now += SETTLE_SECONDS
        assert list(settling.settled()) == []
    assert len(settling) == 0


def test_a_forgotten_file_does_not_wait(settling: Settling, file: Path) -> None:
    settling.touch(PLACE, bytes(file))
    settling.forget(PLACE)
    assert (len(settling), settling.seconds_to_next()) == (0, None)


@pytest.mark.parametrize(
    ("age_seconds", "fresh"), [(0.5, True), (SETTLE_SECONDS + 0.1, False), (-3600, False)]
)
def test_a_file_is_fresh_just_after_it_was_written(
    file: Path, age_seconds: float, fresh: bool
) -> None:
    os.utime(file, (1e9, 1e9))
    sighting = Sighting.of(PLACE, file.stat(), file.parent.stat().st_dev)
    assert is_fresh(sighting, lambda: 1e9 + age_seconds) is fresh
