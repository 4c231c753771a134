"""Training in legs: first the backbone learns faces, then all heads learn at once, then longer.

In each, the backbone is held to what the initial network says of the same photos.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.backbone import Backbone
from scened.models.training.batches import Batch, Sampler
from scened.models.training.command_line import work_and_leg
from scened.models.training.corpus import load_photos
from scened.models.training.face_head import load_face_head
from scened.models.training.face_loss import face_loss
from scened.models.training.features import head_photos
from scened.models.training.found_faces import load_found_faces
from scened.models.training.head_losses import Heads, Lessons, load_heads, load_lessons
from scened.models.training.network import FacePyramid, best_device
from scened.models.training.recipe import LEGS, Mean, Settings
from scened.models.training.tag_head import TagSettings
from scened.models.training.teacher import load_backbone, load_initial, load_part
from scened.models.training.weights import mean_of, move

__all__ = ["average_legs", "run_leg", "train"]

CHECKPOINT_SECONDS = 180
LOG_STEPS = 20
LONGEST_STEP = 30.0  # seconds that count; longer ones were the machine's or its user's pause

log = logging.getLogger(__name__)


class _Progress(msgspec.Struct):
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = []


class _Model(nn.Module):
    """What is trained, in one module."""

    def __init__(self, initial: Backbone, heads: Heads | None) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(initial).train().requires_grad_(requires_grad=True)
        self.backbone.classifier.requires_grad_(False)
        self.faces = FacePyramid(initial.channels)
        if heads is not None:
            self.heads = heads


def run_leg(work: Path, name: str, minutes: float | None = None) -> None:
    """Do what the recipe says of a leg, after the one before it; `minutes` overrule its own."""
    names = list(LEGS)
    place, settings = names.index(name), LEGS[name]
    if isinstance(settings, Mean):
        average_legs(work, work / name, settings.of)
        return
    if minutes is not None:
        settings = msgspec.structs.replace(settings, minutes=minutes)
    train(work, work / name, settings, work / names[place - 1] if place else None)


def average_legs(work: Path, leg: Path, of: Sequence[str]) -> None:
    """Write `leg`/trained.pt, the mean of the backbones and face heads of other legs."""
    if (leg / "trained.json").exists():
        log.info("train: %s done already", leg.name)
        return
    leg.mkdir(parents=True, exist_ok=True)
    together = nn.ModuleDict(
        {
            "backbone": mean_of([load_backbone(work, work / name) for name in of]),
            "faces": mean_of([load_face_head(work / name) for name in of]),
        }
    )
    torch.save(together.state_dict(), leg / "trained.pt")
    (leg / "trained.json").write_text(json.dumps({"mean_of": list(of)}))


def train(
    work: Path,
    leg: Path,
    settings: Settings,
    before: Path | None = None,
    device: torch.device | None = None,
) -> None:
    """Train until `settings.minutes` are used, from the last checkpoint if there is one.

    Starts from the leg `before`, with the heads that were fitted after it, or else from the
    initial network. The rate follows a cosine over time spent, so a busy machine makes fewer
    steps, not a schedule cut short. Writes `leg`/trained.pt (averaged weights) and
    `leg`/trained.json.
    """
    if (leg / "trained.json").exists():
        log.info("train: %s done already", leg.name)
        return
    leg.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    device = device or best_device()
    settings = settings.on(device)
    initial = load_initial(work).to(device)
    lessons = None
    if before is not None and settings.all_heads:
        read = settings.reading > 0
        lessons = load_lessons(work, before, TagSettings(), device, read=read)
    model, average = (
        _Model(initial, None if before is None else load_heads(before)) for _ in range(2)
    )
    if before is not None:
        model.backbone.load_state_dict(load_part(before, "backbone"))
        model.faces = load_face_head(before)
        # Some of what was learnt is given up for what was forgotten. Source: Wortsman et al.,
        # Robust fine-tuning of zero-shot models, 2022.
        move(model.backbone, initial, settings.back)
    model.to(device, memory_format=torch.channels_last)
    average.load_state_dict(model.state_dict())
    average.to(device)
    optimiser = _optimiser(model, settings)
    progress = _Progress()
    checkpoint = leg / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True, map_location=device)
        model.load_state_dict(kept["model"])
        average.load_state_dict(kept["average"])
        optimiser.load_state_dict(kept["optimiser"])
        progress = msgspec.convert(json.loads(kept["progress"]), _Progress)
        log.info("train: continuing after step %d", progress.step)
    faces = load_photos(work, ("faces", "faces_large"))
    found = load_found_faces(work)
    sampler = Sampler(head_photos(work), faces, found, settings.seed, settings.batch)
    saved = before_step = time.monotonic()
    sums: dict[str, float] = {}
    counted = 0
    for batch in sampler.batches(progress.step):
        _set_rates(optimiser, progress, settings)
        losses = _losses(model, initial, batch.to(device), lessons, settings)
        total = torch.stack(list(_weighted(losses, settings))).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimiser.step()
        _average(average, model, settings, progress.step)
        progress.step += 1
        now = time.monotonic()
        progress.seconds += min(now - before_step, LONGEST_STEP)
        before_step = now
        counted += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        if progress.step % LOG_STEPS == 0:
            means = {name: value / counted for name, value in sums.items()}
            progress.curve.append({"step": progress.step, "seconds": progress.seconds, **means})
            log.info("%s", " ".join(f"{k} {v:.4g}" for k, v in progress.curve[-1].items()))
            sums, counted = {}, 0
        if now - saved > CHECKPOINT_SECONDS:
            saved = now
            _save(checkpoint, model, average, optimiser, progress)
        if progress.seconds >= settings.minutes * 60:
            break
    torch.save(average.cpu().state_dict(), leg / "trained.pt")
    record = {"settings": msgspec.to_builtins(settings), "progress": msgspec.to_builtins(progress)}
    (leg / "trained.json").write_text(json.dumps(record))


def _losses(
    model: _Model, initial: Backbone, batch: Batch, lessons: Lessons | None, settings: Settings
) -> dict[str, Tensor]:
    with torch.autocast(batch.photos.device.type, torch.bfloat16, enabled=settings.bfloat16):
        with torch.no_grad():
            wanted = initial(batch.clean).pooled.float()
        pooled = model.backbone(batch.photos).pooled.float()
        found = model.faces(*model.backbone(batch.face_photos).maps)
    wanted_logits = initial.classify(wanted)
    logits = model.backbone.classify(pooled)
    faces = face_loss(found, batch.faces)
    losses = {
        "hold_logits": functional.kl_div(
            logits.log_softmax(1),
            wanted_logits.log_softmax(1),
            reduction="batchmean",
            log_target=True,
        ),
        "hold_features": functional.mse_loss(pooled, wanted) / wanted.var(),
        "face_scores": faces.scores,
        "face_boxes": faces.boxes,
        "face_quality": faces.quality,
    }
    if lessons is not None:
        told = slice(len(batch.places))
        losses |= lessons.losses(
            model.heads, pooled[told], logits[told], wanted_logits[told], batch.places
        )
    return losses


def _weighted(losses: dict[str, Tensor], settings: Settings) -> Iterator[Tensor]:
    for name, value in losses.items():
        yield value * float(getattr(settings, name))


def _optimiser(model: _Model, settings: Settings) -> torch.optim.AdamW:
    body = [p for p in model.backbone.parameters() if p.requires_grad]
    groups = [
        {"params": body, "rate": settings.backbone_rate},
        {"params": list(model.faces.parameters()), "rate": settings.face_rate},
    ]
    if settings.all_heads:
        groups.append({"params": list(model.heads.parameters()), "rate": settings.head_rate})
    return torch.optim.AdamW(groups, lr=1e-3, weight_decay=settings.weight_decay)


def _set_rates(optimiser: torch.optim.Optimizer, progress: _Progress, settings: Settings) -> None:
    done = min(1.0, progress.seconds / (settings.minutes * 60))
    share = min(1.0, (progress.step + 1) / settings.warm_up_steps)
    share *= 0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * share


def _average(average: _Model, model: _Model, settings: Settings, step: int) -> None:
    keep = min(settings.averaging, (step + 1) / (step + 10))
    move(average, model, 1 - keep)


def _save(
    path: Path,
    model: _Model,
    average: _Model,
    optimiser: torch.optim.Optimizer,
    progress: _Progress,
) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "progress": msgspec.json.encode(progress).decode(),
        },
        partial,
    )
    partial.replace(path)


def main() -> None:
    """Train one leg from the command line."""
    work, leg = work_and_leg(__doc__)
    run_leg(work, leg.name)


if __name__ == "__main__":
    main()
