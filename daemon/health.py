"""What `scened doctor` looks at: one function for each concern, each with the way to mend it."""

from __future__ import annotations

import enum
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import scened
from scened.config import Settings, load_settings
from scened.errors import ScenedError
from scened.findings import Examination
from scened.formats import EXTRA_FORMATS
from scened.governor.sensors import Sensors
from scened.installation import install_extra, reinstall
from scened.store.database import Database, open_for_reading
from scened.store.roots import roots
from scened.store.schema import SCHEMA_VERSION
from scened.units.manager import Manager

__all__ = ["Check", "Colour", "check_all"]

EXAMINE_SECONDS = 120
LEAST_PYTHON = (3, 11)
SLOW_SECONDS = 1.0  # a photo; a laptop of ten years ago takes less
WATCHES_FILE = Path("/proc/sys/fs/inotify/max_user_watches")  # inotify(7)
WATCHES_SHARE = 0.8  # of the limit: other programs watch too
RAISE_WATCHES = (
    "echo fs.inotify.max_user_watches=1048576 | sudo tee /etc/sysctl.d/60-scened.conf"
    " && sudo sysctl --system"
)
LOWEST_NICENESS = 19


class Colour(enum.StrEnum):
    """Green: well. Yellow: works, but not all of it or not at its best. Red: does not work."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at; `remedy` is the one command that mends it."""

    name: str
    colour: Colour
    found: str
    remedy: str = ""


def check_all(
    database_file: Path,
    settings_file: Path | None,
    pack_folder: Path,
    sensors: Sensors,
    manager: Manager | None,
) -> Iterator[Check]:
    """Yield every check as it is done; `manager` is None where the system has none we know."""
    yield _check_python()
    settings, found = _check_settings(settings_file)
    yield found
    yield from _check_analyzer(pack_folder)
    yield from _check_database(database_file)
    folder = next(each for each in database_file.parents if each.exists())
    yield _check_disk(folder, settings, sensors)
    yield _check_sensors(folder, sensors)
    yield _check_service(manager)


def _check_python() -> Check:
    words = (
        f"scened {scened.__version__}, schema {SCHEMA_VERSION},"
        f" Python {platform.python_version()} ({sys.executable}), {platform.platform(terse=True)}"
    )
    if sys.version_info < LEAST_PYTHON:
        return Check("program", Colour.RED, words, "install Python 3.11 or newer")
    return Check("program", Colour.GREEN, words)


def _check_settings(settings_file: Path | None) -> tuple[Settings, Check]:
    try:
        settings = load_settings(settings_file)
    except ScenedError as error:
        return Settings(), Check("settings", Colour.RED, error.message, "scened config check")
    return settings, Check("settings", Colour.GREEN, "as they should be")


def _check_analyzer(pack_folder: Path) -> Iterator[Check]:
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "scened.analysis.examine", str(pack_folder)],
            capture_output=True,
            timeout=EXAMINE_SECONDS,
            check=False,
        )
        examined = msgspec.json.decode(ran.stdout, type=Examination)
    except subprocess.TimeoutExpired:
        words = f"gives no answer within {EXAMINE_SECONDS} s"
        yield Check("pack", Colour.RED, words, "scened doctor")
        return
    except msgspec.MsgspecError:
        last = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        yield Check(
            "pack", Colour.RED, f"the analyzer cannot start: {''.join(last)}", reinstall("scened")
        )
        return
    yield _check_pack(examined)
    yield _check_priority(examined)
    yield from _check_codecs(examined.codecs)


def _check_pack(examined: Examination) -> Check:
    if examined.fault or examined.seconds is None:
        return Check(
            "pack", Colour.RED, examined.fault or "it cannot be timed", reinstall("scened")
        )
    words = f"{examined.pack} verified, {1000 * examined.seconds:.0f} ms a photo"
    if examined.seconds > SLOW_SECONDS:
        return Check("pack", Colour.YELLOW, f"{words}: this computer is busy or slow", "")
    return Check("pack", Colour.GREEN, words)


def _check_priority(examined: Examination) -> Check:
    words = f"niceness {examined.niceness}" if examined.niceness is not None else "below normal"
    if examined.idle_scheduling is not None:
        words += f", {'idle' if examined.idle_scheduling else 'normal'} scheduling"
    lowest = examined.idle_scheduling is not False and examined.niceness in (None, LOWEST_NICENESS)
    if sys.platform == "darwin" or lowest:
        return Check("priority", Colour.GREEN, f"the analyzer obtained {words}")
    return Check(
        "priority", Colour.YELLOW, f"the analyzer obtained only {words}", "scened service install"
    )


