"""What a query means to one pack, and from when on a photo stands out for it.

Some photos are near to every text and others to none. So a photo's cosine with a query is taken
less its mean cosine with the names of the pack's tags, which stand for all that people may ask for;
and it stands out where few tags would come as far. Comparing with other photos instead would fail
in a small library, or one of the same thing, where what fits moves the mean.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from scened.errors import NoEmbedding
from scened.models.pack import EMBEDDING_DIMENSIONS, Pack
from scened.search.filters import Condition
from scened.search.likeness import nearest_photos
from scened.search.text_side import open_text_side
from scened.search.vectors import Vectors

__all__ = ["Meaning"]

# On 6,000 photos of the training captions and 400 words of theirs: a word is in the captions of 9 %
# of what is shown for it, and a third of what has it is shown; with 2.5 of 12 %, and a quarter. The
# captions do not say all that is there, and lists go from best to worst.
STANDS_OUT = 2.2  # standard deviations of what the pack's own tags are to the library's photos
MOST_TAGS = 128
MOST_PHOTOS = 256


class Meaning:
    """A pack's text side, and texts to compare a query with: the names of the pack's tags."""

    def __init__(self, pack: Pack) -> None:
        """Take a pack. Raises NoEmbedding where it has no text side, DamagedPack."""
        text_side = open_text_side(pack)
        if text_side is None:
            raise NoEmbedding(f"the pack {pack.identity} has no text side")
        self.pack = pack.identity
        self._text_side = text_side
        names = [label.name for label in pack.manifest.labels]
        units = map(text_side.embed, names[:: max(1, -(-len(names) // MOST_TAGS))])
        known = [unit for unit in units if unit is not None]
        tags = np.array(known or np.zeros((1, EMBEDDING_DIMENSIONS)), np.float32)
        self._mean_tag = tags.mean(axis=0)
        self._tags = tags - self._mean_tag

    def nearest(
        self,
        connection: sqlite3.Connection,
        vectors: Vectors,
        text: str,
        condition: Condition,
        limit: int,
        *,
        outstanding: bool,
    ) -> list[tuple[int, float]]:
        """Return photo ids and how much nearer they are to a text than to tags, nearest first.

        With `outstanding`, only photos that stand out: some photo is always the nearest, however
        far. Raises NoEmbedding where no word is known.
        """
        unit = self._text_side.embed(text)
        if unit is None:
            raise NoEmbedding(f"the pack {self.pack} knows none of these words")
        least = -np.inf
        if outstanding:
            least = STANDS_OUT * float((vectors.sample(MOST_PHOTOS) @ self._tags.T).std())
        return nearest_photos(connection, vectors, unit - self._mean_tag, condition, limit, least)
