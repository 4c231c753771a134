"""Train the tag head on cached features, from labels that say little about most tags."""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.calibration import averaged_at
from scened.models.training.corpus import Photo
from scened.models.training.features import Cache
from scened.models.training.product import TagHead
from scened.models.training.tags import TagTruth
from scened.models.training.weights import mean_of

__all__ = [
    "Known",
    "TagSettings",
    "choice_loss",
    "cross_fitted",
    "gather_truth",
    "name_loss",
    "train_rows",
    "train_tags",
]

NEVER = -1e4  # the logit of what is no choice

log = logging.getLogger(__name__)


class TagSettings(msgspec.Struct, frozen=True):
    """The recipe of the tag head.

    A tag that nothing is known of counts as absent a little, as its source would have told of it;
    of ImageNet's photos, the classifier's own probability counts instead. The penalty on what is
    learnt beyond the ImageNet classifier's evidence grows as a tag's examples, compared with
    `rare`, get few. A tag that ImageNet names and that has fewer than `least_own` examples
    elsewhere learns nothing of its own; a caption's word counts `caption_counts`, as it tells what
    stands out rather than what is there. The narrowest of these tags share one layer and one weight
    of their evidence, which turn them up or down together. `names` weighs how far the order of the
    narrowest tags may be from that evidence's, so that a photo keeps its best name,
    `names_imagenet` times as much on ImageNet's photos. `choice` weighs that a photo of a source
    with one class each is rather of that class than of the source's others, if its classes differ
    in at most `most_rivals` tags: of more, a photo may well show several. Tags in `seldom_said` are
    too plain to be mentioned: unsaid, they are unknown. Where a detector's score is at least
    `detected` or below `undetected`, it tells of a tag that nothing is known of, and counts
    `weight_seen` or `weight_unseen`; between the two the tag is left open.
    """

    seed: int = 3
    runs: int = 5  # each in its own order; what is kept is their mean, which answers as they do
    folds: int = 3
    epochs: int = 24
    photos: int = 1024  # per step
    rate: float = 2e-3
    penalty: float = 6e-3
    rare: float = 30.0
    unknown_captions: float = 0.15
    unknown_others: float = 0.04
    unknown_imagenet: float = 0.6
    names: float = 6.0
    names_imagenet: float = 120.0
    choice: float = 5.0
    most_rivals: int = 40
    least_own: float = 20.0
    caption_counts: float = 0.33
    detected: float = 0.6
    undetected: float = 0.15
    weight_seen: float = 0.5
    weight_unseen: float = 0.3
    seldom_said: tuple[str, ...] = ("nature", "indoors")


class Known(NamedTuple):
    """What is known, float [photos, T]: tags, certainty (1 known, less assumed), and which.

    `value` is 1 or 0 where `known` is 1; elsewhere 0, and for ImageNet's photos the classifier's
    own probability.
    `weight` says how much each counts. `rivals` are 1 where a tag tells the classes of the photo's
    source apart, of which each photo has one. `imagenet` [photos] is 1 for ImageNet's photos,
    `captioned` [photos] for those of which we know what captions say.
    """

    value: Tensor
    known: Tensor
    weight: Tensor
    rivals: Tensor
    imagenet: Tensor
    captioned: Tensor

    def of(self, rows: Tensor) -> Known:
        """Return what is known of some photos, bool or int64 `rows`."""
        return Known(*(values[rows] for values in self))