def _check_codecs(codecs: dict[str, bool]) -> Iterator[Check]:
    there = ", ".join(name for name, found in codecs.items() if found)
    extras = {each.family: each.extra for each in EXTRA_FORMATS}
    missing = [name for name, found in codecs.items() if not found and name not in extras]
    if missing:
        words = f"missing: {', '.join(missing)}"
        yield Check("codecs", Colour.RED, words, reinstall("pillow", "pillow-heif"))
    else:
        yield Check("codecs", Colour.GREEN, there)
    for family, extra in extras.items():
        if not codecs.get(family):
            words = f"{family} photos are left alone"
            yield Check("codecs", Colour.YELLOW, words, install_extra(extra))


def _check_database(database_file: Path) -> Iterator[Check]:
    if not database_file.exists():
        yield Check(
            "database", Colour.YELLOW, f"{database_file} is not there yet", "scened add ~/Pictures"
        )
        return
    try:
        database = open_for_reading(database_file)
    except ScenedError as error:
        yield Check("database", Colour.RED, error.message, error.remedy)
        return
    try:
        sound = _check_file(database)
        yield sound
        if sound.colour is Colour.RED:
            return
        yield from _check_roots(database)
        if WATCHES_FILE.exists():
            yield _check_watches(database, int(WATCHES_FILE.read_text()))
    finally:
        database.close()


def _check_file(database: Database) -> Check:
    connection = sqlite3.connect(f"{database.file.as_uri()}?mode=ro", uri=True)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        (photos,) = connection.execute("SELECT count(*) FROM photos").fetchone()
    except sqlite3.DatabaseError as error:
        verdict, photos = str(error), 0
    finally:
        connection.close()
    if verdict != "ok":
        remedy = f"mv '{database.file}' '{database.file}.damaged' && scened add ~/Pictures"
        return Check("database", Colour.RED, f"{database.file} is damaged: {verdict}", remedy)
    size = database.file.stat().st_size / 1e6
    return Check(
        "database", Colour.GREEN, f"{database.file}: sound, {photos} photos, {size:.1f} MB"
    )


def _check_roots(database: Database) -> Iterator[Check]:
    with database.reading() as connection:
        watched = roots(connection)
    if not watched:
        yield Check("folders", Colour.YELLOW, "none is watched yet", "scened add ~/Pictures")
    for root in watched:
        path = root.path or b"/"
        if not os.path.isdir(path):
            words = f"{root.shown} is away; what is known of it is kept"
            yield Check("folders", Colour.YELLOW, words, f"scened remove '{root.shown}'")
        elif not os.access(path, os.R_OK | os.X_OK):
            words = f"{root.shown} may not be read"
            yield Check("folders", Colour.RED, words, f"chmod u+rx '{root.shown}'")
        else:
            yield Check("folders", Colour.GREEN, f"{root.shown} can be read")


def _check_watches(database: Database, limit: int) -> Check:
    connection = sqlite3.connect(f"{database.file.as_uri()}?mode=ro", uri=True)
    try:
        (folders,) = connection.execute(
            "SELECT count(*) FROM (SELECT DISTINCT root_id, folder FROM file)"
        ).fetchone()
    finally:
        connection.close()
    words = f"{folders} folders with photos, the system lets a user watch {limit}"
    if folders > limit * WATCHES_SHARE:
        words += ": some are only read once an hour"
        return Check("watches", Colour.YELLOW, words, RAISE_WATCHES)
    return Check("watches", Colour.GREEN, words)


def _check_disk(folder: Path, settings: Settings, sensors: Sensors) -> Check:
    free = sensors.free_disk(folder)
    least = settings.gates.disk.least_megabytes
    if free is None:
        return Check("disk", Colour.RED, f"{folder} cannot be asked", f"ls -ld '{folder}'")
    if free < least:
        words = f"{free:,.0f} MB free, the work waits below {least:,.0f}"
        return Check("disk", Colour.RED, words, f"du -sh '{folder}'/*")
    return Check("disk", Colour.GREEN, f"{free:,.0f} MB free")


def _check_sensors(folder: Path, sensors: Sensors) -> Check:
    readings = {
        "battery": sensors.battery(),
        "power saver": sensors.power_saver(),
        "heat": sensors.heat(),
        "memory pressure": sensors.memory_pressure(),
        "memory": sensors.free_memory(),
        "disk": sensors.free_disk(folder),
    }
    there = [name for name, reading in readings.items() if reading is not None]
    absent = [name for name, reading in readings.items() if reading is None]
    words = f"found: {', '.join(there)}"
    if absent:
        words += f"; this computer has none for: {', '.join(absent)}"
    return Check("sensors", Colour.GREEN, words)


def _check_service(manager: Manager | None) -> Check:
    if manager is None:
        words = "neither systemd nor launchd is here; `scened run` works by hand"
        return Check("service", Colour.YELLOW, words, "scened run")
    state = manager.state()
    if not state.installed:
        return Check("service", Colour.YELLOW, "not installed", "scened service install")
    if not state.program_there:
        words = f"it starts {state.program}, which is gone"
        return Check("service", Colour.RED, words, "scened service install")
    if not state.running:
        return Check("service", Colour.YELLOW, f"stopped ({state.detail})", "scened service start")
    return Check("service", Colour.GREEN, state.detail)
