"""Whatever EXIF data says, what is made of it makes sense."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags
from PIL.TiffImagePlugin import IFDRational

from scened.analysis.decode import decode
from scened.analysis.metadata import (
    MAXIMUM_CHARACTERS,
    camera_name,
    clean_text,
    coordinates,
    wall_time,
)
from tests.photos import SHARED, exif, needs_shared, write_photo

Base, GPS = ExifTags.Base, ExifTags.GPS
ANYTHING = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(), st.binary(), st.tuples(st.text(), st.floats())
)
RATIONAL = st.builds(IFDRational, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
WRITTEN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?")


@pytest.mark.parametrize(
    ("time", "fraction", "offset", "expected"),
    [
        ("2014:10:31 13:32:37", "539", None, ("2014-10-31T13:32:37.539", None)),
        ("2017:02:09 19:51:38", "0887", "+09:00", ("2017-02-09T19:51:38.088", "+09:00")),
        ("2022:03:31 11:31:56 ", "18\0", None, ("2022-03-31T11:31:56.180", None)),
        ("2023-09-27T14:32:53+02:00", None, None, ("2023-09-27T14:32:53", "+02:00")),
        ("2023:09:27 14:32:53Z", None, None, ("2023-09-27T14:32:53", "+00:00")),
        ("2010:01:02 03:04", None, "junk", ("2010-01-02T03:04:00", None)),
        ("2010:01:02 03:04:05", "1e3", "+99:00", ("2010-01-02T03:04:05", None)),
        (b"2010:01:02 03:04:05\0\0", None, b"-03:30", ("2010-01-02T03:04:05", "-03:30")),
        ("0000:00:00 00:00:00", None, None, None),
        ("2015:02:30 10:00:00", None, None, None),
        ("2015:02:20 24:00:00", None, None, None),
        ("1601:01:01 00:00:00", None, None, None),
        ("    :  :     :  :  ", None, None, None),
        ("", None, None, None),
    ],
)
def test_times(
    time: object, fraction: object, offset: object, expected: tuple[str, str | None] | None
) -> None:
    assert wall_time(time, fraction, offset) == expected


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_time_is_invented(time: object, fraction: object, offset: object) -> None:
    found = wall_time(time, fraction, offset)
    assert found is None or WRITTEN_TIME.fullmatch(found[0])


@given(st.datetimes(dt.datetime(1826, 1, 1), dt.datetime(9999, 12, 31)))
def test_every_time_a_camera_can_write_is_read(moment: dt.datetime) -> None:
    second = moment.replace(microsecond=0)
    written = f"{moment.year:04}:{moment.month:02}:{moment.day:02} {moment:%H:%M:%S}"
    assert wall_time(written) == (second.isoformat(), None)


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Apple", "iPhone 7", "Apple iPhone 7"),
        ("Canon", "Canon EOS 6D", "Canon EOS 6D"),
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("PENTAX Corporation ", " PENTAX K10D        ", "PENTAX K10D"),
        ("samsung\0\0\0", "SM-G935L\0junk", "samsung SM-G935L"),
        ("Motorola", None, "Motorola"),
        (None, "EOS R5", "EOS R5"),
        ("å\x1b[31m".encode().decode("latin-1"), "X", "å [31m X"),
        (b"\xe9t\xe9", "X", "été X"),
        ("", "\0", None),
        (7, (1, 2), None),
    ],
)
def test_cameras(make: object, model: object, expected: str | None) -> None:
    assert camera_name(make, model) == expected


@given(ANYTHING)
def test_text_is_one_short_printable_line(value: object) -> None:
    text = clean_text(value)
    assert len(text) <= MAXIMUM_CHARACTERS
    assert text.isprintable()


def place(latitude: object, north: object, longitude: object, east: object) -> dict[int, object]:
    return {
        GPS.GPSLatitudeRef: north,
        GPS.GPSLatitude: latitude,
        GPS.GPSLongitudeRef: east,
        GPS.GPSLongitude: longitude,
    }


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (place((51.0, 30.0, 0.0), "N", (3.0, 15.0, 36.0), "W"), (51.5, -3.26)),
        (place((33.0, 30.0), b"s\0", (151.25,), b"E\0"), (-33.5, 151.25)),
        (place(Fraction(1, 2), "N", Fraction(1, 4), "E"), (0.5, 0.25)),
        (place((IFDRational(1, 0),) * 3, "N", (1.0, 0.0, 0.0), "E"), None),
        (place((float("nan"),) * 3, "\0", (float("nan"),) * 3, "\0"), None),
        (place((91.0, 0.0, 0.0), "N", (1.0, 0.0, 0.0), "E"), None),
        (place((1.0, 99.0, 0.0), "N", (1.0, 0.0, 0.0), "E"), None),
        (place((1.0, 0.0, 0.0), "", (1.0, 0.0, 0.0), "E"), None),
        (place((1.0, 0.0, 0.0), "N", "12", "E"), None),
        (place((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"), None),
        ({}, None),
    ],
)
def test_coordinates(tags: dict[int, object], expected: tuple[float, float] | None) -> None:
    assert coordinates(tags) == expected


@given(
    st.lists(st.one_of(RATIONAL, ANYTHING), max_size=4).map(tuple),
    st.sampled_from(["N", "S", "x", None]),
    st.lists(st.one_of(RATIONAL, ANYTHING), max_size=4).map(tuple),
    st.sampled_from(["E", "W", "\0", 1]),
)
def test_a_place_is_on_earth(
    latitude: object, north: object, longitude: object, east: object
) -> None:
    found = coordinates(place(latitude, north, longitude, east))
    assert found is None or (-90 <= found[0] <= 90 and -180 <= found[1] <= 180)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])
def test_every_format_tells_when_and_where(tmp_path: Path, suffix: str) -> None:
    data = exif(
        {Base.Make: "Canon", Base.Model: "Canon EOS R5"},
        {Base.DateTimeOriginal: "2021:05:06 07:08:09", Base.OffsetTimeOriginal: "+02:00"},
        place((51.0, 30.0, 0.0), "N", (3.0, 15.0, 36.0), "W"),
    )
    found = decode(write_photo(tmp_path / f"photo.{suffix}", exif=data)).metadata
    assert (found.taken_at, found.taken_offset) == ("2021-05-06T07:08:09", "+02:00")
    assert (found.latitude, found.longitude) == (51.5, -3.26)
    assert found.camera == "Canon EOS R5"


def test_the_original_time_is_preferred(tmp_path: Path) -> None:
    data = exif(
        {Base.DateTime: "2023:01:01 00:00:00"},
        {
            Base.DateTimeOriginal: "2021:01:01 00:00:00",
            Base.DateTimeDigitized: "2022:01:01 00:00:00",
        },
    )
    found = decode(write_photo(tmp_path / "photo.jpg", exif=data)).metadata
    assert found.taken_at == "2021-01-01T00:00:00"


def test_the_digitised_time_stands_in_for_nonsense(tmp_path: Path) -> None:
    data = exif(
        details={
            Base.DateTimeOriginal: "0000:00:00 00:00:00",
            Base.DateTimeDigitized: "2022:01:01 00:00:00",
        }
    )
    found = decode(write_photo(tmp_path / "photo.jpg", exif=data)).metadata
    assert found.taken_at == "2022-01-01T00:00:00"


@pytest.mark.parametrize(("make", "expected"), [("Canon", "2023-01-01T00:00:00"), ("", None)])
def test_the_time_of_change_counts_only_from_a_camera(
    tmp_path: Path, make: str, expected: str | None
) -> None:
    data = exif({Base.DateTime: "2023:01:01 00:00:00", Base.Make: make})
    found = decode(write_photo(tmp_path / "photo.jpg", exif=data)).metadata
    assert found.taken_at == expected


@pytest.mark.parametrize(
    "damage", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"\xff" * 64]
)
def test_damaged_exif_costs_only_itself(tmp_path: Path, damage: bytes) -> None:
    found = decode(write_photo(tmp_path / "photo.jpg", exif=damage)).metadata
    assert (found.width, found.height, found.taken_at) == (600, 400, None)


@needs_shared
def test_a_phone_without_a_fix_has_no_place() -> None:
    found = decode(SHARED / "photos/2016-trip/empty_gps.jpg").metadata
    assert (found.latitude, found.longitude) == (None, None)
