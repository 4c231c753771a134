"""Assemble a pack: the network, its labels and settings, and a manifest with every digest."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import msgspec

from scened.models.pack import (
    INTERFACE,
    NETWORK_NAME,
    SHAPES,
    TEXT_NAME,
    TOKENIZER_NAME,
    FaceSettings,
    Label,
    Manifest,
    Source,
)
from scened.models.training.backbone import DEFAULT
from scened.models.training.command_line import sha256_of
from scened.models.training.corpus import held_out, load_photos
from scened.models.training.export import export_float, quantise
from scened.models.training.face_threshold import choose
from scened.models.training.features import calibration_photos, head_photos, session
from scened.models.training.heads import load_product, load_text_tower
from scened.models.training.tags import load_tag_truth
from scened.models.training.teacher import load_check
from scened.models.training.text_tower import write_text_side

__all__ = ["NAME", "SOURCES", "VERSION", "make_pack", "write_manifest"]

NAME = "everyday"
VERSION = "1"
LICENCE = "Apache-2.0"
SUMMARY = "What everyday photos show: scenes, things, people, the medium; faces; likeness."
FILES = (NETWORK_NAME, TEXT_NAME, TOKENIZER_NAME, "CARD.md")

UNKNOWN = "as that of the initial weights, which whoever made the pack knows"
_PHOTOS = "photos to learn from; not shipped"
_UNSTATED = "not stated, or research only"
OURS = Source("MobileNet-EdgeTPU 1.0 (mlcommons/mobile_models)", "Apache-2.0", "initial weights")
SOURCES = (
    Source("YuNet (ShiqiYu/libfacedetection.train)", "Apache-2.0", "found faces to learn from"),
    Source("all-MiniLM-L6-v2", "Apache-2.0", "word vectors that taught the embedding"),
    Source("FDDB and two face-mask collections", _UNSTATED, _PHOTOS),
    Source("Flickr8k with its captions", _UNSTATED, _PHOTOS),
    Source("ImageNet, one sample of every second class", _UNSTATED, _PHOTOS),
    Source("Samples of COCO, VOC, FeedMe, Caltech-101 and 15 smaller sets", _UNSTATED, _PHOTOS),
)

log = logging.getLogger(__name__)


def make_pack(work: Path, leg: Path, folder: Path, record: Path) -> None:
    """Export, quantise and describe the trained network in `folder`, without its card.

    The pack is called as its folder: a name, a hyphen and a version.

    Raises ValueError where the heads were trained for another vocabulary.
    """
    heads = json.loads((leg / "heads.json").read_text())
    truth = load_tag_truth()
    if truth.names != tuple(heads["tags"]):
        raise ValueError("vocabulary.toml has changed since the heads were trained")
    folder.mkdir(parents=True, exist_ok=True)
    photos = calibration_photos(head_photos(work))
    export_float(load_product(work, leg), work / "image.float.onnx")
    quantise(work / "image.float.onnx", folder / NETWORK_NAME, photos)
    write_text_side(load_text_tower(leg), folder)
    unseen = [p for p in load_photos(work, ("faces",)) if held_out(p)]
    faces = choose(session(folder / NETWORK_NAME), unseen)
    log.info("pack: faces from score %.3f on, closer from %.2f", faces.threshold, faces.closer)
    write_manifest(work, folder, truth.labels(heads["thresholds"]), faces, record)


def write_manifest(
    work: Path, folder: Path, labels: tuple[Label, ...], faces: FaceSettings, record: Path
) -> None:
    """Write `folder`/pack.json for the files that lie there and the record of their training."""
    name, _, version = folder.name.rpartition("-")
    check = load_check(work)
    ours = check.backbone == DEFAULT
    theirs = Source(f"{check.backbone} (timm), {check.weights}", UNKNOWN, "initial weights")
    manifest = Manifest(
        interface=INTERFACE,
        name=name,
        version=version,
        summary=SUMMARY,
        licence=LICENCE if ours else UNKNOWN,
        sources=(OURS if ours else theirs, *SOURCES),
        shapes=SHAPES,
        labels=labels,
        faces=faces,
        files={name: sha256_of(folder / name) for name in FILES if (folder / name).exists()},
        training_record=sha256_of(record),
    )
    (folder / "pack.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
