"""What is fuzzed on demand holds for what fuzzing begins with, and for what it has found."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.targets import MANIFEST, TARGETS

FOUND = [
    ("metadata", b"i\x1c\x02\x19" + bytes(100)),  # a keyword of no length that makes sense
    ("manifest", b"j" + json.dumps(MANIFEST).encode().replace(b"tiny", b"t\xa4ny")),
    ("manifest", b"a"),  # a text side of no bytes
]


@pytest.mark.parametrize(
    ("name", "seed"), [(name, seed) for name in TARGETS for seed in TARGETS[name].seeds]
)
def test_what_fuzzing_begins_with_keeps_every_promise(name: str, seed: bytes) -> None:
    TARGETS[name].take(seed)


@pytest.mark.parametrize(("name", "data"), FOUND)
@pytest.mark.promise(
    "file: what fuzzing has found",
    "stays mended",
)
def test_what_fuzzing_found_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name].take(data)
