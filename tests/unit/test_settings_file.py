"""Settings listed, and changed one at a time without losing what a person wrote around them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.config import Settings, load_settings
from scened.errors import BadConfiguration
from scened.settings_file import as_toml, change_setting, listed

COMMENTED = """# mine
most_duty_percent = 70  # quieter

[gates.battery]
# the big battery
least_percent = 15
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(COMMENTED)
    return file


def test_every_setting_says_what_it_means() -> None:
    silent = [
        each.name
        for each in listed(Settings())
        if not each.meaning and not each.name.endswith(".enabled")
    ]
    assert silent == []


def test_what_is_shown_can_be_read_back() -> None:
    assert msgspec.convert(tomllib.loads(as_toml(Settings())), Settings) == Settings()


def test_comments_and_other_settings_stay(file: Path) -> None:
    change_setting(file, "most_duty_percent", "50")
    assert file.read_text() == COMMENTED.replace("70", "50")


@given(percent=st.integers(min_value=0, max_value=100))
def test_a_setting_is_what_it_was_set_to(
    percent: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("set") / "settings.toml"
    change_setting(file, "gates.load.most_percent", str(percent))
    assert load_settings(file).gates.load.most_percent == percent


def test_a_text_needs_no_quotes(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    assert change_setting(file, "metrics_file", "/run/scened.prom").metrics_file == (
        "/run/scened.prom"
    )


def test_a_refused_value_leaves_the_file_as_it_was(file: Path) -> None:
    with pytest.raises(BadConfiguration, match="least_percent"):
        change_setting(file, "gates.battery.least_percent", "400")
    assert file.read_text() == COMMENTED


def test_an_unknown_setting_is_refused_with_the_nearest(file: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"gates\.battery\.on_battery"):
        change_setting(file, "gates.battery.onbattery", "true")


def test_a_value_of_another_kind_is_refused_in_plain_words(file: Path) -> None:
    with pytest.raises(BadConfiguration, match="expected true or false, got text"):
        change_setting(file, "gates.load.enabled", "maybe")


def test_a_broken_file_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("gates = \n")
    with pytest.raises(BadConfiguration, match="line 1"):
        change_setting(file, "most_duty_percent", "50")
    assert file.read_text() == "gates = \n"


def test_a_link_to_the_settings_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    change_setting(link, "most_duty_percent", "50")
    assert (link.is_symlink(), load_settings(file).most_duty_percent) == (True, 50)
