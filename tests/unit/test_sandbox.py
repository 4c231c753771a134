"""What decodes untrusted bytes can read, and do nothing else."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scened.landlock import landlock_version

MEGABYTE = 1_000_000
PREPARE = """
import json, os, resource, socket, subprocess, sys
from scened.analysis.sandbox import allow_seconds, lock_down
"""
needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no landlock")


def confined(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has locked itself down; `files` were open before."""
    return subprocess.run(
        [sys.executable, "-c", f"{PREPARE}\nlock_down({100 * MEGABYTE})\n{code}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def said(code: str, *arguments: str | Path) -> str:
    ended = confined(code, *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def refusal(deed: str, *arguments: str | Path) -> str:
    """Return the name of the error that a deed ends in, or 'done'."""
    return said(
        f"try:\n    {deed}\nexcept OSError as error: print(type(error).__name__)\n"
        "else: print('done')",
        *arguments,
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").write_text("light")
    return tmp_path / "photo.jpg"


def test_files_can_be_read(photo: Path) -> None:
    assert said("print(open(sys.argv[1]).read())", photo) == "light"


@needs_landlock
@pytest.mark.parametrize(
    "deed",
    [
        "open(sys.argv[1], 'w')",
        "open(sys.argv[1], 'a')",
        "open(sys.argv[1] + '.new', 'w')",
        "os.truncate(sys.argv[1], 0)",
        "os.unlink(sys.argv[1])",
        "os.rename(sys.argv[1], sys.argv[1] + '.new')",
        "os.link(sys.argv[1], sys.argv[1] + '.new')",
        "os.symlink('/', sys.argv[1] + '.new')",
        "os.mkdir(sys.argv[1] + '.new')",
        "os.mkfifo(sys.argv[1] + '.new')",
    ],
)
@pytest.mark.promise(
    "file: a decoder is taken over",
    "it can write, create, rename and delete nothing",
)
def test_nothing_can_be_written(photo: Path, deed: str) -> None:
    assert refusal(deed, photo) in ("PermissionError", "OSError")
    assert [file.name for file in photo.parent.iterdir()] == ["photo.jpg"]
    assert photo.read_text() == "light"


@needs_landlock
@pytest.mark.promise(
    "file: a decoder is taken over",
    "it can run no program",
)
def test_no_program_can_be_run() -> None:
    assert refusal("subprocess.run(['/bin/true'])") == "PermissionError"


@pytest.mark.promise(
    "file: a decoder is taken over",
    "it can write, create, rename and delete nothing",
)
def test_nothing_can_be_written_to_a_file_that_was_open(photo: Path) -> None:
    with photo.open("a") as file:
        ended = subprocess.run(
            [sys.executable, "-c", PREPARE + "lock_down(0)\nos.write(1, b'dark')"],
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert b"File too large" in ended.stderr
    assert photo.read_text() == "light"


@needs_landlock
@pytest.mark.promise(
    "file: a decoder is taken over",
    "it reaches nobody",
)
def test_no_server_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        deed = f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        assert refusal(deed) in ("PermissionError", "OSError")


@pytest.mark.promise(
    "file: a decoder is taken over",
    "it reaches nobody",
)
def test_no_datagram_leaves() -> None:
    code = (
        "from scened.landlock import isolate_network\n"
        "print('skip') if not lock_down(0).own_network else"
        " print(refused(lambda: socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))))"
    )
    helper = (
        "def refused(deed):\n    try: deed()\n    except OSError as error: return error.strerror\n"
    )
    answer = said(helper + code)
    if answer == "skip":
        pytest.skip("this system grants no network of one's own")
    assert answer == "Network is unreachable"


@pytest.mark.promise(
    "file: a decoder takes all memory",
    "the system refuses it more than its limit",
)
def test_memory_is_bounded() -> None:
    ended = confined("bytearray(10 ** 10)")
    assert "MemoryError" in ended.stderr


@pytest.mark.promise(
    "file: a decoder crashes",
    "no core dump is left",
)
def test_no_core_is_left() -> None:
    assert said("print(resource.getrlimit(resource.RLIMIT_CORE))") == "(0, 0)"


@pytest.mark.promise(
    "file: a decoder is taken over",
    "it gains no privilege",
)
def test_no_privilege_can_be_gained() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux only")
    assert "NoNewPrivs:\t1" in said("print(open('/proc/self/status').read())")


@pytest.mark.promise(
    "file: a decoder never ends",
    "the system ends it, also without the daemon",
)
def test_processor_time_is_bounded_and_can_be_given_anew() -> None:
    began = time.monotonic()
    ended = confined("allow_seconds(0.1)\nallow_seconds(1)\nwhile True: pass")
    assert ended.returncode == -signal.SIGPROF
    assert time.monotonic() - began > 0.5


def test_what_was_used_before_does_not_shorten_processor_time() -> None:
    """Not even where the clocks of the system differ in how much that was."""
    ask = "import signal\nallow_seconds(20)\nprint(signal.getitimer(signal.ITIMER_PROF)[0])"
    assert float(said(ask)) == pytest.approx(20, abs=0.1)


def test_what_this_system_grants_can_be_asked() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "scened.analysis.sandbox"], capture_output=True, check=True
    )
    granted = json.loads(ended.stdout)
    assert granted["landlock"] == landlock_version()
