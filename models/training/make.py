"""Make the pack from the data: every stage in order, each skipped when it is done already."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import msgspec
import torch

from scened.models.training.card import write_card
from scened.models.training.corpus import make_shards
from scened.models.training.detector import make_detections
from scened.models.training.embedding_head import EmbeddingSettings
from scened.models.training.evaluate import evaluate, markdown
from scened.models.training.face_head import FaceHeadSettings, train_face_head
from scened.models.training.features import make_features
from scened.models.training.found_faces import make_found_faces
from scened.models.training.heads import train_heads
from scened.models.training.packing import NAME, VERSION, make_pack
from scened.models.training.record import write_record
from scened.models.training.tag_head import TagSettings
from scened.models.training.teacher import make_teacher
from scened.models.training.train import FACE_HEAD_LEG, LAST_LEG, LEGS, train

__all__ = ["make"]

RECORDS = Path(__file__).parent / "records"


def make(data: Path, work: Path, out: Path, table: Path) -> None:
    """Run all stages."""
    work.mkdir(parents=True, exist_ok=True)
    pack, record = out / f"{NAME}-{VERSION}", RECORDS / f"{NAME}-{VERSION}.json"
    make_shards(data, work)
    make_teacher(data, work)
    make_detections(data, work)
    make_found_faces(data, work)
    before = None
    for name, settings in LEGS.items():
        leg = work / name
        train(work, leg, settings, before)
        make_features(work, leg)
        train_heads(work, leg, TagSettings(), EmbeddingSettings())
        if name == FACE_HEAD_LEG:
            train_face_head(work, leg, FaceHeadSettings())
        before = leg
    write_record(data, work, record)
    make_pack(work, work / LAST_LEG, pack, record)
    evaluation = evaluate(pack, data, work)
    (work / "evaluation.json").write_bytes(msgspec.json.encode(evaluation))
    table.write_text(markdown(evaluation))
    write_card(pack, work, record)


def main() -> None:
    """Make the pack from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--out", type=Path, default=Path("models/packs"))
    parser.add_argument("--table", type=Path, default=Path("docs/evaluation.md"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    make(options.data, options.work, options.out, options.table)


if __name__ == "__main__":
    main()