def gather_truth(
    cache: Cache,
    truth: TagTruth,
    log_odds: Tensor,
    detections: Mapping[str, npt.NDArray[np.float32]],
    settings: TagSettings,
) -> Known:
    """Collect what is known of the cached photos.

    `log_odds` [photos, T] are the initial network's, `detections` COCO's classes with a
    detector's scores [photos]: they tell of tags that a source does not annotate.
    """
    rows = [truth.row(photo) for photo in cache.photos]
    value = torch.from_numpy(np.stack([row[0] for row in rows]))
    known = torch.from_numpy(np.stack([row[1] for row in rows]))
    from_imagenet = truth.classes.any(dim=0)
    assumed = torch.tensor([_assumed(photo, settings) for photo in cache.photos])
    # Beside ImageNet's own photos its classifier has to name something: no evidence there.
    trusted = torch.tensor([photo.source == "imagenet" for photo in cache.photos])
    guess = log_odds.sigmoid() * from_imagenet * trusted[:, None]
    value = torch.where(known > 0, value, guess)
    weight = torch.where(known > 0, 1.0, assumed[:, None])
    for name in settings.seldom_said:
        tag = truth.vocabulary.index(name)
        weight[:, tag] = known[:, tag]
    for tag, scores in truth.detected(detections).items():
        score = torch.from_numpy(scores)
        open_question = (known[:, tag] == 0) & ~trusted
        seen, unseen = score >= settings.detected, score < settings.undetected
        value[:, tag] = torch.where(open_question, seen.float(), value[:, tag])
        told = seen * settings.weight_seen + unseen * settings.weight_unseen
        weight[:, tag] = torch.where(open_question, told, weight[:, tag])
    captioned = torch.tensor([photo.folder == "captions" for photo in cache.photos])
    rivals = _rivals(cache.photos, truth, value * known, settings.most_rivals)
    return Known(value, known, weight, rivals, trusted.float(), captioned.float())


def train_tags(
    pooled: Tensor,
    log_odds: Tensor,
    truth: Known,
    head: TagHead,
    leaves: Tensor,
    settings: TagSettings,
) -> TagHead:
    """Fit `head` on features [views, photos, F] and log-odds [views, photos, T].

    `leaves` int64 [L] are the tags that name an ImageNet class most narrowly.
    """
    runs = [copy.deepcopy(head) for _ in range(settings.runs)]
    for number, run in enumerate(runs):
        torch.manual_seed(settings.seed + number)
        _run(pooled, log_odds, truth, run, leaves, settings)
    head.load_state_dict(mean_of(runs).state_dict())
    head.requires_grad_(False)
    return head


