"""Make scores probabilities, and choose from which score on a tag is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Calibration",
    "averaged_at",
    "expected_calibration_error",
    "fit_calibration",
    "thresholds",
]

ITERATIONS = 200
SLOPE_PRIOR = 20.0  # how many examples' worth the belief weighs that logits are right already
OFFSET_PRIOR = 1.0
PRECISION = 0.8  # wanted of the tags that are given
LEAST_POSITIVES = 20  # to choose a threshold by
LEAST_NEGATIVES = 20.0  # counted with their weights
DEFAULT_THRESHOLD = 0.5
LOWEST, HIGHEST = 0.45, 0.9
LEAST_DOUBT = 0.2  # what a photo of which nothing is known counts as wrong, at least

Array = npt.NDArray[np.float64]


class Calibration(NamedTuple):
    """Per tag: calibrated logit = slope * logit + offset, float [T] each."""

    slope: Tensor
    offset: Tensor

    def __call__(self, logits: Tensor) -> Tensor:
        """Return probabilities [photos, T]."""
        return (logits * self.slope + self.offset).sigmoid()


def fit_calibration(
    logits: Tensor,
    value: Tensor,
    weight: Tensor,
    together: Tensor,
    order_loss: Callable[[Tensor], Tensor],
) -> Calibration:
    """Fit a line for each tag on logits [photos, T] the head gave for photos it had not seen.

    The tags at `together`, int64, share one.

    Source: Platt, 1999; with priors, so that rare tags stay near what they are, and with
    `order_loss` of the fitted logits, so that tags stay in their order within a photo.
    """
    slopes = torch.zeros(logits.shape[1], requires_grad=True)
    offsets = torch.zeros(logits.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([slopes, offsets], 0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, ITERATIONS)
    for _ in range(ITERATIONS):
        slope, offset = averaged_at(slopes, together), averaged_at(offsets, together)
        fitted = logits * slope.exp() + offset
        loss = functional.binary_cross_entropy_with_logits(fitted, value, weight, reduction="sum")
        loss = (
            loss
            + order_loss(fitted)
            + SLOPE_PRIOR * slope.square().sum()
            + OFFSET_PRIOR * offset.square().sum()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    slope, offset = averaged_at(slopes, together), averaged_at(offsets, together)
    return Calibration(slope.detach().exp(), offset.detach())


def thresholds(
    scores: Tensor, value: Tensor, weight: Tensor, known: Tensor, parents: Sequence[int | None]
) -> list[float]:
    """Return the lowest score per tag from which on PRECISION is reached.

    All are [photos, T]; photos that nothing is known of count by `weight` as wrong, so where a
    source names only what is there, the precision is a lower estimate. Tags with too few
    examples take their parent's threshold where it is above DEFAULT_THRESHOLD, or that.
    """
    chosen: list[float] = []
    present = (value * known).double().numpy()
    weight = torch.where(weight > 0, weight.clamp(min=LEAST_DOUBT), 0.0)
    wrong = ((1 - value) * weight).double().numpy()
    for tag, parent in enumerate(parents):
        enough = present[:, tag].sum() >= LEAST_POSITIVES
        if enough and wrong[:, tag].sum() >= LEAST_NEGATIVES:
            chosen.append(
                _threshold(scores[:, tag].double().numpy(), present[:, tag], wrong[:, tag])
            )
        else:
            inherited = DEFAULT_THRESHOLD if parent is None else chosen[parent]
            chosen.append(max(DEFAULT_THRESHOLD, inherited))
    return chosen


def averaged_at(values: Tensor, places: Tensor) -> Tensor:
    """Return `values` [T] with their mean at some places."""
    if not len(places):
        return values
    return values.index_copy(0, places, values[places].mean().expand(len(places)))


def expected_calibration_error(
    scores: Array, present: npt.NDArray[np.bool_], bins: int = 15
) -> float:
    """Return the mean gap between score and share present, over bins of equal width.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    place = np.minimum((scores * bins).astype(int), bins - 1)
    gap = 0.0
    for number in range(bins):
        own = place == number
        if own.any():
            gap += own.mean() * abs(scores[own].mean() - present[own].mean())
    return float(gap)


def _threshold(scores: Array, present: Array, wrong: Array) -> float:
    order = np.argsort(-scores)
    right = np.cumsum(present[order])
    precision = right / np.maximum(right + np.cumsum(wrong[order]), 1e-9)
    good = np.flatnonzero((precision >= PRECISION) & (right >= LEAST_POSITIVES / 4))
    if not len(good):
        return HIGHEST
    return float(np.clip(scores[order][good[-1]], LOWEST, HIGHEST))
