"""An ordinary user's service under a real systemd, in its full sandbox, on real photos."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SETTINGS
from tests.photos import SHARED, photo, write_photo
from tests.systemd import HOME, USER_ID, needs_systemd, run_under_systemd

pytestmark = needs_systemd

# What a person would do, and a look at the processes from outside the sandbox. Each answer goes
# into a file of its own.
SCRIPT = """
set -x
wait_until() {
    for attempt in $(seq 200); do
        scened status --json > status.json && grep -q "\\"$1\\": $2" status.json && return
        sleep 0.1
    done
    exit 1
}
property() { systemctl --user show scened --property=$1 --value; }

id --user > user
scened service install --settings $PWD/settings.toml $PWD/photos > install
wait_until state '"idle"'
cp status.json first.json
analyzer=$(pgrep -f scened.analysis.analyzer)
python -c 'import os, sys; print(os.sched_getscheduler(int(sys.argv[1])))' $analyzer > scheduling
scened service status --json > service.json
scened service install --settings $PWD/settings.toml > install-again
daemon=$(property MainPID)
property StatusText > status-text
grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/$daemon/status > restrictions
tail -n +3 /proc/$daemon/net/dev | cut -d: -f1 > networks
inside() { nsenter --target $daemon --mount --user --preserve-credentials "$@"; }
inside touch {home}/x && echo home >> written
inside touch $PWD/photos/x && echo photos >> written
inside touch {home}/.local/share/scened/x && echo own >> written
scened pause 1h && scened resume > resumed
scened boost 10m
cp formats/* photos
wait_until state '"working"'
systemctl --user restart scened
wait_until done $(ls photos | wc -l)
cp status.json every-format.json
scened resume

mkdir -p {home}/.config/systemd/user/scened.service.d
printf '[Service]\\nWatchdogSec=2\\n' > {home}/.config/systemd/user/scened.service.d/short.conf
systemctl --user daemon-reload
systemctl --user restart scened
kill -STOP $(property MainPID)
for attempt in $(seq 300); do
    [ "$(property NRestarts)" -ge 1 ] && [ "$(property ActiveState)" = active ] && break
    sleep 0.1
done
property NRestarts > restarts

scened service stop > stop
property ActiveState > stopped
scened service uninstall --purge > uninstall
scened service uninstall > uninstall-again
find {home} -type f > left
"""


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    folder: Path

    def said(self, name: str) -> str:
        return (self.folder / name).read_text()

    def json(self, name: str) -> Any:
        return json.loads(self.said(name))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    folder = tmp_path_factory.mktemp("service")
    (folder / "settings.toml").write_text(SETTINGS)
    (folder / "photos").mkdir()
    (folder / "formats").mkdir()
    write_photo(folder / "formats" / "late.heic", photo("motorcycle_left.png"))
    for name in ("astronaut.png", "chelsea.png", "coffee.png"):
        write_photo(folder / "photos" / f"{Path(name).stem}.jpg", photo(name))
    for path in (SHARED / "photos" / "2023-formats").glob("*"):
        shutil.copy(path, folder / "formats")
    print(run_under_systemd(folder, SCRIPT.replace("{home}", str(HOME))))
    return Trial(folder)


def test_an_ordinary_user_installed_it(trial: Trial) -> None:
    assert int(trial.said("user")) == USER_ID


def test_photos_are_analysed(trial: Trial) -> None:
    assert trial.json("first.json")["done"] == 3


def test_new_photos_of_every_format_are_analysed_in_a_boost(trial: Trial) -> None:
    photos = len(list((trial.folder / "photos").iterdir()))
    assert trial.json("every-format.json")["done"] == photos > 3


def test_it_says_that_it_runs(trial: Trial) -> None:
    assert trial.json("service.json")["running"] is True
    assert trial.said("status-text") == "idle: every photo has been looked at\n"


def test_sensors_are_read_inside(trial: Trial) -> None:
    readings = {gate["gate"]: gate["reading"] for gate in trial.json("first.json")["gates"]}
    assert {name for name in ("pressure", "memory", "disk") if readings[name] == "no sensor"} == (
        set() if Path("/proc/pressure/memory").exists() else {"pressure"}
    )


def test_the_analyzer_lowers_its_own_priority(trial: Trial) -> None:
    assert int(trial.said("scheduling")) == os.SCHED_IDLE


def test_it_holds_no_privilege_and_its_system_calls_are_filtered(trial: Trial) -> None:
    said = dict(line.split() for line in trial.said("restrictions").splitlines())
    assert said == {"NoNewPrivs:": "1", "Seccomp:": "2", "CapEff:": "0000000000000000"}


def test_there_is_no_network(trial: Trial) -> None:
    assert trial.said("networks").split() == ["lo"]


def test_it_writes_into_its_own_folder_only(trial: Trial) -> None:
    assert trial.said("written").split() == ["own"]


def test_commands_reach_it(trial: Trial) -> None:
    assert "the gates decide" in trial.said("resumed")


def test_a_restart_under_way_is_no_error(trial: Trial) -> None:
    assert trial.json("every-format.json")["last_error"] is None


def test_a_main_loop_that_hangs_is_started_again(trial: Trial) -> None:
    assert int(trial.said("restarts")) >= 1


def test_installing_twice_says_so(trial: Trial) -> None:
    assert "installed and started" in trial.said("install")
    assert "installed before, nothing has changed, it runs" in trial.said("install-again")


def test_it_stops(trial: Trial) -> None:
    assert trial.said("stopped").strip() == "inactive"


def test_uninstalling_leaves_nothing_behind(trial: Trial) -> None:
    assert "nothing of scened is left" in trial.said("uninstall")
    left = [line for line in trial.said("left").split() if "short.conf" not in line]
    assert left == [f"{HOME}/.local/share/scened/x"]


def test_uninstalling_twice_says_so(trial: Trial) -> None:
    assert trial.said("uninstall-again").startswith("no service is installed")
