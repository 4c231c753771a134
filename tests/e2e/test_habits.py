"""What people and shells expect of a command: completion, colours, narrow terminals, pipes."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scened import __version__
from scened.store.schema import SCHEMA_VERSION
from tests.e2e.conftest import Scened

SCENED = Path(sys.executable).parent / "scened"
ESCAPE = "\x1b["


def in_terminal(scened: Scened, *arguments: str | Path, **environment: str) -> str:
    """Run a command in a terminal and return what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [SCENED, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **scened.surroundings, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


def test_the_version_tells_pack_and_schema(scened: Scened) -> None:
    assert (
        scened("--version") == f"scened {__version__}, pack everyday-1, schema {SCHEMA_VERSION}\n"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_us(scened: Scened, shell: str) -> None:
    assert f"_SCENED_COMPLETE={shell}_complete" in scened("completion", shell)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands(scened: Scened) -> None:
    script = (
        f'PATH={SCENED.parent}:$PATH; eval "$(scened completion bash)";'
        " COMP_WORDS=(scened serv); COMP_CWORD=1; _scened_completion scened; echo ${COMPREPLY[@]}"
    )
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert ran.stdout == "service\n", ran.stderr


def test_colours_are_for_terminals(scened: Scened) -> None:
    assert ESCAPE not in scened("doctor")
    assert ESCAPE in in_terminal(scened, "doctor")


def test_no_color_is_kept_to(scened: Scened) -> None:
    assert ESCAPE not in in_terminal(scened, "doctor", NO_COLOR="1")


def test_a_progress_bar_keeps_to_one_line_of_a_narrow_terminal(
    scened: Scened, library: Path
) -> None:
    shown = in_terminal(scened, "run", "--once", library, COLUMNS="24")
    bar, _, _ = shown.partition(f"{ESCAPE}?25h")  # the cursor is shown again: the bar is over
    drawn = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", bar))
    assert max(map(len, drawn)) <= 24
    assert "\n" not in bar.rstrip()


def test_a_pipe_gets_no_bar(scened: Scened, library: Path) -> None:
    said = scened("run", "--once", library)
    assert ESCAPE not in said
    assert "looking at photos" not in said


def test_a_pipe_gets_no_empty_lines(scened: Scened, library: Path) -> None:
    assert "" not in scened("run", "--once", library).splitlines()


def test_help_on_a_narrow_terminal_keeps_to_it(scened: Scened) -> None:
    assert max(map(len, in_terminal(scened, "--help", COLUMNS="40").splitlines())) <= 60


def test_a_folder_without_photos_is_said_to_have_none(scened: Scened, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No photos were found" in scened("run", "--once", tmp_path / "empty")
