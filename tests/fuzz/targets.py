"""What is fuzzed: functions that take any bytes, and fail where a promise of ours does not hold.

A refusal in our own words is a good answer; any other exception is a finding.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import io
import json
import sqlite3
import tempfile
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from scened.analysis.decode import _orientation
from scened.analysis.metadata import read_metadata
from scened.analysis.opening import failures_as_reasons
from scened.analysis.reduction import OPENED
from scened.analysis.xmp import labelling
from scened.config import Settings, read_settings
from scened.errors import (
    BadConfiguration,
    BadQuery,
    DamagedPack,
    ScenedError,
    UnreadableSidecar,
)
from scened.findings import Labelling, Metadata
from scened.models.pack import (
    EMBEDDING_DIMENSIONS,
    MANIFEST_NAME,
    NETWORK_NAME,
    TEXT_NAME,
    TOKENIZER_NAME,
    Manifest,
    Pack,
    open_pack,
)
from scened.models.pack_check import check_network
from scened.search.dates import parse_period
from scened.search.query import parse_query, quoted
from scened.search.text_side import open_text_side
from scened.search.words import TOKENIZER
from scened.settings_file import as_toml, change_setting
from scened.wording import parse_duration
from tests.photos import exif

__all__ = ["TARGETS", "Target"]

TODAY = datetime.date(2024, 2, 29)
SEGMENT_BYTES = 65_533  # the most one segment of a JPEG holds
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/">
 <rdf:Description xmp:Rating="4">
 <dc:subject><rdf:Bag><rdf:li>Rome</rdf:li></rdf:Bag></dc:subject>
 <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@dataclass(frozen=True)
class Target:
    """`take` raises where the bytes break a promise; `seeds` are good ones to begin with."""

    take: Callable[[bytes], None]
    seeds: Sequence[bytes]


def metadata(data: bytes) -> None:
    """Take EXIF, XMP and IPTC data, each in a JPEG; a whole TIFF; and a sidecar."""
    way, data = data[:1], data[1:]
    if way == b"x":
        with contextlib.suppress(UnreadableSidecar):
            _check_labelling(labelling(data))
        return
    if way == b"t":
        file = data
    else:
        marker, header = {
            b"m": (b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0"),
            b"i": (b"\xff\xed", b"Photoshop 3.0\x008BIM\x04\x04\0\0"),
        }.get(way, (b"\xff\xe1", b"Exif\0\0"))
        if way == b"i":
            header += len(data).to_bytes(4, "big")
        block = (header + data)[:SEGMENT_BYTES]
        length = (len(block) + 2).to_bytes(2, "big")
        file = b"\xff\xd8" + marker + length + block + _jpeg()[2:]
    try:
        with failures_as_reasons():
            image = Image.open(io.BytesIO(file), formats=OPENED)
    except ScenedError:
        return
    assert 1 <= _orientation(image) <= 8
    _check_metadata(read_metadata(image, *image.size, "JPEG"))


def manifest(data: bytes) -> None:
    """Take `pack.json`, a value in it, a network, a text side; what is opened fits together."""
    way, data = data[:1], data[1:]
    folder = _scratch()
    if way == b"n":
        (folder / NETWORK_NAME).write_bytes(data)
        with contextlib.suppress(DamagedPack):
            assert check_network(folder / NETWORK_NAME, _promising({NETWORK_NAME: data})) == data
        return
    if way in (b"a", b"v"):
        files = {TEXT_NAME: _text_arrays(), TOKENIZER_NAME: VOCABULARY}
        files[TEXT_NAME if way == b"a" else TOKENIZER_NAME] = data
        for name, content in files.items():
            (folder / name).write_bytes(content)
        with contextlib.suppress(DamagedPack), np.errstate(all="ignore"):
            side = open_text_side(Pack(folder, _promising(files)))
            assert side is not None
            vector = side.embed("a dog")
            assert vector is None or vector.shape == (EMBEDDING_DIMENSIONS,)
        return
    if way == b"k":
        data = _changed(data)
    (folder / NETWORK_NAME).write_bytes(b"")
    (folder / MANIFEST_NAME).write_bytes(data)
    with contextlib.suppress(DamagedPack):
        pack = open_pack(folder)
        names = {label.name for label in pack.manifest.labels}
        assert all(label.parent is None or label.parent in names for label in pack.manifest.labels)
        assert all((folder / name).parent == folder for name in pack.manifest.files)
        assert "/" not in pack.identity


def settings(data: bytes) -> None:
    """Take a settings file and a change of one; what is taken can be written and read again."""
    text = data.decode("utf-8", "replace")
    file = _scratch() / "settings.toml"
    if text.startswith("="):
        name, _, words = text[1:].partition("=")
        file.write_text("# mine\nmost_duty_percent = 70\n[gates.battery]\nleast_percent = 15\n")
        with contextlib.suppress(BadConfiguration):
            changed = change_setting(file, name, words)
            assert read_settings(file.read_text("utf-8"), file) == changed
        return
    with contextlib.suppress(BadConfiguration):
        found = read_settings(text, file)
        assert msgspec.convert(tomllib.loads(as_toml(found)), Settings) == found


def query(data: bytes) -> None:
    """Take what somebody typed: to FTS5 it is text; a date is days; a time is seconds."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(BadQuery):
        asked = parse_query(text)
        for term in (*asked.terms, *asked.excluded):
            _index().execute("SELECT 1 FROM words WHERE words MATCH ?", (quoted(term),)).fetchall()
    with contextlib.suppress(BadQuery):
        period = parse_period(text, TODAY)
        assert period.first <= period.last
    with contextlib.suppress(ValueError):
        assert parse_duration(text) > 0


