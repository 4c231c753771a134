"""Train the tag and embedding heads on the trained backbone's cached features."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from scened.models.training.calibration import fit_calibration, thresholds
from scened.models.training.command_line import work_and_leg
from scened.models.training.detector import load_detections
from scened.models.training.embedding_head import EmbeddingSettings, train_embedding
from scened.models.training.face_head import load_face_head
from scened.models.training.features import load_features
from scened.models.training.product import Product, TagHead
from scened.models.training.sayings import gather_sayings
from scened.models.training.tag_head import (
    TagSettings,
    choice_loss,
    cross_fitted,
    gather_truth,
    name_loss,
    train_rows,
    train_tags,
)
from scened.models.training.tags import load_tag_truth
from scened.models.training.teacher import load_backbone
from scened.models.training.text_tower import TextTower

__all__ = ["load_product", "load_text_tower", "train_heads"]

log = logging.getLogger(__name__)


def train_heads(work: Path, leg: Path, tag: TagSettings, embedding: EmbeddingSettings) -> None:
    """Fit both heads to a leg's features; write `leg`/heads.pt and heads.json (with curves)."""
    if (leg / "heads.json").exists():
        log.info("heads: %s done already", leg.name)
        return
    truth = load_tag_truth()
    backbone = load_backbone(work, leg)
    cache = load_features(work, leg)
    pooled = torch.from_numpy(cache.pooled)
    head = TagHead(truth.classes, backbone.features)
    with torch.inference_mode():
        odds = torch.stack([head.log_odds(backbone.classify(view)) for view in pooled])
    odds = odds.clone()
    known = gather_truth(cache, truth, odds[0], load_detections(work), tag)

    leaves = torch.tensor(truth.imagenet_leaves())
    answers = cross_fitted(cache, odds, known, truth.classes, leaves, tag)
    rows = train_rows(cache.photos)
    seen = known.of(rows)
    shares = odds[0][rows][:, leaves].sigmoid()
    trust = tag.names * (1 + (tag.names_imagenet - 1) * seen.imagenet)

    def order_loss(logits: Tensor) -> Tensor:
        chosen = choice_loss(logits, seen.value * seen.known, seen.rivals)
        names = trust * name_loss(logits[:, leaves], shares)
        return (names + tag.choice * chosen).sum()

    calibration = fit_calibration(answers[rows], seen.value, seen.weight, leaves, order_loss)
    limits = thresholds(
        calibration(answers[rows]), seen.value, seen.weight, seen.known, truth.parents()
    )

    train_tags(pooled[:, rows], odds[:, rows], seen, head, leaves, tag)
    head.evidence.mul_(calibration.slope)
    head.linear.weight.mul_(calibration.slope[:, None])
    head.linear.bias.mul_(calibration.slope).add_(calibration.offset)
    said = gather_sayings(cache.photos, truth, known)
    likeness = train_embedding(cache, said, embedding)
    torch.save(
        {
            "tags": head.state_dict(),
            "embedding": likeness.photo.state_dict(),
            "text": likeness.text.state_dict(),
        },
        leg / "heads.pt",
    )
    record = {
        "tag_settings": msgspec.to_builtins(tag),
        "embedding_settings": msgspec.to_builtins(embedding),
        "embedding_curves": likeness.curves,
        "thresholds": limits,
        "tags": truth.names,
    }
    (leg / "heads.json").write_text(json.dumps(record))


def load_product(work: Path, leg: Path) -> Product:
    """Return the whole trained network."""
    heads = torch.load(leg / "heads.pt", weights_only=True)
    product = Product(load_backbone(work, leg), heads["tags"]["classes"])
    product.faces = load_face_head(leg)
    product.tags.load_state_dict(heads["tags"])
    product.embedding.load_state_dict(heads["embedding"])
    product.eval()
    return product


def load_text_tower(leg: Path) -> TextTower:
    """Return the text tower that was fitted with the embedding."""
    weights = torch.load(leg / "heads.pt", weights_only=True)["text"]
    tower = TextTower(torch.zeros_like(weights["vectors.weight"]))
    tower.load_state_dict(weights)
    tower.eval().requires_grad_(requires_grad=False)
    return tower


def main() -> None:
    """Train the heads from the command line."""
    train_heads(*work_and_leg(__doc__), TagSettings(), EmbeddingSettings())


if __name__ == "__main__":
    main()
