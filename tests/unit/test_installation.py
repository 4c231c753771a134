"""The command that adds to an installation is that of the tool it was made with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scened.installation import install_extra, reinstall


@pytest.mark.parametrize(
    ("left_by_the_tool", "extra", "anew"),
    [
        ("pipx_metadata.json", "pipx install --force 'scened[raw]'", "pipx reinstall scened"),
        ("uv-receipt.toml", "uv tool install 'scened[raw]'", "uv tool install --reinstall scened"),
        (
            "pyvenv.cfg",
            f"{sys.executable} -m pip install 'scened[raw]'",
            f"{sys.executable} -m pip install --force-reinstall scened",
        ),
    ],
)
def test_the_tool_that_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_by_the_tool: str, extra: str, anew: str
) -> None:
    (tmp_path / left_by_the_tool).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert (install_extra("raw"), reinstall("scened")) == (extra, anew)
