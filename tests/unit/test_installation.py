"""The command that adds to an installation is that of the tool it was made with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scened.installation import install_extra, reinstall

FOLDER = '{"url": "file:///home/me/my%20clone", "dir_info": {}}'


@pytest.fixture
def installed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Make it look as if scened was installed from somewhere, or, with None, from an index."""

    def install(direct_url: str | None) -> None:
        about = tmp_path / "site" / "scened-9.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scened\nVersion: 9\n")
        if direct_url is not None:
            (about / "direct_url.json").write_text(direct_url)
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


@pytest.mark.parametrize(
    ("left_by_the_tool", "direct_url", "extra"),
    [
        ("pipx_metadata.json", None, "pipx install --force 'scened[raw]'"),
        ("pipx_metadata.json", FOLDER, "pipx install --force '/home/me/my clone[raw]'"),
        ("uv-receipt.toml", None, "uv tool install 'scened[raw]'"),
        ("uv-receipt.toml", FOLDER, "uv tool install '/home/me/my clone[raw]'"),
        ("pyvenv.cfg", FOLDER, f"{sys.executable} -m pip install 'scened[raw]'"),
    ],
)
def test_an_extra_comes_by_the_tool_and_from_where_scened_came(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed_from: Callable[[str | None], None],
    left_by_the_tool: str,
    direct_url: str | None,
    extra: str,
) -> None:
    (tmp_path / left_by_the_tool).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    installed_from(direct_url)
    assert install_extra("raw") == extra


@pytest.mark.parametrize(
    ("left_by_the_tool", "anew"),
    [
        ("pipx_metadata.json", "pipx reinstall scened"),
        ("uv-receipt.toml", "uv tool install --reinstall scened"),
        ("pyvenv.cfg", f"{sys.executable} -m pip install --force-reinstall scened"),
    ],
)
def test_what_is_to_be_made_anew_is_by_its_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_by_the_tool: str, anew: str
) -> None:
    (tmp_path / left_by_the_tool).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert reinstall("scened") == anew
