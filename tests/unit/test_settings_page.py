"""The page docs/settings.md shows the settings that hold without a file."""

from __future__ import annotations

import re
import tomllib

import msgspec

from scened.config import Settings
from tests.settings_docs import PAGE, page


def test_the_settings_page_is_what_the_definitions_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.settings_docs`"


def test_the_settings_page_shows_every_setting_with_its_default() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = tomllib.loads(block)
    assert msgspec.convert(shown, Settings) == Settings()
    assert shown.keys() == set(Settings.__struct_fields__)
    for gate, section in shown["gates"].items():
        assert section.keys() == set(getattr(Settings().gates, gate).__struct_fields__)
