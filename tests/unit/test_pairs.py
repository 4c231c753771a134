"""Pairs of embeddings that are near to each other."""

from __future__ import annotations

import numpy as np
import pytest

from scened.search.pairs import near_pairs

LEAST = round(0.9 * 127**2)


def units(chance: np.random.Generator, count: int) -> np.ndarray:
    vectors = chance.normal(size=(count, 256))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def stored(vectors: np.ndarray) -> np.ndarray:
    return np.rint(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * 127).astype(np.int8)


@pytest.mark.parametrize("few", [10_000, 0], ids=["one and all", "by landmarks"])
def test_near_ones_are_paired_once_and_others_are_not(few: int) -> None:
    chance = np.random.default_rng(0)
    others = units(chance, 1_000)
    copies = others[:40] + 0.2 * units(chance, 40)
    pairs = near_pairs(stored(np.concatenate([others, copies])), LEAST, few)
    assert pairs.tolist() == [[number, 1_000 + number] for number in range(40)]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("few", [10, 0], ids=["one and all", "by landmarks"])
def test_of_a_few_that_are_the_same_every_pair_is_found(count: int, few: int) -> None:
    same = stored(np.ones((count, 256)))
    assert len(near_pairs(same, LEAST, few)) == count * (count - 1) // 2
