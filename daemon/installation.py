"""Which command adds to this very installation, or makes it anew."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

__all__ = ["install_extra", "reinstall"]

# What these leave in the environments they make, where pip is not the one to ask
PIPX_FILE = "pipx_metadata.json"
UV_FILE = "uv-receipt.toml"


def install_extra(extra: str) -> str:
    """Return the command that installs what one of scened's extras brings."""
    if _has(PIPX_FILE):
        return f"pipx install --force 'scened[{extra}]'"
    if _has(UV_FILE):
        return f"uv tool install 'scened[{extra}]'"
    return f"{_python()} -m pip install 'scened[{extra}]'"


def reinstall(*packages: str) -> str:
    """Return the command that installs packages of this installation anew."""
    if _has(PIPX_FILE):
        return "pipx reinstall scened"
    if _has(UV_FILE):
        return "uv tool install --reinstall scened"
    return f"{_python()} -m pip install --force-reinstall {' '.join(packages)}"


def _has(name: str) -> bool:
    return Path(sys.prefix, name).is_file()


def _python() -> str:
    return shlex.quote(sys.executable)
