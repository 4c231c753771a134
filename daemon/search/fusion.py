"""Make one list of two that have nothing in common but their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["fuse"]

STEADINESS = 60  # of ranks: Cormack, Clarke and Buettcher, Reciprocal Rank Fusion, SIGIR 2009


def fuse(rankings: Sequence[Iterable[int]], weights: Sequence[float]) -> list[tuple[int, float]]:
    """Return everything that is in any ranking, best first, with a score of 0..1.

    The score is the weighted sum of reciprocal ranks, as a share of what the first of all would
    have at weights of 1. Of two that are as good, that of the earlier ranking comes first.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, item in enumerate(ranking, 1):
            scores[item] = scores.get(item, 0.0) + weight / (STEADINESS + rank)
    best = len(rankings) / (STEADINESS + 1)
    return sorted(
        ((item, score / best) for item, score in scores.items()), key=lambda scored: -scored[1]
    )