def _check_metadata(found: Metadata) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Metadata) == found
    _check_text(found.camera or "")
    if found.taken_at is not None:
        datetime.datetime.fromisoformat(found.taken_at)
    if found.latitude is not None:
        assert -90 <= found.latitude <= 90
    if found.longitude is not None:
        assert -180 <= found.longitude <= 180
    _check_labelling(Labelling(found.keywords, found.rating))


def _check_labelling(found: Labelling) -> None:
    assert len(found.keywords) <= 1_000
    for word in found.keywords:
        _check_text(word)
    assert found.rating is None or -1 <= found.rating <= 5


def _check_text(text: str) -> None:
    assert len(text) <= 200
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)
    text.encode("utf-8")


def _promising(files: dict[str, bytes]) -> Manifest:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return msgspec.convert({**MANIFEST, "files": digests}, Manifest)


def _changed(data: bytes) -> bytes:
    """Return the manifest with one value changed: `labels/1/parent="dog"`."""
    path, _, value = data.decode("utf-8", "replace").partition("=")
    *steps, last = path.split("/")
    changed: Any = json.loads(json.dumps(MANIFEST))
    place = changed
    with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step]
        place[int(last) if isinstance(place, list) else last] = json.loads(value)
    return json.dumps(changed).encode()


@functools.cache
def _text_arrays() -> bytes:
    """Return the arrays of a text side that knows two words."""
    pieces, size, hidden = 2, 3, 2
    buffer = io.BytesIO()
    np.savez(
        buffer,
        rows=np.arange(pieces, dtype=np.int16),
        vectors=np.ones((pieces, size), np.int8),
        direct=np.eye(EMBEDDING_DIMENSIONS, size, dtype=np.int8),
        deep_in=np.ones((hidden, size), np.int8),
        deep_in_bias=np.ones(hidden, np.int8),
        deep_out=np.ones((EMBEDDING_DIMENSIONS, hidden), np.int8),
        bias=np.ones(EMBEDDING_DIMENSIONS, np.int8),
        scales=np.ones(pieces, np.int8),
        weights=np.ones(pieces, np.int8),
        gain=np.ones(size, np.int8),
        offset=np.ones(size, np.int8),
    )
    return buffer.getvalue()


@functools.cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="scened-fuzz-"))


@functools.cache
def _index() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:")
    index.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize = '{TOKENIZER}')")
    index.execute("INSERT INTO words VALUES ('two dogs in the snow')")
    return index


@functools.cache
def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "JPEG")
    return buffer.getvalue()


def _tiff() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "TIFF", tiffinfo={271: "Acme", 700: XMP})
    return buffer.getvalue()


EXIF = exif(
    {0x010F: "Acme", 0x0110: "Pocket 3", 0x0112: 6, 0x0132: "2019:06:14 18:03:20"},
    {0x9003: "2019:06:14 18:03:20", 0x9291: "123", 0x9011: "+02:00"},
    {1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (9.0, 15.0, 0.5)},
).removeprefix(b"Exif\0\0")
IPTC = b"\x1c\x01\x5a\x00\x03\x1b%G\x1c\x02\x19\x00\x04Rome\x1c\x02\x19\x00\x05Paris"
MANIFEST = {
    "interface": 1,
    "name": "tiny",
    "version": "1",
    "summary": "",
    "licence": "Apache-2.0",
    "sources": [{"name": "a", "licence": "b", "use": "c"}],
    "shapes": [[320, 320]],
    "labels": [
        {"name": "animal", "kind": "object", "parent": None, "synonyms": [], "threshold": 0.5},
        {"name": "dog", "kind": "object", "parent": "animal", "synonyms": ["x"], "threshold": 0.5},
    ],
    "faces": {"threshold": 0.5, "overlap": 0.4},
    "files": {NETWORK_NAME: hashlib.sha256(b"").hexdigest()},
    "training_record": "",
}
VOCABULARY = b'{"model": {"vocab": {"[UNK]": 0, "dog": 1}}}'
# a graph of one node `Relu` with one constant, as protobuf writes it
NETWORK = b"\x3a\x14\x0a\x06\x22\x04Relu\x2a\x0a\x08\x02\x08\x02\x10\x01\x42\x02ab"

TARGETS = {
    "metadata": Target(
        metadata, [b"e" + EXIF, b"m" + XMP, b"i" + IPTC, b"t" + _tiff(), b"x" + XMP]
    ),
    "manifest": Target(
        manifest,
        [
            b"j" + json.dumps(MANIFEST).encode(),
            b"n" + NETWORK,
            b"a" + _text_arrays(),
            b"v" + VOCABULARY,
            *(f"k{field}={json.dumps(value)}".encode() for field, value in MANIFEST.items()),
            b'klabels/1/parent="animal"',
            b"klabels/0/threshold=0.5",
            b"kfaces/overlap=1",
            b"kshapes/0/0=256",
        ],
    ),
    "settings": Target(
        settings,
        [
            as_toml(Settings()).encode(),
            b'[gates.hours]\nwindows = ["22:00-07:00"]\n',
            b"=gates.load.most_percent=50",
            b'=gates.hours.windows=["22:00-07:00"]',
            b"=metrics_file=/tmp/x",
        ],
    ),
    "query": Target(
        query,
        [
            b'two dogs "hot dog" -cat',
            b"last summer",
            b"June 2019",
            b"2019-06-14",
            b"2h",
            b"30m",
            "für Straße 猫".encode(),
        ],
    ),
}
