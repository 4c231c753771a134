"""The daemon process stays light: what only the analyzer needs is never loaded in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "PIL", "pillow_heif", "onnxruntime", "xxhash", "alembic", "sqlalchemy.orm")


@pytest.mark.parametrize("heavy", HEAVY)
def test_the_command_line_and_the_service_load_nothing_heavy(heavy: str) -> None:
    code = f"import sys, scened.cli.main, scened.service; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
