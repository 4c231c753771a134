"""Settings from one TOML file; every default suits a laptop."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs
from msgspec import Meta
from msgspec.inspect import Metadata, type_info

from scened.errors import BadConfiguration

__all__ = [
    "AnalysisSettings",
    "BatterySettings",
    "DiskSettings",
    "GallerySettings",
    "GateSettings",
    "HeatSettings",
    "HoursSettings",
    "Limits",
    "LoadSettings",
    "MemorySettings",
    "PressureSettings",
    "SaverSettings",
    "Settings",
    "SettingsWatch",
    "default_database",
    "default_settings_file",
    "load_settings",
    "read_settings",
]

Percent = Annotated[float, Meta(ge=0, le=100)]
Window = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]

# What msgspec calls a kind of value, and what people do
KINDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "a table",
    "str": "text",
}
# The same as msgspec inspects them, and how it calls their bounds
TYPES = {
    "BoolType": "true or false",
    "FloatType": "a number",
    "IntType": "a whole number",
    "StrType": "text",
    "VarTupleType": "a list",
}
BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a word that is not known is refused.

    The docstring of a section and the description of each key are what docs/settings.md says.
    """


class BatterySettings(_Section, frozen=True):
    """Wait on battery, or below a charge."""

    enabled: bool = True
    on_battery: Annotated[
        bool, Meta(description="true: work on battery too, down to the charge")
    ] = False
    least_percent: Annotated[Percent, Meta(description="charge, in percent")] = 20


class SaverSettings(_Section, frozen=True):
    """Wait while the system saves power."""

    enabled: bool = True


class HeatSettings(_Section, frozen=True):
    """Wait near the limit that a sensor itself names."""

    enabled: bool = True
    margin: Annotated[float, Meta(ge=0, le=60, description="how near, in degrees Celsius")] = 10


class LoadSettings(_Section, frozen=True):
    """Wait while other programs use the processor."""

    enabled: bool = True
    most_percent: Annotated[Percent, Meta(description="of all cores")] = 80


class PressureSettings(_Section, frozen=True):
    """Wait while programs stall for memory; work less while others wait for it or disk (Linux)."""

    enabled: bool = True
    most_percent: Annotated[Percent, Meta(description="of the time")] = 10


class MemorySettings(_Section, frozen=True):
    """Wait while memory is short."""

    enabled: bool = True
    least_percent: Annotated[Percent, Meta(description="of the memory, available")] = 10


class HoursSettings(_Section, frozen=True):
    """Work only at these hours of the day; a window may pass midnight."""

    enabled: bool = True
    windows: Annotated[
        tuple[Window, ...], Meta(description='such as ["22:00-07:00"]; empty: at all hours')
    ] = ()


class DiskSettings(_Section, frozen=True):
    """Wait while the database's disk is full."""

    enabled: bool = True
    least_megabytes: Annotated[float, Meta(ge=0, description="free, in megabytes")] = 100


class GateSettings(_Section, frozen=True):
    """One table a gate; each can be switched off."""

    battery: BatterySettings = BatterySettings()
    power_saver: SaverSettings = SaverSettings()
    heat: HeatSettings = HeatSettings()
    load: LoadSettings = LoadSettings()
    pressure: PressureSettings = PressureSettings()
    memory: MemorySettings = MemorySettings()
    hours: HoursSettings = HoursSettings()
    disk: DiskSettings = DiskSettings()


class Limits(_Section, frozen=True):
    """How large a photo may be, how small, and how long one may take."""

    memory_bytes: Annotated[int, Meta(gt=0, description="estimated peak of a decode")] = (
        1_500_000_000
    )
    pixels: Annotated[
        int, Meta(gt=0, description="in the whole picture, however much it is reduced")
    ] = 1_000_000_000
    minimum_side: Annotated[
        int, Meta(gt=0, description="pixels; what is smaller is an icon, not a photo")
    ] = 64
    file_bytes: Annotated[int, Meta(gt=0, description="what is larger is not even read")] = (
        4_000_000_000
    )
    metadata_bytes: Annotated[
        int, Meta(gt=0, description="of each block of metadata; a larger one is not parsed")
    ] = 4_000_000
    cpu_seconds: Annotated[float, Meta(gt=0, description="processor time for one photo")] = 20
    standstill_seconds: Annotated[
        float,
        Meta(gt=0, description="that a look may wait, for a disk say, without doing anything"),
    ] = 60


class AnalysisSettings(_Section, frozen=True):
    """What is kept of a look."""

    faces: Annotated[
        bool, Meta(description="false: no face boxes, and those there were are removed")
    ] = True


class GallerySettings(_Section, frozen=True):
    """How much the gallery keeps."""

    cache_bytes: Annotated[int, Meta(ge=0, description="of small pictures, the latest used")] = (
        2_000_000_000
    )


