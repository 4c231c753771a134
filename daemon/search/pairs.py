"""Which of many embeddings are near to each other.

Few are compared one and all. Of many, only those are that lie near to the same landmark, some of
them chosen from all over the library: an inverted file (Sivic and Zisserman, Video Google, ICCV
2003), in which each belongs to several lists, so that two that are near seldom share none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import simsimd

__all__ = ["near_pairs"]

FEW = 20_000  # embeddings; all pairs of these take some seconds
LANDMARKS = 2  # times the square root of how many embeddings there are
LISTS = 4  # that each embedding belongs to
PRODUCTS_AT_ONCE = 8_000_000  # 32 MB

Embeddings = npt.NDArray[np.int8]
Pairs = npt.NDArray[np.int64]


def near_pairs(vectors: Embeddings, least: int, few: int = FEW) -> Pairs:
    """Return the pairs of rows of int8 [N, D] whose product is at least so much, [P, 2], each once.

    Where there are more than `few`, some may be missed: 1 in 1,000 of those of a cosine of 0.7 and
    more among 6,000 photos, none of 0.8 and more (benchmarks/duplicates.py).
    """
    if len(vectors) <= few:
        found = list(_among(vectors, np.arange(len(vectors)), least))
    else:
        found = [pairs for rows in _lists(vectors) for pairs in _among(vectors[rows], rows, least)]
    numbers = [pairs[:, 0] * len(vectors) + pairs[:, 1] for pairs in found]
    once = np.unique(np.concatenate([np.empty(0, np.int64), *numbers]))
    return np.stack(np.divmod(once, max(1, len(vectors))), axis=1)


def _among(vectors: Embeddings, rows: npt.NDArray[np.intp], least: int) -> Iterator[Pairs]:
    """Yield the near pairs among some vectors, as the rows they are in, the smaller one first."""
    at_once = max(1, PRODUCTS_AT_ONCE // max(1, len(vectors)))
    for start in range(0, len(vectors), at_once):
        near = np.argwhere(_products(vectors[start : start + at_once], vectors[start:]) >= least)
        near = near[near[:, 0] < near[:, 1]] + start
        yield rows[near].astype(np.int64)


def _lists(vectors: Embeddings) -> Iterator[npt.NDArray[np.intp]]:
    """Yield, for each landmark, the rows of the vectors it is among the nearest to, ascending."""
    count = len(vectors)
    wanted = int(LANDMARKS * count**0.5)
    landmarks = vectors[:: -(-count // wanted)]
    lists = min(LISTS, len(landmarks))
    at_once = max(1, PRODUCTS_AT_ONCE // len(landmarks))
    portions = (vectors[start : start + at_once] for start in range(0, count, at_once))
    nearest = np.concatenate(
        [np.argpartition(_products(each, landmarks), -lists)[:, -lists:] for each in portions]
    )
    order = np.argsort(nearest.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(nearest.reshape(-1), minlength=len(landmarks)))
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield order[start:end] // lists


def _products(some: Embeddings, others: Embeddings) -> npt.NDArray[np.int32]:
    products: npt.NDArray[np.int32] = np.empty((len(some), len(others)), np.int32)
    simsimd.cdist(some, others, metric="dot", out=products)
    return products
