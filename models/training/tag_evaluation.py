"""How well a pack's tags agree with what is known of photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scened.models.pack import Manifest
from scened.models.training.calibration import expected_calibration_error
from scened.models.training.metrics import Figure, mean_interval, ranking_precision
from scened.models.training.seen import Seen
from scened.models.training.tags import TagTruth
from scened.models.training.teacher import imagenet_index

__all__ = ["name_figures", "source_figures", "tag_figures"]

SOURCES = {
    "scenes (Intel)": ("intel_scenes",),
    "scenes (15 classes)": ("scene15",),
    "rooms and fronts": ("houses",),
    "sports": ("sports22",),
    "weather": ("weather", "weather5"),
    "medium": ("medium",),
    "flowers": ("flowers5",),
    "pets": ("animals",),
}

Array = npt.NDArray[np.float64]


def name_figures(
    seen: Seen, unquantised: Array, initial: Array, truth: TagTruth, data: Path
) -> list[Figure]:
    """Return how often the best leaf tag of ImageNet's photos is right.

    `unquantised` and `initial` are the same photos' scores [photos, T] by our network before it
    was quantised, and by the initial network, whose probabilities are summed over the same
    classes. A photo of a husky may well show snow, which counts as wrong here; among animals
    that happens less.
    """
    index = imagenet_index(data)
    places = [index[photo.record["classes"][0]] + 1 for photo in seen.photos]
    wanted = truth.classes[places].numpy() > 0
    leaves = truth.imagenet_leaves()
    animals = truth.vocabulary.descendants("animal")
    figures = []
    for name, among in (
        ("leaf tags", leaves),
        ("leaf tags of animals", [leaf for leaf in leaves if truth.names[leaf] in animals]),
    ):
        own = wanted[:, among].any(axis=1)
        right, before, reference = (
            _best_is_right(scores[own][:, among], wanted[own][:, among])
            for scores in (seen.tags, unquantised, initial)
        )
        title = f"ImageNet val, best of {len(among)} {name} is right"
        low, high = mean_interval(right)
        for theirs, whose in (
            (reference, "initial network, float"),
            (before, "ours before quantisation"),
        ):
            figures.append(
                Figure(
                    title, len(right), float(right.mean()), low, high, float(theirs.mean()), whose
                )
            )
    return figures


def source_figures(seen: Seen, truth: TagTruth) -> list[Figure]:
    """Return how often the best of the tags that tell a source's classes apart is right."""
    return [_source(seen, truth, name, sources) for name, sources in SOURCES.items()]


def _best_is_right(scores: Array, wanted: npt.NDArray[np.bool_]) -> Array:
    right: Array = wanted[np.arange(len(scores)), scores.argmax(axis=1)].astype(np.float64)
    return right


def _source(seen: Seen, truth: TagTruth, name: str, sources: Sequence[str]) -> Figure:
    """Accuracy of the best among the tags that tell a source's classes apart."""
    rows = seen.rows(lambda p: p.source in sources)
    present = np.stack([truth.row(seen.photos[row])[0] for row in rows]) > 0
    telling = np.flatnonzero(present.any(axis=0) & ~present.all(axis=0))
    usable = present[:, telling].any(axis=1)
    right = _best_is_right(seen.tags[rows[usable]][:, telling], present[usable][:, telling])
    low, high = mean_interval(right)
    return Figure(
        f"{name}: best of {len(telling)} tags is right", len(right), float(right.mean()), low, high
    )


def tag_figures(seen: Seen, truth: TagTruth, manifest: Manifest) -> list[Figure]:
    """Return how well the tags that are given, and their scores, agree with what is known."""
    rows = seen.rows(lambda p: p.folder in ("classes", "multilabel", "captions"))
    truths = [truth.row(seen.photos[row]) for row in rows]
    value = np.stack([row[0] for row in truths]) > 0
    known = np.stack([row[1] for row in truths]) > 0
    scores = seen.tags[rows]
    limits = np.array([label.threshold for label in manifest.labels])
    given = scores >= limits
    both = (known & value).any(axis=0) & (known & ~value).any(axis=0)
    precision = float(value[known & given].mean())
    recall = float(given[known & value].mean())
    aps = [
        ranking_precision(scores[known[:, t], t], value[known[:, t], t])
        for t in np.flatnonzero(both & ((known & value).sum(axis=0) >= 10))
    ]
    error = expected_calibration_error(
        scores[:, both][known[:, both]], value[:, both][known[:, both]]
    )
    return [
        Figure("tags given: precision among what is known", len(rows), precision),
        Figure("tags known present: share given", len(rows), recall),
        Figure(
            f"mean average precision of {len(aps)} tags with 10 or more",
            len(rows),
            float(np.mean(aps)),
        ),
        Figure("expected calibration error of tags known both ways", len(rows), error),
        Figure("tags given per photo, mean", len(rows), float(given.sum(axis=1).mean())),
    ]
