"""Joint training: the backbone learns faces, and is held to what it knew of everything else."""

from __future__ import annotations

import argparse
import json
import logging
import math
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.corpus import Photo, held_out, is_face_free, load_photos
from scened.models.training.face_loss import FaceTarget, face_loss, face_target
from scened.models.training.network import Backbone, FacePyramid, normalise
from scened.models.training.teacher import load_initial
from scened.models.training.views import face_view, general_view

__all__ = ["Settings", "train"]

SHAPES = ((320, 320), (320, 256), (256, 320), (320, 256), (256, 320))  # of face batches
FOLDER_SHARES = {"captions": 0.4, "classes": 0.4, "multilabel": 0.1, "faces": 0.1}
CHECKPOINT_SECONDS = 180
LOG_STEPS = 20

log = logging.getLogger(__name__)


class Settings(msgspec.Struct, frozen=True):
    """The recipe. Rates are AdamW's; weights multiply losses."""

    seed: int = 1
    minutes: float = 60.0
    photos: int = 16  # per step, at `side`
    side: int = 224  # px
    faces: int = 16  # per step, at long side 320
    faces_large: int = 2  # of them, from the larger photos
    face_free: int = 2  # of them, from photos without any
    backbone_rate: float = 4e-5
    head_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up_steps: int = 60
    hold_logits: float = 1.0
    hold_features: float = 2.0
    face_boxes: float = 1.0
    averaging: float = 0.997  # of the weights that are kept, per step
    bfloat16: bool = True


class Batch(NamedTuple):
    """One step's input: general photos, and photos with the face head's targets."""

    photos: Tensor
    face_photos: Tensor
    faces: FaceTarget


class _Progress(msgspec.Struct):
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = []


class _Model(nn.Module):
    """What is trained, in one module."""

    def __init__(self, initial: Backbone) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.backbone.load_state_dict(initial.state_dict())
        self.backbone.classifier.requires_grad_(False)
        self.faces = FacePyramid()


class _Sampler:
    """Draws batches; a batch depends only on the seed and its number."""

    def __init__(self, photos: list[Photo], settings: Settings) -> None:
        photos = [p for p in photos if p.split == "train" and not held_out(p)]
        self._settings = settings
        self._general = {
            folder: [p for p in photos if p.folder == folder] for folder in FOLDER_SHARES
        }
        self._faces = self._general["faces"]
        self._large = [p for p in photos if p.folder == "faces_large"]
        self._free = [p for p in photos if is_face_free(p)]

    def batch(self, number: int) -> Batch:
        """Draw and augment batch `number`."""
        s = self._settings
        rng = np.random.default_rng([s.seed, number])
        folders = rng.choice(list(FOLDER_SHARES), s.photos, p=list(FOLDER_SHARES.values()))
        chosen = [_pick(self._general[str(folder)], rng) for folder in folders]
        views = [general_view(p.open(), p.squashed, s.side, rng) for p in chosen]
        shape = SHAPES[rng.integers(len(SHAPES))]
        small = s.faces - s.faces_large - s.face_free
        with_faces = [_pick(self._faces, rng) for _ in range(small)]
        with_faces += [_pick(self._large, rng) for _ in range(s.faces_large)]
        with_faces += [_pick(self._free, rng) for _ in range(s.face_free)]
        face_views = [face_view(p.open(), p.record, shape, rng) for p in with_faces]
        targets = [face_target(boxes, shape) for _, boxes in face_views]
        return Batch(
            photos=torch.from_numpy(np.stack(views)),
            face_photos=torch.from_numpy(np.stack([view for view, _ in face_views])),
            faces=FaceTarget(*(torch.stack(part) for part in zip(*targets, strict=True))),
        )

    def batches(self, start: int) -> Iterator[Batch]:
        """Yield batches from number `start` on, prepared ahead by another thread."""
        ready: queue.Queue[Batch] = queue.Queue(maxsize=4)

        def prepare() -> None:
            number = start
            while True:
                ready.put(self.batch(number))
                number += 1

        threading.Thread(target=prepare, daemon=True).start()
        while True:
            yield ready.get()


