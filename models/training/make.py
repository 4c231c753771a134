"""Make the pack from the data: every stage in order, each skipped when it is done already."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import msgspec
import torch

from scened.errors import DamagedPack
from scened.models.training.backbone import DEFAULT, UnfitBackbone
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
from scened.models.training.recipe import FACE_HEAD_LEGS, LAST_LEG, LEGS
from scened.models.training.record import write_record
from scened.models.training.tag_head import TagSettings
from scened.models.training.teacher import make_teacher
from scened.models.training.train import run_leg
from scened.models.training.unpacking import ForeignRecord, take_up

__all__ = ["make"]

OURS = f"{NAME}-{VERSION}"
RECORDS = Path(__file__).parent / "records"
OUR_RECORD = RECORDS / f"{OURS}.json"
OUR_TABLE = Path("docs/evaluation.md")
EMBEDDING_RUNS = 8  # of the one that ships; of those that teach the next leg one will do


class Wanted(msgspec.Struct, frozen=True):
    """Which pack to make: its name with version, and the network it starts from."""

    pack: str = OURS
    backbone: str = DEFAULT
    weights: Path | None = None
    minutes: float | None = None  # of each leg, where not the recipe's own
    from_pack: Path | None = None  # whose backbone and face head stand in for all legs


def make(data: Path, work: Path, out: Path, wanted: Wanted) -> None:
    """Run all stages. Raises UnfitBackbone, ForeignRecord and DamagedPack.

    Of another pack than ours, the record and the table of figures stay in `work`.
    """
    work.mkdir(parents=True, exist_ok=True)
    make_shards(data, work)
    make_teacher(data, work, wanted.backbone, wanted.weights)
    make_detections(data, work)
    make_found_faces(data, work)
    if wanted.from_pack is not None:
        take_up(wanted.from_pack, RECORDS / f"{wanted.from_pack.name}.json", work)
        _fit_heads(work, LAST_LEG)
    else:
        for name in LEGS:
            run_leg(work, name, wanted.minutes)
            _fit_heads(work, name)
            if name in FACE_HEAD_LEGS:
                train_face_head(work, work / name, FaceHeadSettings())
    ours = wanted.pack == OURS
    pack, record = out / wanted.pack, OUR_RECORD if ours else work / "record.json"
    write_record(data, work, record)
    make_pack(work, work / LAST_LEG, pack, record)
    evaluation = evaluate(pack, data, work)
    (work / "evaluation.json").write_bytes(msgspec.json.encode(evaluation))
    (OUR_TABLE if ours else work / "evaluation.md").write_text(markdown(evaluation))
    write_card(pack, work, record)


def _fit_heads(work: Path, leg: str) -> None:
    make_features(work, work / leg)
    runs = EMBEDDING_RUNS if leg == LAST_LEG else 1
    train_heads(work, work / leg, TagSettings(), EmbeddingSettings(runs=runs))


def main() -> None:
    """Make the pack from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--out", type=Path, default=Path("models/packs"))
    parser.add_argument("--pack", default=OURS, help="its name, a hyphen, its version")
    parser.add_argument("--backbone", default=DEFAULT, help="a name from timm.list_models()")
    parser.add_argument("--weights", type=Path, help="of the backbone: safetensors or torch's own")
    parser.add_argument("--minutes", type=float, help="of each leg, instead of the recipe's")
    parser.add_argument("--from-pack", type=Path, help="keep its network, fit tags and text anew")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    if options.backbone != DEFAULT and options.pack == OURS:
        parser.error(f"--pack: {OURS} is made on {DEFAULT}; give yours another name")
    wanted = Wanted(
        options.pack, options.backbone, options.weights, options.minutes, options.from_pack
    )
    try:
        make(options.data, options.work, options.out, wanted)
    except (UnfitBackbone, ForeignRecord, DamagedPack) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
