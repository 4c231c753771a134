"""One table for a pack: its heads against the teachers, on the same val photos in the same run."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from PIL import Image

from scened.models.pack import Manifest, open_pack
from scened.models.training.coco import coco_figures
from scened.models.training.corpus import Photo, is_face_free, load_photos
from scened.models.training.detector import Detector
from scened.models.training.embedding_head import recall_at
from scened.models.training.face_evaluation import (
    closer_figures,
    false_face_figure,
    first_look_figures,
    given_figures,
)
from scened.models.training.features import session
from scened.models.training.metrics import Figure, mean_interval
from scened.models.training.near_duplicates import near_duplicate_figures
from scened.models.training.network import EMBEDDING
from scened.models.training.recipe import LAST_LEG
from scened.models.training.second_look import FaceFinder, Found
from scened.models.training.seen import Seen, look, view
from scened.models.training.speed import speed_figures
from scened.models.training.tag_evaluation import name_figures, source_figures, tag_figures
from scened.models.training.tags import TagTruth, load_tag_truth
from scened.models.training.teacher import load_initial
from scened.models.training.views import product_view
from scened.models.training.yunet import YuNet
from scened.search.text_side import open_text_side

__all__ = ["Evaluation", "evaluate", "markdown"]

DISTINCT_SOURCES = ("imagenet", "coco")

Array = npt.NDArray[np.float64]

log = logging.getLogger(__name__)


class Evaluation(msgspec.Struct, frozen=True):
    """All figures of one run."""

    pack: str
    network_bytes: int
    figures: list[Figure]


def evaluate(pack: Path, data: Path, work: Path) -> Evaluation:
    """Run the pack and the teachers on the val photos."""
    manifest = open_pack(pack).manifest
    network = session(pack / "image.onnx")
    truth = load_tag_truth()
    if truth.names != tuple(label.name for label in manifest.labels):
        raise ValueError("the pack's tags are not those of vocabulary.toml: train the heads again")
    val = [p for p in load_photos(work) if p.split == "val"]
    seen = look(network, [p for p in val if p.folder != "faces_large"])
    yunet = YuNet(data / "teachers")
    figures = [
        *_faces(network, seen, [p for p in val if p.folder == "faces_large"], manifest, yunet),
        *_names(seen, truth, data, work),
        *source_figures(seen, truth),
        *tag_figures(seen, truth, manifest),
        *_retrieval(seen, pack),
        *_near_duplicates(network, seen),
        *speed_figures(network, session(work / LAST_LEG / "backbone.onnx"), yunet.network),
    ]
    size = sum((pack / name).stat().st_size for name in [*manifest.files, "pack.json"])
    return Evaluation(f"{manifest.name}-{manifest.version}", size, figures)


def markdown(evaluation: Evaluation) -> str:
    """Write the table for docs/evaluation.md."""
    lines = [
        "# How good the pack is",
        "",
        f"`{evaluation.pack}`, {evaluation.network_bytes / 1e6:.1f} MB. Written by",
        "`python -m scened.models.training.evaluate`: every figure, and the reference beside it,",
        "is from photos that neither training nor calibration saw, in one run. The tag head's",
        "penalty and its weights for what is unknown were chosen among a handful by looking at",
        "them, so the figures of tags are a little too good. Brackets hold the 95 % interval from",
        "resampling the photos.",
        "",
        "| figure | photos | this pack | reference |",
        "|---|---|---|---|",
    ]
    for figure in evaluation.figures:
        ours = f"{figure.value:.3f}"
        if figure.low is not None and figure.high is not None:
            ours += f" ({figure.low:.3f} to {figure.high:.3f})"
        theirs = "" if figure.reference is None else f"{figure.reference:.3f}"
        theirs += f" {figure.reference_name}" if figure.reference_name else ""
        lines.append(f"| {figure.name} | {figure.n} | {ours} | {theirs.strip()} |")
    return "\n".join(lines) + "\n"


def _faces(
    network: onnxruntime.InferenceSession,
    seen: Seen,
    large: list[Photo],
    manifest: Manifest,
    yunet: YuNet,
) -> list[Figure]:
    """Return how well faces are found: in one look, and in all that the product takes."""

    def find(photos: list[Photo]) -> list[Found]:
        return [FaceFinder(network, photo.open()).find(manifest.faces) for photo in photos]

    rows = seen.rows(lambda p: p.folder == "faces")
    photos = [seen.photos[row] for row in rows]
    found = find(photos)
    free = find([seen.photos[row] for row in seen.rows(is_face_free)])
    return [
        *first_look_figures(photos, [seen.faces[row] for row in rows], yunet),
        *closer_figures("faces", photos, found, yunet),
        *closer_figures("faces of large photos", large, find(large), yunet),
        *given_figures(photos, found, manifest.faces),
        false_face_figure(free, manifest.faces),
    ]


def _names(seen: Seen, truth: TagTruth, data: Path, work: Path) -> list[Figure]:
    """Return how well things are named: ImageNet's and COCO's, beside the networks for those."""
    initial = load_initial(work)

    def as_initial(rows: npt.NDArray[np.intp]) -> Array:
        shares = []
        with torch.inference_mode():
            for row in rows:
                picture = torch.from_numpy(view(seen.photos[row])[None].copy())
                logits = initial.classify(initial(picture).pooled)
                shares.append((logits.softmax(1)[0] @ truth.classes).numpy())
        return np.stack(shares).astype(np.float64)

    imagenet = seen.rows(lambda p: p.source == "imagenet")
    coco = seen.rows(lambda p: p.source == "coco")
    unquantised = look(session(work / "image.float.onnx"), [seen.photos[row] for row in imagenet])
    return [
        *name_figures(seen.of(imagenet), unquantised.tags, as_initial(imagenet), truth, data),
        *coco_figures(seen.of(coco), as_initial(coco), Detector(data / "teachers"), truth),
    ]


def _retrieval(seen: Seen, pack: Path) -> list[Figure]:
    """Return how often a caption finds its photo, by the pack's text side and int8 vectors."""
    text_side = open_text_side(open_pack(pack))
    if text_side is None:
        return []
    rows = seen.rows(lambda p: p.folder == "captions")
    captions = [seen.photos[row].record["captions"] for row in rows]
    owner = torch.tensor([place for place, own in enumerate(captions) for _ in own])
    vectors = [text_side.embed(text) for own in captions for text in own]
    texts = np.stack([np.zeros(EMBEDDING) if v is None else v for v in vectors])
    stored = np.round(seen.embeddings[rows] * 127)  # as the database keeps them
    photos = stored / np.linalg.norm(stored, axis=1, keepdims=True)
    figures = []
    for k, hits in recall_at(torch.from_numpy(photos), torch.from_numpy(texts), owner).items():
        per_photo = [hits[owner == place].float().mean().item() for place in range(len(rows))]
        values = np.array(per_photo)
        low, high = mean_interval(values)
        name = f"text to photo among {len(rows)} (int8 vectors): in the first {k}"
        figures.append(Figure(name, len(rows), float(values.mean()), low, high))
    return figures


def _near_duplicates(network: onnxruntime.InferenceSession, seen: Seen) -> list[Figure]:
    """Use photos that are no copies of one another as far as their sources go."""
    rows = seen.rows(lambda p: p.source in DISTINCT_SOURCES)

    def embed(picture: Image.Image) -> Array:
        (vector,) = network.run(["embedding"], {"image": product_view(picture)[None]})
        return np.asarray(vector, np.float64)

    return near_duplicate_figures([seen.photos[row].open() for row in rows], embed)


def main() -> None:
    """Evaluate a pack from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, default=Path("models/packs/everyday-1"))
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--table", type=Path, default=Path("docs/evaluation.md"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    evaluation = evaluate(options.pack, options.data, options.work)
    (options.work / "evaluation.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(evaluation))
    )
    options.table.write_text(markdown(evaluation))
    print(markdown(evaluation))


if __name__ == "__main__":
    main()
