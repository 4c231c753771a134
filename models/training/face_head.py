"""Train the face head alone, on maps of the finished backbone that are computed once.

A step costs a tenth of one through the backbone, and the head still has much to learn when the
backbone has no more to give.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from scened.models.training.backbone import Backbone
from scened.models.training.batches import BatchSettings, Sampler
from scened.models.training.command_line import work_and_leg
from scened.models.training.corpus import load_photos
from scened.models.training.face_loss import FaceLosses, FaceTarget, face_loss
from scened.models.training.features import head_photos
from scened.models.training.found_faces import load_found_faces
from scened.models.training.network import FacePyramid, best_device
from scened.models.training.teacher import load_backbone, load_part
from scened.models.training.weights import mean_of, move

__all__ = ["FaceHeadSettings", "load_face_head", "train_face_head"]

LOG_STEPS = 100
MAPS = ("finest", "fine", "middle", "coarse")
PART_BATCHES = 50  # in a file

log = logging.getLogger(__name__)


class FaceHeadSettings(msgspec.Struct, frozen=True):
    """The recipe: how many batches of views are kept, and how long the head looks at them."""

    seed: int = 5
    batch: BatchSettings = BatchSettings(faces=16, faces_large=2, face_free=1, mosaics=0.3)
    batches: int = 1_000
    together: int = 2  # batches, of whatever shapes, in a step
    steps: tuple[int, ...] = (2_000, 1_000)  # of each run
    rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up_steps: int = 30
    scores: float = 1.0
    boxes: float = 2.0
    quality: float = 1.0
    averaging: float = 0.995  # of the weights that are kept, per step


class _Run(NamedTuple):
    head: FacePyramid
    curve: list[dict[str, float]]


class _Seen(NamedTuple):
    """A batch as the backbone sees it: float16 maps, and what the head should say."""

    maps: tuple[Tensor, ...]
    target: FaceTarget


def train_face_head(work: Path, leg: Path, settings: FaceHeadSettings) -> None:
    """Train the head of a finished leg further; write `leg`/faces.pt and faces.json (curves).

    What is kept is the mean of the head as it was and as it became in each run, which is better
    than any of them.

    What the backbone sees is kept in `leg`/maps, some 500 kB a view, in parts: stopped between,
    it goes on with the next.
    """
    if (leg / "faces.json").exists():
        log.info("face head: done already")
        return
    seen = _look(work, leg, settings)
    before = load_face_head(leg)
    runs = [_run(before, seen, settings, number) for number in range(len(settings.steps))]
    together = mean_of([before, *(run.head for run in runs)])
    torch.save(together.state_dict(), leg / "faces.pt")
    curves = [run.curve for run in runs]
    record = {"settings": msgspec.to_builtins(settings), "curves": curves}
    (leg / "faces.json").write_text(json.dumps(record))


def load_face_head(leg: Path) -> FacePyramid:
    """Return a leg's face head, as it was trained last."""
    alone = leg / "faces.pt"
    weights = torch.load(alone, weights_only=True) if alone.exists() else load_part(leg, "faces")
    finest, fine, middle, coarse = (weights[f"{name}.weight"].shape[1] for name in MAPS)
    head = FacePyramid((finest, fine, middle, coarse))
    head.load_state_dict(weights)
    return head


def _run(before: FacePyramid, seen: list[_Seen], settings: FaceHeadSettings, number: int) -> _Run:
    """Train a copy of a head."""
    device, steps = best_device(), settings.steps[number]
    head = copy.deepcopy(before).to(device).train()
    average = copy.deepcopy(head).requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(
        head.parameters(), settings.rate, weight_decay=settings.weight_decay
    )
    random = np.random.default_rng(settings.seed + number)
    order: list[int] = []
    curve: list[dict[str, float]] = []
    sums = np.zeros(3)
    started = time.monotonic()
    for step in range(steps):
        if len(order) < settings.together:
            order = random.permutation(len(seen)).tolist()
        share = min(1.0, (step + 1) / settings.warm_up_steps)
        share *= 0.5 * (1 + math.cos(math.pi * step / steps)) * 0.98 + 0.02
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * share
        optimiser.zero_grad(set_to_none=True)
        for _ in range(settings.together):
            losses = _losses(head, seen[order.pop()], device)
            weighted = (value * getattr(settings, name) for name, value in losses._asdict().items())
            (torch.stack(list(weighted)).sum() / settings.together).backward()
            sums += [float(value.detach()) / settings.together for value in losses]
        nn.utils.clip_grad_norm_(head.parameters(), 10.0)
        optimiser.step()
        keep = min(settings.averaging, (step + 1) / (step + 10))
        move(average, head, 1 - keep)
        if (step + 1) % LOG_STEPS == 0:
            means = dict(zip(FaceLosses._fields, (sums / LOG_STEPS).tolist(), strict=True))
            curve.append({"step": step + 1, "seconds": time.monotonic() - started, **means})
            log.info("face head: %s", " ".join(f"{k} {v:.4g}" for k, v in curve[-1].items()))
            sums[:] = 0
    return _Run(average.cpu(), curve)


def _look(work: Path, leg: Path, settings: FaceHeadSettings) -> list[_Seen]:
    """Return the backbone's maps of random views, computed as far as they are not kept yet."""
    folder = leg / "maps"
    folder.mkdir(exist_ok=True)
    faces = load_photos(work, ("faces", "faces_large"))
    found = load_found_faces(work)
    sampler = Sampler(head_photos(work), faces, found, settings.seed, settings.batch)
    backbone = load_backbone(work, leg)
    backbone.to(best_device(), memory_format=torch.channels_last)
    seen: list[_Seen] = []
    for number in range(math.ceil(settings.batches / PART_BATCHES)):
        path = folder / f"{number:03}.pt"
        if not path.exists():
            random = np.random.default_rng([settings.seed, number])
            part = [_batch(backbone, sampler, random) for _ in range(PART_BATCHES)]
            torch.save([(each.maps, tuple(each.target)) for each in part], path)
            log.info("face head: looked at %d batches", (number + 1) * PART_BATCHES)
        kept = torch.load(path, weights_only=True, mmap=True)
        seen += [_Seen(maps, FaceTarget(*target)) for maps, target in kept]
    return seen


def _batch(backbone: Backbone, sampler: Sampler, random: np.random.Generator) -> _Seen:
    pictures, target = sampler.faces(random)
    device = next(backbone.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        maps = backbone(pictures.to(device)).maps
    return _Seen(tuple(_kept(each) for each in maps), target)


def _kept(features: Tensor) -> Tensor:
    return features.half().cpu().contiguous()


def _losses(head: FacePyramid, seen: _Seen, device: torch.device) -> FaceLosses:
    with torch.autocast(device.type, torch.bfloat16):
        answer = head(*(each.to(device, torch.bfloat16) for each in seen.maps))
    return face_loss(answer, FaceTarget(*(each.to(device) for each in seen.target)))


def main() -> None:
    """Train the face head of a leg from the command line."""
    train_face_head(*work_and_leg(__doc__), FaceHeadSettings())


if __name__ == "__main__":
    main()