def _run(
    pooled: Tensor,
    log_odds: Tensor,
    truth: Known,
    head: TagHead,
    leaves: Tensor,
    settings: TagSettings,
) -> None:
    mean, spread = pooled.mean((0, 1)), pooled.std((0, 1)) + 1e-3
    possible = head.classes.any(dim=0).float()
    present = truth.value * truth.known
    penalty = settings.penalty * (1 + settings.rare / (1 + present.sum(dim=0)))
    counts = (1 - truth.imagenet) * (1 - (1 - settings.caption_counts) * truth.captioned)
    elsewhere = (present * counts[:, None]).sum(dim=0)
    own = ((possible == 0) | (elsewhere >= settings.least_own)).float()[:, None]
    # Of many there is no train photo: learnt one by one, they would fall behind the others.
    together = leaves[own[leaves, 0] == 0]
    shared = nn.Linear(pooled.shape[2], 1)
    nn.init.zeros_(shared.weight)
    nn.init.zeros_(shared.bias)
    trust = 1 + (settings.names_imagenet - 1) * truth.imagenet
    started = head.evidence.detach().clone()
    optimiser = torch.optim.Adam([*head.parameters(), *shared.parameters()], settings.rate)
    steps = settings.epochs * (pooled.shape[1] // settings.photos)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(pooled.shape[1], (settings.photos,))
        views = torch.randint(len(pooled), (settings.photos,))
        features = (pooled[views, rows] - mean) / spread
        evidence, bias = (averaged_at(each, together) for each in (head.evidence, head.linear.bias))
        learnt = functional.linear(features, head.linear.weight * own, bias)
        learnt = learnt.index_add(1, together, shared(features).expand(-1, len(together)))
        logits = evidence * possible * log_odds[views, rows] + learnt
        loss = functional.binary_cross_entropy_with_logits(
            logits, truth.value[rows], truth.weight[rows], reduction="sum"
        )
        loss = loss / settings.photos
        change = head.linear.weight.square().sum(dim=1)
        change = change + possible * (bias.square() + (evidence - started).square())
        loss = loss + (penalty * change).sum() + settings.penalty * shared.weight.square().sum()
        shares = log_odds[views, rows][:, leaves].sigmoid()
        order = name_loss(logits[:, leaves], shares) * trust[rows]
        loss = loss + settings.names * order.mean()
        chosen = choice_loss(logits, present[rows], truth.rivals[rows])
        loss = loss + settings.choice * chosen.mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    log.info("tags: loss %.3f after %d steps", loss.item(), steps)
    with torch.no_grad():
        head.evidence.copy_(averaged_at(head.evidence, together) * possible)
        head.linear.bias.copy_(averaged_at(head.linear.bias, together))
        head.linear.weight.mul_(own)
        head.linear.weight[together] += shared.weight
        head.linear.bias[together] += shared.bias
        head.linear.weight.div_(spread)
        head.linear.bias.sub_(head.linear.weight @ mean)


def name_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Return per photo how far tags' order is from what a classifier gives each: both [B, L].

    It counts as much as the classifier gives to all of them together.
    """
    total = shares.sum(dim=1).clamp(min=1e-6)
    found = logits.log_softmax(dim=1)
    apart = functional.kl_div(found, shares / total[:, None], reduction="none").sum(dim=1)
    return apart * total.clamp(max=1)


def choice_loss(logits: Tensor, present: Tensor, rivals: Tensor) -> Tensor:
    """Return per photo how far its tags are from being above their rivals: all [B, T].

    Tags that are present do not compete with each other. A photo without rivals loses nothing.
    """
    right, wrong = present * rivals, (1 - present) * rivals
    against = logits.masked_fill(wrong == 0, NEVER).logsumexp(dim=1, keepdim=True)
    behind = functional.softplus(against - logits)
    return (right * behind).sum(dim=1) / right.sum(dim=1).clamp(min=1)


def cross_fitted(
    cache: Cache,
    log_odds: Tensor,
    truth: Known,
    classes: Tensor,
    leaves: Tensor,
    settings: TagSettings,
) -> Tensor:
    """Return each train photo's logits [photos, T] from a head that never saw the photo.

    Rows of other photos are zero.
    """
    pooled = torch.from_numpy(cache.pooled)
    fold = torch.tensor([_fold(photo, settings.folds) for photo in cache.photos])
    answers = torch.zeros_like(truth.value)
    for number in range(settings.folds):
        rows = ((fold >= 0) & (fold != number)).nonzero().flatten()
        head = TagHead(classes, pooled.shape[2])
        train_tags(pooled[:, rows], log_odds[:, rows], truth.of(rows), head, leaves, settings)
        own = fold == number
        answers[own] = head.evidence * log_odds[0][own] + head.linear(pooled[0][own])
    return answers


def _rivals(photos: Sequence[Photo], truth: TagTruth, present: Tensor, most: int) -> Tensor:
    """Return for each photo [photos, T] which tags tell the train photos of its source apart.

    Of these only the narrowest: what is above some of a source's classes is no choice.
    """
    rivals = torch.zeros_like(present)
    train = torch.tensor([photo.split == "train" for photo in photos])
    for source in {photo.source for photo in photos if photo.folder == "classes"} - {"imagenet"}:
        own = torch.tensor([photo.source == source for photo in photos])
        shown = present[own & train] > 0
        telling = (shown.any(dim=0) & ~shown.all(dim=0)).nonzero().flatten().tolist()
        names = {truth.names[tag] for tag in telling}
        narrowest = [
            tag
            for tag in telling
            if names.isdisjoint(truth.vocabulary.descendants(truth.names[tag]))
        ]
        if len(narrowest) <= most:
            rivals[own.nonzero(), torch.tensor(narrowest, dtype=torch.int64)] = 1.0
    return rivals


def _assumed(photo: Photo, settings: TagSettings) -> float:
    if photo.folder == "faces":
        return 0.0
    if photo.source == "imagenet":
        return settings.unknown_imagenet
    return settings.unknown_captions if photo.folder == "captions" else settings.unknown_others


def _fold(photo: Photo, folds: int) -> int:
    """Return a train photo's fold, by its name; -1 for the others."""
    if photo.split != "train":
        return -1
    return hashlib.sha256(photo.key.encode()).digest()[1] % folds


def train_rows(photos: Sequence[Photo]) -> Tensor:
    """Return the places of the train photos."""
    return torch.tensor([p.split == "train" for p in photos]).nonzero().flatten()
