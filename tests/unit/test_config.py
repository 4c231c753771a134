"""Settings: defaults, and what is refused with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.config import Settings, load_settings
from scened.errors import BadConfiguration, ExitCode


def settings(tmp_path: Path, words: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(words)
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scened.config.default_settings_file", lambda: tmp_path / "none.toml")
    assert load_settings(None) == Settings()


def test_a_setting_is_taken(tmp_path: Path) -> None:
    file = settings(tmp_path, "[gates.battery]\non_battery = true\nleast_percent = 35\n")
    battery = load_settings(file).gates.battery
    assert (battery.on_battery, battery.least_percent) == (True, 35)


def refused(file: Path) -> str:
    with pytest.raises(BadConfiguration) as raised:
        load_settings(file)
    assert raised.value.exit_code == ExitCode.CONFIGURATION
    return str(raised.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert "there is no settings file" in refused(tmp_path / "none.toml")


def test_a_value_out_of_range_is_refused_with_its_line(tmp_path: Path) -> None:
    said = refused(settings(tmp_path, "\n[gates.battery]\nleast_percent = 120\n"))
    assert "settings.toml, line 3: gates.battery.least_percent: expected" in said
    assert said.endswith("allowed: a number from 0 and up to 100, charge, in percent")


def test_a_misspelt_setting_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    said = refused(settings(tmp_path, "[gates.battery]\nleast_per_cent = 20\n"))
    assert "line 2" in said
    assert "known there are: enabled, on_battery, least_percent" in said


def test_a_misspelt_table_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    said = refused(settings(tmp_path, "[gates.batery]\nenabled = false\n"))
    assert "line 1" in said
    assert "battery, power_saver" in said


def test_a_window_that_is_no_window_is_refused(tmp_path: Path) -> None:
    said = refused(settings(tmp_path, '[gates.hours]\nwindows = ["25:00-07:00"]\n'))
    assert "line 2: gates.hours.windows: cannot be read" in said
    assert said.endswith('allowed: a list, such as ["22:00-07:00"]; empty: at all hours')


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("most_duty_percent = 0", "a number above 0 and up to 100, of the time"),
        ("[gates.heat]\nenabled = 1", "true or false"),
        ("[limits]\npixels = 1.5", "a whole number above 0, in the whole picture"),
        ("metrics_file = 7", "text, written there"),
        ("[gates]\nload = 3", "a table"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_what_is_allowed(
    tmp_path: Path, words: str, allowed: str
) -> None:
    assert f"allowed: {allowed}" in refused(settings(tmp_path, words))


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 1" in refused(settings(tmp_path, "gates = \n"))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused(file)
