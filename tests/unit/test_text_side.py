"""A text becomes a unit vector; a text side that does not fit together is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.errors import DamagedPack
from scened.models.pack import (
    MAXIMUM_BYTES,
    TEXT_NAME,
    TOKENIZER_NAME,
    Pack,
    default_pack_folder,
    open_pack,
)
from scened.search.text_side import TextSide, open_text_side

PIECES = {"[UNK]": 0, "dog": 1, "snow": 2, "##y": 3}
SIZE, HIDDEN = 8, 4


def arrays() -> dict[str, npt.NDArray[np.generic]]:
    rng = np.random.default_rng(0)
    return {
        "rows": np.array([-1, 0, 1, 2], np.int16),
        "vectors": rng.integers(-127, 128, (3, SIZE)).astype(np.int8),
        "scales": np.full(3, 0.01, np.float16),
        "weights": np.array([1, 2, 0.5], np.float16),
        "gain": np.ones(SIZE, np.float16),
        "offset": np.zeros(SIZE, np.float16),
        "direct": rng.normal(size=(256, SIZE)).astype(np.float16),
        "deep_in": rng.normal(size=(HIDDEN, SIZE)).astype(np.float16),
        "deep_in_bias": np.zeros(HIDDEN, np.float16),
        "deep_out": rng.normal(size=(256, HIDDEN)).astype(np.float16),
        "bias": np.zeros(256, np.float16),
    }


@given(st.lists(st.sampled_from(["dog", "snow", "snowy"]), min_size=1, max_size=100))
def test_vectors_have_unit_length(words: list[str]) -> None:
    vector = TextSide(arrays(), PIECES).embed(" ".join(words))
    assert vector is not None
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_the_order_of_words_does_not_matter() -> None:
    side = TextSide(arrays(), PIECES)
    assert np.allclose(side.embed("dog snow"), side.embed("snow dog"), atol=1e-6)


def test_a_text_without_a_known_word_has_no_vector() -> None:
    assert TextSide(arrays(), PIECES).embed("犬") is None


@pytest.mark.parametrize("name", sorted(arrays().keys() - {"rows"}))
def test_an_array_of_another_size_is_refused(name: str) -> None:
    damaged = arrays()
    damaged[name] = damaged[name][:-1]
    with pytest.raises(ValueError, match="fit"):
        TextSide(damaged, PIECES)


def test_a_place_outside_the_vectors_is_refused() -> None:
    damaged = arrays()
    damaged["rows"] = np.array([-1, 0, 1, 3], np.int16)
    with pytest.raises(ValueError, match="fit"):
        TextSide(damaged, PIECES)


@pytest.mark.promise(
    "pack: a text side that unpacks to gigabytes",
    "refused before it is unpacked",
)
def test_a_text_side_that_unpacks_to_more_than_a_pack_may_hold_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / TEXT_NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(MAXIMUM_BYTES + 1))
    (tmp_path / TOKENIZER_NAME).write_text('{"model": {"vocab": {"[UNK]": 0}}}')
    digests = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in (TEXT_NAME, TOKENIZER_NAME)
    }
    shipped = open_pack(default_pack_folder()).manifest
    with pytest.raises(DamagedPack, match="unpacked it is larger"):
        open_text_side(Pack(tmp_path, msgspec.structs.replace(shipped, files=digests)))
