"""What lessens the duty of a governor, and what it says of it."""

from __future__ import annotations

import pytest

from scened.config import GateSettings, LoadSettings, PressureSettings, Settings
from scened.governor.pressure import Stall
from scened.store.governor_state import Wish
from tests.weather import BAD, MINUTE, Scene


@pytest.fixture
def at_full_duty() -> Scene:
    """Nobody else has been at work for a while."""
    scene = Scene()
    for _ in range(10):
        scene.reason(after=1)
    assert (scene.governor.duty, scene.governor.duty_follows) == (1, "")
    return scene


def test_others_who_wait_halve_the_duty_though_they_use_no_processor(at_full_duty: Scene) -> None:
    at_full_duty.weather.waits = Stall(34, "the disk")
    assert at_full_duty.reason(after=1) is None
    assert at_full_duty.governor.duty == 0.5
    assert at_full_duty.governor.duty_follows == "others wait for the disk 34 % of the time"


def test_the_duty_follows_whichever_of_the_two_is_there(at_full_duty: Scene) -> None:
    at_full_duty.weather.others = 3.6
    at_full_duty.weather.waits = Stall(0, "memory")
    at_full_duty.governor.adopt(Settings(gates=GateSettings(load=LoadSettings(enabled=False))))
    at_full_duty.reason(after=1)
    assert at_full_duty.governor.duty == 0.5
    assert at_full_duty.governor.duty_follows == "others use 3.6 of 4 cores"


def test_pressure_that_is_switched_off_slows_nothing(at_full_duty: Scene) -> None:
    off = PressureSettings(enabled=False)
    at_full_duty.governor.adopt(Settings(gates=GateSettings(pressure=off)))
    at_full_duty.weather.waits = Stall(90, "the disk")
    at_full_duty.reason(after=1)
    assert at_full_duty.governor.duty == 1


@pytest.mark.parametrize(
    ("wish", "follows"),
    [(Wish(paused_seconds=MINUTE), "paused"), (Wish(boosted_seconds=MINUTE), "boosted")],
)
def test_the_duty_follows_the_user_first(at_full_duty: Scene, wish: Wish, follows: str) -> None:
    at_full_duty.weather.waits = Stall(34, "the disk")
    at_full_duty.reason(after=1)
    at_full_duty.governor.obey(wish)
    assert at_full_duty.governor.duty_follows == follows


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("disk", "gates.disk is closed"),
        ("load", "gates.load is closed, but for a slice in 10 s"),
    ],
)
def test_a_closed_gate_leaves_no_duty_and_is_named(
    at_full_duty: Scene, name: str, follows: str
) -> None:
    BAD[name](at_full_duty.weather)
    at_full_duty.reason()
    assert (at_full_duty.governor.duty, at_full_duty.governor.duty_follows) == (0, follows)
