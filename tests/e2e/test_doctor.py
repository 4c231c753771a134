"""`scened doctor` on a sound installation, and on each way in which one is not."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from scened.health import WATCHES_FILE
from scened.models.pack import default_pack_folder
from tests.e2e.conftest import Scened

Checks = dict[str, list[dict[str, Any]]]


def examined(scened: Scened, *arguments: str | Path, expect: int = 0) -> Checks:
    said = scened("doctor", "--json", *arguments, expect=expect)
    checks: Checks = {}
    for check in json.loads(said):
        checks.setdefault(check["name"], []).append(check)
    return checks


def colours(checks: Checks, name: str) -> list[str]:
    return [check["colour"] for check in checks[name]]


def test_a_sound_installation_has_nothing_red(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    checks = examined(scened)
    names = {"program", "settings", "pack", "priority", "codecs", "database", "folders", "disk"}
    assert {name: colours(checks, name) for name in names} == {name: ["green"] for name in names}
    assert "ms a photo" in checks["pack"][0]["found"]


def test_what_is_not_green_names_a_command(scened: Scened, without_extras: None) -> None:
    checks = [check for found in examined(scened).values() for check in found]
    assert [each for each in checks if each["colour"] != "green" and not each["remedy"]] == []
    assert f"{sys.executable} -m pip install 'scened[raw]'" in [check["remedy"] for check in checks]


def test_a_damaged_pack_is_red(scened: Scened, tmp_path: Path) -> None:
    pack = Path(shutil.copytree(default_pack_folder(), tmp_path / "everyday-1"))
    network = pack / "image.onnx"
    network.chmod(0o644)
    network.write_bytes(network.read_bytes()[:-1] + b"!")
    checks = examined(scened, "--pack", pack, expect=1)
    assert colours(checks, "pack") == ["red"]


def test_a_damaged_database_is_red(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    data = bytearray(scened.database.read_bytes())
    data[4096:40960] = b"\xaa" * (40960 - 4096)
    scened.database.write_bytes(data)
    assert colours(examined(scened, expect=1), "database") == ["red"]


def test_a_folder_that_is_away_is_yellow(scened: Scened, library: Path) -> None:
    scened("add", library)
    library.rename(library.with_name("unplugged"))
    assert colours(examined(scened), "folders") == ["yellow"]


def test_a_mistake_in_the_settings_is_red(scened: Scened) -> None:
    scened.settings.write_text("most_duty_percent = 0\n")
    assert colours(examined(scened, expect=1), "settings") == ["red"]


@pytest.mark.skipif(not WATCHES_FILE.exists(), reason="inotify is Linux's")
def test_the_limit_of_watches_is_told(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    limit = WATCHES_FILE.read_text().strip()
    assert (
        f"2 folders with photos, the system lets a user watch {limit}"
        in (examined(scened)["watches"][0]["found"])
    )
