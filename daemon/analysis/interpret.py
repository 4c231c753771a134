"""What the network's raw numbers mean: tags with their ancestors, the stored embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scened.analysis.faces import Floats, fraction
from scened.findings import TagScore
from scened.models.pack import Label

__all__ = ["find_tags", "quantise"]

INT8_SCALE = 127


def find_tags(scores: Floats, labels: tuple[Label, ...]) -> tuple[TagScore, ...]:
    """Return labels at or above their threshold with all their ancestors, best first.

    `scores` is `[T]`, in the order of the labels. An ancestor's score is at least the highest
    of its children, so that nothing is less certain for being more general. No photo goes
    without: where nothing reaches its threshold, the likeliest label is given with its score,
    which says how little it is worth.
    """
    parents = {label.name: label.parent for label in labels}
    reached = np.flatnonzero(scores >= np.array([label.threshold for label in labels]))
    found: dict[str, float] = {}
    for place in reached if len(reached) else [scores.argmax()]:
        label, raw_score = labels[place], scores[place]
        score = fraction(raw_score)
        name: str | None = label.name
        while name is not None:
            found[name] = max(score, found.get(name, 0.0))
            name = parents[name]
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(TagScore(name, score) for name, score in ordered)


def quantise(embedding: Floats) -> bytes:
    """Return a unit vector as int8 bytes, each number times 127, rounded."""
    unit = embedding / np.linalg.norm(embedding)
    rounded: npt.NDArray[np.int8] = np.rint(unit * INT8_SCALE).astype(np.int8)
    return rounded.tobytes()
