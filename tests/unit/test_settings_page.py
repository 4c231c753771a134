"""The page docs/settings.md shows the settings that hold without a file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from scened.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_settings_page_shows_every_setting_with_its_default() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = tomllib.loads(block)
    assert msgspec.convert(shown, Settings) == Settings()
    assert shown.keys() == set(Settings.__struct_fields__)
    for gate, section in shown["gates"].items():
        assert section.keys() == set(getattr(Settings().gates, gate).__struct_fields__)
