"""A pack's text side: what a query means, as a vector to compare with photos' embeddings."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from scened.errors import DamagedPack
from scened.models.pack import (
    EMBEDDING_DIMENSIONS,
    MAXIMUM_BYTES,
    TEXT_NAME,
    TOKENIZER_NAME,
    Pack,
)
from scened.search.word_pieces import UNKNOWN, word_pieces

__all__ = ["TextSide", "open_text_side"]

LONGEST = 64  # word pieces of a query; the rest is not read
EPSILON = 1e-5  # of the layer norm
TANH_SCALE, TANH_CUBE = 0.7978845608, 0.044715  # GELU's approximation by a hyperbolic tangent
_REMEDY = "install the pack again"

Array = npt.NDArray[np.float32]


class _Model(msgspec.Struct, frozen=True):
    vocab: dict[str, Annotated[int, Meta(ge=0)]]


class _Tokenizer(msgspec.Struct, frozen=True):
    """What counts of the tokenizer's file."""

    model: _Model


class TextSide:
    """A weighted bag of word-piece vectors and a small layer; numpy alone, no transformer."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.generic]], pieces: Mapping[str, int]):
        """Take `text.npz`'s arrays and the vocabulary; `models/training/text_side.py` makes them.

        rows int16 [pieces] (where a piece's vector is, -1 for none), vectors int8 [P, D], scales
        [P], weights [P], gain and offset [D] (of the norm), direct [256, D], deep_in [H, D],
        deep_in_bias [H], deep_out [256, H], bias [256]. Raises KeyError or ValueError where they
        do not fit together.
        """
        self._pieces = pieces
        self._rows = arrays["rows"].astype(np.int64)
        self._vectors = arrays["vectors"]
        self._scales, self._weights = (arrays[n].astype(np.float32) for n in ("scales", "weights"))
        self._gain, self._offset = (arrays[n].astype(np.float32) for n in ("gain", "offset"))
        self._direct = arrays["direct"].astype(np.float32)
        self._deep_in = arrays["deep_in"].astype(np.float32)
        self._deep_in_bias = arrays["deep_in_bias"].astype(np.float32)
        self._deep_out = arrays["deep_out"].astype(np.float32)
        self._bias = arrays["bias"].astype(np.float32)
        count, size = self._vectors.shape
        hidden = len(self._deep_in_bias)
        fits = (
            self._scales.shape == self._weights.shape == (count,)
            and self._gain.shape == self._offset.shape == (size,)
            and self._direct.shape == (EMBEDDING_DIMENSIONS, size)
            and self._deep_in.shape == (hidden, size)
            and self._deep_out.shape == (EMBEDDING_DIMENSIONS, hidden)
            and self._bias.shape == (EMBEDDING_DIMENSIONS,)
            and self._rows.ndim == 1
            and self._rows.max(initial=-1) < count
            and max(pieces.values(), default=-1) < len(self._rows)
            and UNKNOWN in pieces
        )
        if not fits:
            raise ValueError("its arrays do not fit together")

    def embed(self, text: str) -> Array | None:
        """Return a text's unit vector, float32 [256]; None where it has no word that is known."""
        numbers = np.array(word_pieces(text, self._pieces)[:LONGEST], np.int64)
        rows = self._rows[numbers] if len(numbers) else numbers
        rows = rows[rows >= 0]
        if not len(rows):
            return None
        weights = self._weights[rows] * self._scales[rows] / self._weights[rows].sum()
        mean = weights @ self._vectors[rows].astype(np.float32)
        mean = (mean - mean.mean()) / np.sqrt(mean.var() + EPSILON) * self._gain + self._offset
        hidden = self._deep_in @ mean + self._deep_in_bias
        hidden *= 0.5 * (1 + np.tanh(TANH_SCALE * (hidden + TANH_CUBE * hidden**3)))
        vector = self._direct @ mean + self._deep_out @ hidden + self._bias
        unit: Array = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


def open_text_side(pack: Pack) -> TextSide | None:
    """Return a pack's text side, or None where it has none. Raises DamagedPack."""
    if TEXT_NAME not in pack.manifest.files or TOKENIZER_NAME not in pack.manifest.files:
        return None
    packed, tokenizer = io.BytesIO(pack.read(TEXT_NAME)), pack.read(TOKENIZER_NAME)
    try:
        with zipfile.ZipFile(packed) as archive:
            if sum(each.file_size for each in archive.infolist()) > MAXIMUM_BYTES:
                raise ValueError(f"unpacked it is larger than {MAXIMUM_BYTES >> 20} MB")
        packed.seek(0)
        with np.load(packed, allow_pickle=False) as arrays:
            return TextSide(
                dict(arrays), msgspec.json.decode(tokenizer, type=_Tokenizer).model.vocab
            )
    except Exception as error:  # on damaged bytes numpy, zipfile and zlib raise anything
        raise DamagedPack(
            f"the text side of the pack {pack.identity} is malformed: {error}", _REMEDY
        ) from error
