"""Which command adds to this very installation, or makes it anew."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["install_extra", "reinstall"]

# What these leave in the environments they make, where pip is not the one to ask
PIPX_FILE = "pipx_metadata.json"
UV_FILE = "uv-receipt.toml"


def install_extra(extra: str) -> str:
    """Return the command that installs what one of scened's extras brings."""
    if _has(PIPX_FILE):
        return f"pipx install --force {shlex.quote(f'{_source()}[{extra}]')}"
    if _has(UV_FILE):
        return f"uv tool install {shlex.quote(f'{_source()}[{extra}]')}"
    return f"{_python()} -m pip install 'scened[{extra}]'"


def reinstall(*packages: str) -> str:
    """Return the command that installs packages of this installation anew."""
    if _has(PIPX_FILE):
        return "pipx reinstall scened"
    if _has(UV_FILE):
        return "uv tool install --reinstall scened"
    return f"{_python()} -m pip install --force-reinstall {' '.join(packages)}"


def _source() -> str:
    """Return what these tools are to install: the folder it came from, or its name in an index.

    Source: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        said = distribution("scened").read_text("direct_url.json")
    except PackageNotFoundError:
        said = None
    address = urlsplit(json.loads(said)["url"]) if said else None
    return unquote(address.path) if address and address.scheme == "file" else "scened"


def _has(name: str) -> bool:
    return Path(sys.prefix, name).is_file()


def _python() -> str:
    return shlex.quote(sys.executable)
