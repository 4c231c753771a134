"""Read what a photo's file says: when, where, with what it was taken, keywords; believes nothing.

Source: CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from scened.analysis.labels import labels_inside
from scened.findings import Metadata

__all__ = ["camera_name", "clean_text", "coordinates", "read_metadata", "wall_time"]

MAXIMUM_CHARACTERS = 200  # of any text
EARLIEST_YEAR = 1826  # the oldest photograph that survives
LARGEST_OFFSET_HOURS = 14  # Line Islands, UTC+14:00

_TIME = re.compile(
    r"(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"(?:\.(\d+))?\s*(Z|[+\-]\d{2}:?\d{2})?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+\-])(\d{2}):?(\d{2})", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)

# Time, fraction of a second, distance from UTC; best first.
_TAKEN = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.SubsecTimeOriginal,
    ExifTags.Base.OffsetTimeOriginal,
)
_DIGITISED = (
    ExifTags.Base.DateTimeDigitized,
    ExifTags.Base.SubsecTimeDigitized,
    ExifTags.Base.OffsetTimeDigitized,
)
_CHANGED = (ExifTags.Base.DateTime, ExifTags.Base.SubsecTime, ExifTags.Base.OffsetTime)

Tags = Mapping[int, Any]


def read_metadata(image: Image.Image, width: int, height: int, file_format: str) -> Metadata:
    """Return what the open picture says of itself; whatever makes no sense is left out.

    The time is DateTimeOriginal, else DateTimeDigitized. DateTime is when the file was last
    changed, so it counts only when both are missing and a camera has signed the file: then it
    is most likely the camera that wrote it, and not an editor or a scanner.

    `width` and `height` are those of the whole picture, upright. Raises nothing that the EXIF
    data could cause.
    """
    main, details, place = _tags(image)
    camera = camera_name(main.get(ExifTags.Base.Make), main.get(ExifTags.Base.Model))
    taken_at, taken_offset = _taken(main, details, signed=camera is not None)
    latitude, longitude = coordinates(place) or (None, None)
    labels = labels_inside(image)
    return Metadata(
        width=width,
        height=height,
        format=file_format,
        taken_at=taken_at,
        taken_offset=taken_offset,
        camera=camera,
        latitude=latitude,
        longitude=longitude,
        keywords=labels.keywords,
        rating=labels.rating,
    )


def clean_text(value: object) -> str:
    """Return EXIF text in one line: up to the first NUL, without control characters, cut short.

    Pillow decodes such text as Latin-1, while many cameras write UTF-8. What is not text gives "".
    """
    if isinstance(value, str):
        try:
            raw = value.encode("latin-1")
        except UnicodeEncodeError:
            raw = value.encode("utf-8", "replace")
    elif isinstance(value, bytes):
        raw = value
    else:
        return ""
    raw = raw.split(b"\0", 1)[0][: 4 * MAXIMUM_CHARACTERS]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(visible.split())[:MAXIMUM_CHARACTERS].rstrip()


def camera_name(make: object, model: object) -> str | None:
    """Return 'Make Model', without the make where the model begins with its first word."""
    maker, name = clean_text(make), clean_text(model)
    brand = maker.split(" ", 1)[0].casefold()
    if name and brand and name.casefold().startswith(brand):
        return name
    return f"{maker} {name}".strip()[:MAXIMUM_CHARACTERS] or None


def wall_time(
    time: object, fraction: object = None, offset: object = None
) -> tuple[str, str | None] | None:
    """Return local time as `YYYY-MM-DDTHH:MM:SS[.sss]` and its distance from UTC, `+HH:MM`.

    Takes the three EXIF texts. A distance inside the time text (as some editors write) serves
    when there is no other. None when the time is not one that a clock can show.
    """
    match = _TIME.match(clean_text(time))
    if match is None:
        return None
    year, month, day, hour, minute = (int(group) for group in match.groups()[:5])
    try:
        moment = dt.datetime(year, month, day, hour, minute, int(match[6] or 0))
    except ValueError:
        return None
    if year < EARLIEST_YEAR:
        return None
    digits = _DIGITS.fullmatch(clean_text(fraction))
    subsecond = digits[0] if digits else match[7]
    text = moment.isoformat() + (f".{subsecond[:3]:0<3}" if subsecond else "")
    return text, _offset(clean_text(offset)) or _offset(match[8] or "")


def coordinates(place: Tags) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, south and west negative, from the GPS tags.

    None when either is missing, has no reference or cannot be on Earth, and for exactly 0, 0,
    which receivers write while they do not know.
    """
    latitude = _angle(
        place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef), "NS", 90
    )
    longitude = _angle(
        place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef), "EW", 180
    )
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _tags(image: Image.Image) -> tuple[Tags, Tags, Tags]:
    """Return the main, the EXIF and the GPS tags, each empty when it cannot be parsed."""
    found: list[Tags] = []
    for directory in (None, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            exif = image.getexif()
            found.append(_readable(exif) if directory is None else exif.get_ifd(directory))
        except Exception:
            found.append({})
    return found[0], found[1], found[2]


def _readable(exif: Image.Exif) -> Tags:
    wanted = (ExifTags.Base.Make, ExifTags.Base.Model, *_CHANGED)
    return {tag: exif[tag] for tag in wanted if tag in exif}


def _taken(main: Tags, details: Tags, *, signed: bool) -> tuple[str | None, str | None]:
    for time, fraction, offset in (_TAKEN, _DIGITISED):
        found = wall_time(details.get(time), details.get(fraction), details.get(offset))
        if found is not None:
            return found
    if signed:
        time, fraction, offset = _CHANGED
        found = wall_time(main.get(time), details.get(fraction), details.get(offset))
    return found or (None, None)


def _offset(text: str) -> str | None:
    if text == "Z":
        return "+00:00"
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[2]) > LARGEST_OFFSET_HOURS or int(match[3]) >= 60:
        return None
    return f"{match[1]}{match[2]}:{match[3]}"


def _angle(value: object, reference: object, directions: str, limit: int) -> float | None:
    """Return degrees from degrees, minutes and seconds, negative in the second direction."""
    direction = clean_text(reference).upper()[:1]
    if not direction or direction not in directions:
        return None
    parts = _real_numbers(value)
    if not 1 <= len(parts) <= 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        return None
    if any(part > 60 for part in parts[1:]):
        return None
    degrees = parts[0] + sum(part / 60**power for power, part in enumerate(parts[1:], 1))
    if degrees > limit:
        return None
    signed: float = -degrees if direction == directions[1] else degrees
    return round(signed, 7)


def _real_numbers(value: object) -> list[float]:
    """Return one number or a tuple of them as floats, empty when something else is among them."""
    numbers_read = []
    for part in value if isinstance(value, tuple) else (value,):
        if not isinstance(part, numbers.Real):
            return []
        try:
            numbers_read.append(float(part))
        except (ValueError, ZeroDivisionError, OverflowError):
            return []
    return numbers_read
