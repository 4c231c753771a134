"""A real systemd in namespaces of its own, with the manager of an ordinary user, for the service.

Needs Linux, root, unshare (util-linux) and systemd; the machine's own systemd is not touched, and
neither are its users.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["HOME", "USER_ID", "needs_systemd", "run_under_systemd"]

HOME = Path("/home/tester")
USER_ID = 54_321  # of the user `tester`, who is there in the namespaces only
REPOSITORY = Path(__file__).parents[1]
BOOT_SECONDS = 200
SYSTEMD = Path("/lib/systemd/systemd")

MANAGER = """
[Unit]
DefaultDependencies=no
[Service]
Type=notify
User=tester
Environment=XDG_RUNTIME_DIR=/run/user/{user}
ExecStart={systemd} --user
Delegate=yes
"""

TRIAL = """
[Unit]
DefaultDependencies=no
Wants=manager.service
After=manager.service
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
User=tester
Environment=XDG_RUNTIME_DIR=/run/user/{user} PATH={path}
WorkingDirectory={folder}
ExecStart=/bin/sh {folder}/trial.sh
StandardOutput=file:{folder}/trial.log
StandardError=file:{folder}/trial.log
"""

BOOT = """#!/bin/sh
set -e
echo 0 > {cgroup}/cgroup.procs
exec unshare --pid --fork --mount --cgroup --uts --ipc --mount-proc /bin/sh {folder}/inside.sh
"""

INSIDE = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/user/{user} /run/lock
# systemd's own services, of which none is started here, make these for the users' sandboxes
mkdir -p /run/systemd/unit-root /run/systemd/mount-rootfs
chmod 700 /run/user/{user}
cp /etc/passwd /etc/group /run
echo tester:x:{user}:{user}::{home}:/bin/sh >> /run/passwd
echo tester:x:{user}: >> /run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
{opened}
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /home
mkdir {home}
chown -R tester:tester {home} {folder} /run/user/{user}
mount -t tmpfs tmpfs /etc/systemd/system
cp {folder}/units/* /etc/systemd/system/
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin {systemd} --system \
    --unit=trial.target --log-target=null --show-status=no
"""


def _cgroup2() -> Path | None:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


def _reason_to_skip() -> str | None:
    if sys.platform != "linux":
        return "systemd is Linux's"
    if os.geteuid() != 0:
        return "only root makes the namespaces that systemd boots in"
    if not SYSTEMD.exists() or shutil.which("unshare") is None:
        return "systemd or unshare is not installed"
    if _cgroup2() is None:
        return "there is no cgroup2 file system"
    probe = ["unshare", "--pid", "--fork", "--mount", "--cgroup", "--mount-proc", "true"]
    return "no namespaces can be made here" if subprocess.run(probe).returncode else None


_SKIPPED = _reason_to_skip()
needs_systemd = pytest.mark.skipif(_SKIPPED is not None, reason=str(_SKIPPED))


def _opened(folder: Path) -> str:
    """Return commands that let everybody reach what is needed below folders closed to them."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), REPOSITORY, folder}
    closed = {
        above for path in needed for above in path.parents if not above.stat().st_mode & 0o001
    }
    lines = []
    for number, path in enumerate(sorted(needed)):
        lines += [f"mkdir -p /run/kept/{number}", f"mount --bind {path} /run/kept/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {above}" for above in _outermost(closed)]
    for number, path in enumerate(sorted(needed)):
        lines += [f"mkdir -p {path}", f"mount --bind /run/kept/{number} {path}"]
    return "\n".join(lines)


def _outermost(folders: set[Path]) -> set[Path]:
    return {each for each in folders if not folders.intersection(each.parents)}


def run_under_systemd(folder: Path, script: str) -> str:
    """Boot systemd, run a shell script beside a user manager, and return what it printed.

    `folder` is where the script works, and is seen outside as well.
    """
    parent = _cgroup2()
    assert parent is not None
    cgroup = parent / f"scened-test-{os.getpid()}"
    words = {
        "user": USER_ID,
        "opened": _opened(folder),
        "cgroup": cgroup,
        "folder": folder,
        "home": HOME,
        "path": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "systemd": SYSTEMD,
    }
    (folder / "units").mkdir()
    for name, text in (
        ("units/manager.service", MANAGER),
        ("units/trial.service", TRIAL),
        ("units/trial.target", "[Unit]\nWants=trial.service\n"),
        ("boot.sh", BOOT),
        ("inside.sh", INSIDE),
    ):
        (folder / name).write_text(text.format(**words))
    (folder / "trial.sh").write_text(script)
    cgroup.mkdir()
    try:
        subprocess.run(
            ["sh", folder / "boot.sh"],
            timeout=BOOT_SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    finally:
        (cgroup / "cgroup.kill").write_text("1")
        while "populated 1" in (cgroup / "cgroup.events").read_text():
            os.sched_yield()
        for inner in sorted(cgroup.rglob("*/"), reverse=True):
            inner.rmdir()
        cgroup.rmdir()
    return (folder / "trial.log").read_text()
