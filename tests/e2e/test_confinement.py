"""What the processes do as the system sees it: no network, and the analyzer writes no file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Scened

LOCAL = ("AF_UNIX", "AF_NETLINK")


def users_environment(scened: Scened, home: Path) -> dict[str, str]:
    """Return an environment without what was set for the tests themselves."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    return {**kept, **scened.surroundings, "HOME": str(home), "XDG_CACHE_HOME": ""}


@pytest.fixture
def trace(scened: Scened, library: Path, tmp_path: Path) -> Path:
    """The system calls of a whole run, one file a process."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    calls = "trace=%network,execve,openat,creat,unlink,unlinkat,rename,renameat2,mkdir"
    command = ["strace", "-f", "-ff", "-e", calls, "-o", str(tmp_path / "trace" / "of")]
    (tmp_path / "trace").mkdir()
    ended = subprocess.run(
        [*command, Path(sys.executable).parent / "scened", "run", "--once", library],
        capture_output=True,
        text=True,
        env=users_environment(scened, tmp_path),
        check=False,
    )
    if "ptrace" in ended.stderr:
        pytest.skip("strace may not look into processes here")
    assert "5 analysed" in ended.stdout, ended.stderr
    return tmp_path / "trace"


@pytest.mark.promise(
    "access: system calls of a whole run",
    "no socket but local ones in any process",
)
def test_no_process_asks_for_a_network(trace: Path) -> None:
    words = "".join(file.read_text("utf-8", "replace") for file in trace.iterdir())
    assert "execve" in words
    families = set(re.findall(r"socket\((\w+)", words))
    assert families <= set(LOCAL)


@pytest.mark.promise(
    "file: system calls of the analyzer",
    "it opens nothing for writing",
)
def test_the_analyzer_opens_nothing_for_writing(trace: Path) -> None:
    traces = [file.read_text("utf-8", "replace") for file in trace.iterdir()]
    (network,) = (words for words in traces if '"scened.analysis.analyzer"' in words)
    decoding = [words for words in traces if "chelsea.jpg" in words]  # a thread of its own
    assert decoding
    # The pack is read, and the first photo opened, once the process is confined
    confined = network.split("image.onnx", 1)[1] + "".join(
        words.split("chelsea.jpg", 1)[1] for words in decoding
    )
    written = [
        line
        for line in confined.splitlines()
        if re.search(r"O_WRONLY|O_RDWR|O_CREAT|^(creat|unlink|rename|mkdir)", line)
    ]
    assert written == []


def test_no_library_keeps_a_report_for_its_maker(
    scened: Scened, library: Path, tmp_path: Path
) -> None:
    """A device's number in the cache folder is what onnxruntime begins its reports with."""
    home = tmp_path / "home"
    home.mkdir()
    environment = users_environment(scened, home)
    command = [Path(sys.executable).parent / "scened", "run", "--once", library]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    search = [command[0], "similar", library / "chelsea.jpg"]
    subprocess.run(search, check=True, capture_output=True, env=environment)
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.promise(
    "access: a run in a network without interfaces", "nothing is missed, everything works"
)
def test_a_run_needs_no_network(scened: Scened, library: Path) -> None:
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("a network of its own cannot be had here")
    ended = subprocess.run(
        [*alone, *scened.command_line("run", "--once", library)],
        capture_output=True,
        text=True,
        env=scened.environment,
        check=False,
    )
    assert "5 analysed" in ended.stdout, ended.stderr