def train(work: Path, settings: Settings) -> None:
    """Train until `settings.minutes` are used, from the last checkpoint if there is one.

    The rate follows a cosine over time spent, so a busy machine makes fewer steps, not a
    schedule cut short. Writes `work`/train.pt (averaged weights) and `work`/train.json.
    """
    if (work / "train.json").exists():
        log.info("train: done already")
        return
    torch.manual_seed(settings.seed)
    initial = load_initial(work)
    model = _Model(initial).to(memory_format=torch.channels_last)
    average = _Model(initial)
    average.load_state_dict(model.state_dict())
    optimiser = _optimiser(model, settings)
    progress = _Progress()
    checkpoint = work / "train-checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(kept["model"])
        average.load_state_dict(kept["average"])
        optimiser.load_state_dict(kept["optimiser"])
        progress = msgspec.convert(json.loads(kept["progress"]), _Progress)
        log.info("train: continuing after step %d", progress.step)
    sampler = _Sampler(load_photos(work), settings)
    saved = started = time.monotonic()
    spent = progress.seconds
    sums: dict[str, float] = {}
    counted = 0
    for batch in sampler.batches(progress.step):
        _set_rates(optimiser, progress, settings)
        losses = _losses(model, initial, batch, settings)
        total = torch.stack(list(_weighted(losses, settings))).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimiser.step()
        _average(average, model, settings, progress.step)
        progress.step += 1
        now = time.monotonic()
        progress.seconds = spent + now - started
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
    torch.save(average.state_dict(), work / "train.pt")
    record = {"settings": msgspec.to_builtins(settings), "progress": msgspec.to_builtins(progress)}
    (work / "train.json").write_text(json.dumps(record))


def _losses(
    model: _Model, initial: Backbone, batch: Batch, settings: Settings
) -> dict[str, Tensor]:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bfloat16):
        pictures = normalise(batch.photos)
        with torch.no_grad():
            wanted = initial(pictures).pooled.float()
        pooled = model.backbone(pictures).pooled.float()
        found = model.faces(model.backbone(normalise(batch.face_photos)))
    wanted_logits = initial.classifier(wanted)
    logits = model.backbone.classifier(pooled)
    focal, boxes = face_loss(found, batch.faces)
    return {
        "hold_logits": functional.kl_div(
            logits.log_softmax(1),
            wanted_logits.log_softmax(1),
            reduction="batchmean",
            log_target=True,
        ),
        "hold_features": functional.mse_loss(pooled, wanted) / wanted.var(),
        "face_scores": focal,
        "face_boxes": boxes,
    }


def _weighted(losses: dict[str, Tensor], settings: Settings) -> Iterator[Tensor]:
    for name, value in losses.items():
        yield value * float(getattr(settings, name, 1.0))


def _optimiser(model: _Model, settings: Settings) -> torch.optim.AdamW:
    body = [p for p in model.backbone.parameters() if p.requires_grad]
    heads = list(model.faces.parameters())
    groups = [
        {"params": body, "rate": settings.backbone_rate},
        {"params": heads, "rate": settings.head_rate},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, weight_decay=settings.weight_decay)


def _set_rates(optimiser: torch.optim.Optimizer, progress: _Progress, settings: Settings) -> None:
    done = min(1.0, progress.seconds / (settings.minutes * 60))
    share = min(1.0, (progress.step + 1) / settings.warm_up_steps)
    share *= 0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * share


def _average(average: _Model, model: _Model, settings: Settings, step: int) -> None:
    keep = min(settings.averaging, (step + 1) / (step + 10))
    with torch.no_grad():
        for kept, new in zip(average.parameters(), model.parameters(), strict=True):
            kept.lerp_(new, 1 - keep)


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


def _pick(photos: list[Photo], rng: np.random.Generator) -> Photo:
    return photos[int(rng.integers(len(photos)))]


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--minutes", type=float, default=Settings().minutes)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    train(options.work, Settings(minutes=options.minutes))


if __name__ == "__main__":
    main()
