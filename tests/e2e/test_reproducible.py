"""The same sources give the same sdist and wheel, whenever and wherever they are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".build", "build", "dist", "*.egg-info", "__pycache__", ".*_cache",
    ".hypothesis", "training-work",
)  # fmt: skip


def built(source: Path, out: Path) -> dict[str, str]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(
        [sys.executable, source / ".ci" / "dist.py", out],
        check=True,
        capture_output=True,
        env=environment,
    )
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in out.iterdir()}


def test_two_builds_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    first = shutil.copytree(REPOSITORY, tmp_path / "first", ignore=LEFT_OUT)
    second = shutil.copytree(REPOSITORY, tmp_path / "elsewhere" / "second", ignore=LEFT_OUT)
    for number, file in enumerate(sorted(Path(second).rglob("*.py"))):
        os.utime(file, (number, 1_600_000_000 + number))
    once = built(Path(first), tmp_path / "out-1")
    again = built(Path(second), tmp_path / "out-2")
    assert (once, sorted(Path(name).suffix for name in once)) == (again, [".gz", ".whl"])
