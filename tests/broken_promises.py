"""Break promises on purpose, each in a copy of the code, and see that a test notices.

`python -m tests.broken_promises` prints what was noticed; `python -m tests.reliability` does the
same and writes it down.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BREAKS", "Break", "is_noticed"]

REPOSITORY = Path(__file__).resolve().parents[1]
FAILED = 1  # pytest's exit code where tests ran and failed; any other says that none ran


@dataclass(frozen=True)
class Break:
    """What the code no longer does when `whole` in a file is exchanged for `broken`."""

    what: str
    file: str
    whole: str
    broken: str
    test: str


BREAKS = (
    Break(
        "the analyzer gives up writing before it opens a photo",
        "analysis/sandbox.py",
        "Confinement(restrict(), own_network, secured)",
        "Confinement(0, own_network, secured)",
        "tests/unit/test_sandbox.py::test_nothing_can_be_written",
    ),
    Break(
        "an unplugged drive is told from a library whose photos were deleted",
        "photos/reconcile.py",
        "return root.device in (None, drive_of(path)) or not _is_empty(root)",
        "return True",
        "tests/integration/test_away.py",
    ),
    Break(
        "a file that was moved is known as the one it was",
        "store/catalogue.py",
        "if is_vacant(root_paths[twin.root_id], twin.folder, twin.name):",
        "if not twin:",
        "tests/e2e/test_truth.py",
    ),
    Break(
        "a content that was looked at is known by its hash",
        "store/queue.py",
        "return tuple(rows.scalars())",
        "return ()",
        "tests/e2e/test_truth.py",
    ),
    Break(
        "names are shown without what a terminal obeys",
        "wording.py",
        "if unicodedata.category(letter) in UNSEEN",
        "if not letter",
        "tests/e2e/test_odd_files.py::test_no_command_reaches_the_terminal",
    ),
    Break(
        "what is forgotten goes from the backups too",
        "store/forgetting.py",
        "    remove_backups(database_file)",
        "    pass",
        "tests/integration/test_privacy.py::test_no_byte_of_what_is_forgotten_remains",
    ),
    Break(
        "a picture that would not fit into memory is refused by its header",
        "analysis/reduction.py",
        "if needed > limits.memory_bytes:",
        "if needed < 0:",
        "tests/unit/test_undecodable.py::test_a_bomb_is_refused_by_its_number_without_being_unpacked",
    ),
    Break(
        "a pack's network is looked through before it runs",
        "models/pack_check.py",
        "if operator not in ALLOWED_OPERATORS:",
        "if not operator:",
        "tests/unit/test_pack_check.py::test_what_a_network_may_not_do_is_refused",
    ),
    Break(
        "a backup is its owner's alone",
        "store/ownership.py",
        "PRIVATE_FILE = 0o600",
        "PRIVATE_FILE = 0o644",
        "tests/integration/test_upkeep.py",
    ),
)


def is_noticed(each: Break) -> bool:
    """Tell whether the test fails once the promise is broken, and only then."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "scened")
        nothing_built = shutil.ignore_patterns("__pycache__", "training")
        shutil.copytree(REPOSITORY / "daemon", package, ignore=nothing_built)
        for name in ("models", "migrations"):
            shutil.copytree(REPOSITORY / name, package / name, ignore=nothing_built)
        if _ends(folder, each.test) != 0:
            return False
        file = package / each.file
        words = file.read_text("utf-8")
        if words.count(each.whole) != 1:
            return False
        file.write_text(words.replace(each.whole, each.broken), "utf-8")
        return _ends(folder, each.test) == FAILED


def main() -> None:
    """Break one promise after the other; end with 1 where a test does not notice."""
    noticed = True
    for each in BREAKS:
        found = is_noticed(each)
        noticed = noticed and found
        print(f"{'noticed' if found else 'NOT NOTICED'}: {each.what}", flush=True)
    sys.exit(0 if noticed else 1)


def _ends(folder: str, test: str) -> int:
    """Run a test, and the commands it starts, on the copy in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": folder},
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


if __name__ == "__main__":
    main()
