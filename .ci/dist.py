"""Build sdist and wheel that are the same, byte for byte, wherever and whenever they are built.

`python .ci/dist.py FOLDER` in an environment with `build`. The time of everything in them is
SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), else that of the
last commit. setuptools keeps to it in wheels; its sdist is packed again here.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def epoch() -> int:
    """Return the time to be written, in seconds."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    asked = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.check_output(asked, cwd=REPOSITORY, text=True))


def normalise(archive: Path, seconds: int) -> None:
    """Pack a .tar.gz again: sorted, with one time, one owner, and plain permissions."""
    packed = io.BytesIO()
    with tarfile.open(archive) as before, tarfile.open(fileobj=packed, mode="w") as after:
        for member in sorted(before.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid = seconds, 0, 0
            member.uname = member.gname = ""
            member.pax_headers = {}
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            after.addfile(member, before.extractfile(member) if member.isfile() else None)
    with archive.open("wb") as file:
        file.write(gzip.compress(packed.getvalue(), mtime=seconds))


def main() -> None:
    """Build the sdist, pack it again, and build the wheel from it."""
    folder = Path(sys.argv[1]).absolute()
    seconds = epoch()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
    build = [sys.executable, "-m", "build", "--outdir", str(folder)]
    subprocess.run([*build, "--sdist", str(REPOSITORY)], check=True, env=environment)
    (archive,) = folder.glob("*.tar.gz")
    normalise(archive, seconds)
    source = folder / "source"
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    (unpacked,) = source.iterdir()
    subprocess.run([*build, "--wheel", str(unpacked)], check=True, env=environment)
    shutil.rmtree(source)


if __name__ == "__main__":
    main()
