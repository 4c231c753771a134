"""The policy: what holds the work, what overrules it, and how hard it may go."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.config import (
    BatterySettings,
    GateSettings,
    HoursSettings,
    Settings,
)
from scened.governor.gates import CALM_SECONDS, SLOW_SECONDS, STUCK_SECONDS
from scened.governor.governor import REVIEW_SECONDS, TRICKLE_SECONDS, Effort
from scened.governor.sensors import Battery, Heat
from scened.store.governor_state import Wish
from tests.weather import BAD, BOOSTED, MINUTE, Scene, Weather, bad_battery, bad_heat, bad_load


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reading_holds_the_work_and_is_named(name: str) -> None:
    scene = Scene()
    assert scene.reason() is None
    BAD[name](scene.weather)
    assert (scene.reason() or "").startswith(f"{name}: ")


@pytest.mark.parametrize("name", BAD)
def test_good_weather_opens_the_gate_again_after_a_calm(name: str) -> None:
    scene = Scene()
    BAD[name](scene.weather)
    scene.reason()
    fair = Weather(battery_state=Battery(80, plugged=True), hottest=Heat(40, 100, "cpu"))
    scene.weather.__dict__.update(replace(fair, saving=False).__dict__)
    assert scene.reason() is not None
    assert scene.reason(after=CALM_SECONDS) is None


@pytest.mark.parametrize("name", BAD)
def test_a_gate_that_is_switched_off_holds_nothing(name: str) -> None:
    gates = GateSettings()
    section = type(getattr(gates, name))(enabled=False)
    names = {each: getattr(gates, each) for each in gates.__struct_fields__} | {name: section}
    scene = Scene(Settings(gates=GateSettings(**names)))
    BAD[name](scene.weather)
    assert scene.reason() is None
    assert scene.gate(name) == "switched off"


def test_without_sensors_every_gate_is_open_and_says_so() -> None:
    blind = Weather(others=None, stalled=None, free=None, disk=None)
    scene = Scene(weather=blind)
    assert scene.reason() is None
    assert {scene.gate(name) for name in BAD} == {"no sensor"}


READERS = {
    "battery": "battery",
    "power_saver": "power_saver",
    "heat": "heat",
    "load": "others_cores",
    "pressure": "memory_pressure",
    "memory": "free_memory",
    "disk": "free_disk",
}


@pytest.mark.parametrize("name", READERS)
def test_a_sensor_that_fails_closes_nothing_and_is_reported(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    scene = Scene()
    monkeypatch.setattr(scene.weather, READERS[name], fail)
    assert scene.reason() is None
    assert scene.gate(name) == "the sensor fails (ValueError)"


@pytest.mark.parametrize("celsius", [-60.0, 400.0])
def test_an_absurd_reading_closes_nothing_and_is_reported(celsius: float) -> None:
    scene = Scene(weather=Weather(hottest=Heat(celsius, 100, "cpu")))
    assert scene.reason() is None
    assert "cannot be right" in scene.gate("heat")


def test_a_sensor_that_stands_still_closes_nothing_for_ever() -> None:
    scene = Scene(weather=Weather(hottest=Heat(96, 100, "cpu")))
    assert scene.reason() is not None
    assert scene.reason(after=STUCK_SECONDS) is None
    assert "stands still" in scene.gate("heat")


def test_a_battery_may_stand_still_for_days() -> None:
    scene = Scene(weather=Weather(battery_state=Battery(80, plugged=False)))
    scene.reason()
    assert scene.reason(after=10 * STUCK_SECONDS) is not None


def test_a_low_battery_is_heeded_where_battery_is_allowed() -> None:
    gates = GateSettings(battery=BatterySettings(on_battery=True, least_percent=30))
    scene = Scene(Settings(gates=gates), Weather(battery_state=Battery(60, plugged=False)))
    assert scene.reason() is None
    scene.weather.battery_state = Battery(29, plugged=False)
    assert scene.reason() is not None


def test_within_its_margin_a_gate_stays_as_it_is() -> None:
    scene = Scene()
    scene.weather.others = 0.75 * scene.weather.core_count  # below 80 %, not well below
    assert scene.reason() is None
    scene.weather.others = 0.9 * scene.weather.core_count
    assert scene.reason() is not None
    scene.weather.others = 0.75 * scene.weather.core_count
    assert scene.reason(after=CALM_SECONDS) is not None


@pytest.mark.parametrize(
    ("hour", "held"), [(23, False), (3, False), (6, False), (7, True), (12, True), (21, True)]
)
def test_hours_may_pass_midnight(hour: int, held: bool) -> None:
    scene = Scene(Settings(gates=GateSettings(hours=HoursSettings(windows=("22:00-07:00",)))))
    scene.weather.time = datetime.time(hour)
    assert (scene.reason() is not None) is held


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_a_window_that_ends_when_it_begins_is_the_whole_day(hour: int) -> None:
    scene = Scene(Settings(gates=GateSettings(hours=HoursSettings(windows=("08:00-08:00",)))))
    scene.weather.time = datetime.time(hour)
    assert scene.reason() is None


def test_a_pause_holds_everything_until_it_ends() -> None:
    scene = Scene()
    scene.governor.obey(Wish(paused_seconds=MINUTE))
    assert scene.reason(after=0) == "paused for 60 s more"
    assert scene.reason(after=MINUTE) is None


def test_a_pause_without_end_lasts_until_resume() -> None:
    scene = Scene()
    scene.governor.obey(Wish(paused_seconds=math.inf))
    assert scene.reason(after=1e9) == "paused"
    scene.governor.obey(Wish())
    assert scene.reason() is None


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_boost_passes_all_gates_but_heat_and_disk(name: str) -> None:
    scene = Scene()
    BAD[name](scene.weather)
    scene.governor.obey(Wish(boosted_seconds=MINUTE))
    assert (scene.reason() is not None) is (name in ("heat", "disk"))


def test_a_boost_rests_never_and_ends() -> None:
    scene = Scene()
    scene.governor.obey(Wish(boosted_seconds=MINUTE))
    assert scene.governor.rest_seconds(0.25) == 0
    scene.now += MINUTE
    assert scene.governor.rest_seconds(0.25) > 0


def test_under_load_one_slice_in_a_while_still_passes() -> None:
    scene = Scene()
    bad_load(scene.weather)
    assert scene.reason() is not None
    assert scene.reason(after=TRICKLE_SECONDS) is None
    scene.governor.rest_seconds(0.25)  # the slice was worked
    assert scene.reason() is not None


@given(st.lists(st.tuples(st.sampled_from(sorted(BAD)), st.floats(0, 3600)), max_size=30))
def test_days_of_weather_never_shut_the_gates_for_good(days: list[tuple[str, float]]) -> None:
    scene = Scene()
    for name, passed in days:
        BAD[name](scene.weather)
        scene.reason(after=passed)
    fair = Weather(battery_state=Battery(90, plugged=True), hottest=Heat(40, 100, "cpu"))
    scene.weather.__dict__.update(replace(fair, saving=False).__dict__)
    scene.reason()
    assert scene.reason(after=CALM_SECONDS) is None


@pytest.mark.parametrize(
    ("state", "held"), [("nominal", False), ("fair", False), ("serious", True), ("critical", True)]
)
def test_the_system_may_say_itself_that_it_is_hot(state: str, held: bool) -> None:
    scene = Scene(weather=Weather(thermal=state))
    assert (scene.reason() is not None) is held


def test_only_a_boost_takes_more_than_one_process() -> None:
    scene = Scene()
    assert scene.governor.effort() == Effort()
    scene.governor.obey(Wish(boosted_seconds=MINUTE))
    assert scene.governor.effort() == BOOSTED
    scene.now += MINUTE
    assert scene.governor.effort() == Effort()


def test_a_spike_of_load_is_noticed_in_the_next_review() -> None:
    scene = Scene()
    scene.reason()
    bad_load(scene.weather)
    assert (scene.reason(after=REVIEW_SECONDS) or "").startswith("load: ")


def test_a_sensor_that_is_slow_to_read_is_not_asked_in_every_review() -> None:
    scene = Scene()
    scene.reason()
    bad_heat(scene.weather)
    assert scene.reason(after=REVIEW_SECONDS) is None
    assert scene.reason(after=SLOW_SECONDS) is not None


def test_other_settings_hold_from_the_next_look() -> None:
    scene = Scene()
    bad_battery(scene.weather)
    assert scene.reason() is not None
    scene.governor.adopt(
        Settings(gates=GateSettings(battery=BatterySettings(on_battery=True)), most_duty_percent=10)
    )
    assert scene.reason() is None
    assert scene.governor.duty <= 0.1