class Settings(_Section, frozen=True):
    """The whole file."""

    most_duty_percent: Annotated[
        float, Meta(gt=0, le=100, description="of the time that may be worked, at the most")
    ] = 100
    metrics_file: Annotated[
        str,
        Meta(description="written there as OpenMetrics text; empty: nowhere"),
    ] = ""
    analysis: AnalysisSettings = AnalysisSettings()
    limits: Limits = Limits()
    gates: GateSettings = GateSettings()
    gallery: GallerySettings = GallerySettings()


def default_database() -> Path:
    """Return where the database lies unless one is named."""
    return platformdirs.user_data_path("scened", appauthor=False) / "library.sqlite"


def default_settings_file() -> Path:
    """Return where the settings lie unless a file is named."""
    return platformdirs.user_config_path("scened", appauthor=False) / "settings.toml"


def load_settings(file: Path | None) -> Settings:
    """Read the settings; without a file at the default place all defaults hold.

    Raises `BadConfiguration` with the file, the line, and what may stand there.
    """
    named = file is not None
    file = file or default_settings_file()
    try:
        words = file.read_text("utf-8")
    except FileNotFoundError as error:
        if not named:
            return Settings()
        raise BadConfiguration(f"there is no settings file {file}", "check its name") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file} cannot be read: {error}", "check the file") from error
    return read_settings(words, file)


def read_settings(words: str, file: Path) -> Settings:
    """Return what the text of a settings file says; `file` is for the words of a refusal."""
    try:
        return msgspec.convert(tomllib.loads(words), Settings)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(
            f"{file}: {error}", "write it as TOML, see https://toml.io"
        ) from error
    except msgspec.ValidationError as error:
        raise _explained(file, words, str(error)) from error


class SettingsWatch:
    """Notices that a settings file was changed, by what the file system says of it."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._seen = self._mark()

    def changed(self) -> bool:
        """Tell whether the file is another one than when last asked."""
        before, self._seen = self._seen, self._mark()
        return self._seen != before

    def _mark(self) -> tuple[int, ...] | None:
        try:
            stat = (self.file or default_settings_file()).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _explained(file: Path, words: str, fault: str) -> BadConfiguration:
    """Turn msgspec's 'Expected … - at `$.gates.battery.least_percent`' into a line and a remedy."""
    complaint, _, place = fault.partition(" - at ")
    tables = place.strip("`").removeprefix("$").removeprefix(".").split(".")
    unknown = re.search(r"unknown field `(\w+)`", complaint)
    if unknown:
        key = unknown[1]
        table = [name for name in tables if name]
        remedy = f"known there are: {', '.join(_known_keys(table))}"
        complaint = f"there is no setting {key!r}"
    else:
        *table, key = tables
        key = key.partition("[")[0]
        remedy = f"allowed: {_allowed([*table, key])}"
        complaint = complaint[:1].lower() + complaint[1:]
        for kind, word in KINDS.items():
            complaint = complaint.replace(f"`{kind}`", word)
        if "regex" in complaint:
            complaint = "cannot be read"
    return BadConfiguration(
        f"{file}, line {_line_of(words, table, key)}: {'.'.join([*table, key])}: {complaint}",
        remedy,
    )


def _allowed(place: list[str]) -> str:
    """Return in words what may stand at a place of the file, from the types above."""
    kind: Any = type_info(Settings)
    meaning = ""
    for name in place:
        kind = next(field.type for field in kind.fields if field.name == name)
        if isinstance(kind, Metadata):
            meaning = f", {(kind.extra_json_schema or {})['description']}"
            kind = kind.type
    bounds = [
        f"{word} {bound:,g}"
        for name, word in BOUNDS.items()
        if (bound := getattr(kind, name, None)) is not None
    ]
    word = next((word for name, word in TYPES.items() if type(kind).__name__ == name), "a table")
    return " ".join([word, " and ".join(bounds)]).strip() + meaning


def _known_keys(table: list[str]) -> tuple[str, ...]:
    kind: object = Settings()
    for name in table:
        kind = getattr(kind, name)
    return tuple(getattr(kind, "__struct_fields__", ()))


def _line_of(words: str, table: list[str], key: str) -> int:
    """Return the line on which a key of a table stands, as nearly as the text alone tells."""
    here: list[str] = []
    for number, line in enumerate(words.splitlines(), 1):
        header = re.match(r"\s*\[([\w.\s]+)\]", line)
        if header:
            here = [name.strip() for name in header[1].split(".")]
            if here == [*table, key]:
                return number
        found = re.match(r"\s*([\w.]+)\s*=", line)
        if found and [*here, *found[1].split(".")][: len(table) + 1] == [*table, key]:
            return number
    return 1
