"""One table for a pack: its heads against the teachers, on the same val photos in the same run."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from scened.models.pack import Manifest, open_pack
from scened.models.training.calibration import expected_calibration_error
from scened.models.training.corpus import Photo, is_face_free, load_photos
from scened.models.training.embedding_head import recall_at
from scened.models.training.face_evaluation import face_figures, false_face_figure
from scened.models.training.face_threshold import kept
from scened.models.training.features import session
from scened.models.training.metrics import Figure, mean_interval
from scened.models.training.network import EMBEDDING, normalise
from scened.models.training.tags import TagTruth, load_tag_truth
from scened.models.training.teacher import imagenet_index, load_initial
from scened.models.training.views import BILINEAR, Pixels, product_view
from scened.models.training.yunet import YuNet
from scened.search.text_side import open_text_side

__all__ = ["Evaluation", "evaluate", "markdown"]

SQUASHED_SHAPE = (256, 320)  # most squashed photos were 4:3
SOURCES = {
    "scenes (Intel)": ("intel_scenes",),
    "rooms and fronts": ("houses",),
    "sports": ("sports22",),
    "weather": ("weather", "weather5"),
    "medium": ("medium",),
    "flowers": ("flowers5",),
    "pets": ("animals",),
}
TIMED_RUNS = 40

Array = npt.NDArray[np.float64]

log = logging.getLogger(__name__)


class Evaluation(msgspec.Struct, frozen=True):
    """All figures of one run."""

    pack: str
    network_bytes: int
    figures: list[Figure]


class _Seen(NamedTuple):
    """What a pack said of each val photo."""

    photos: list[Photo]
    tags: Array
    embeddings: Array
    faces: list[tuple[Array, Array]]

    def rows(self, wanted: Callable[[Photo], bool]) -> npt.NDArray[np.intp]:
        return np.array([row for row, photo in enumerate(self.photos) if wanted(photo)], np.intp)


def evaluate(pack: Path, data: Path, work: Path) -> Evaluation:
    """Run the pack and the teachers on the val photos."""
    manifest = open_pack(pack).manifest
    network = session(pack / "image.onnx")
    truth = load_tag_truth()
    if truth.names != tuple(label.name for label in manifest.labels):
        raise ValueError("the pack's tags are not those of vocabulary.toml: train the heads again")
    photos = [p for p in load_photos(work) if p.split == "val" and p.folder != "faces_large"]
    seen = _look(network, photos)
    face_rows = seen.rows(lambda p: p.folder == "faces")
    yunet, limit = YuNet(data / "teachers"), manifest.faces.threshold
    figures = [
        *face_figures(
            [photos[row] for row in face_rows],
            [seen.faces[row] for row in face_rows],
            yunet,
            limit,
        ),
        false_face_figure([seen.faces[row] for row in seen.rows(is_face_free)], limit),
        *_imagenet(seen, truth, data, work),
        *(_source(seen, truth, name, sources) for name, sources in SOURCES.items()),
        *_tags(seen, truth, manifest),
        *_retrieval(seen, pack),
        *_speed(network, yunet),
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


def _view(photo: Photo) -> Pixels:
    if photo.squashed:
        height, width = SQUASHED_SHAPE
        return np.asarray(photo.open().resize((width, height), BILINEAR))
    return product_view(photo.open())


def _look(network: onnxruntime.InferenceSession, photos: list[Photo]) -> _Seen:
    tags, embeddings, faces = [], [], []
    for photo in photos:
        tag, embedding, boxes, scores = network.run(None, {"image": _view(photo)[None]})
        tags.append(tag)
        embeddings.append(embedding)
        faces.append(kept(boxes, scores))
    return _Seen(photos, np.stack(tags).astype(np.float64), np.stack(embeddings), faces)


def _imagenet(seen: _Seen, truth: TagTruth, data: Path, work: Path) -> list[Figure]:
    """Return how often the best leaf tag is right: the pack's, and the initial network's.

    The initial network's probabilities are summed over the same classes. A photo of a husky may
    well show snow, which counts as wrong here; among animals that happens less.
    """
    index = imagenet_index(data)
    rows = seen.rows(lambda p: p.source == "imagenet")
    places = [index[seen.photos[row].record["classes"][0]] + 1 for row in rows]
    wanted = truth.classes[places].numpy() > 0
    initial = load_initial(work)
    answers = []
    with torch.inference_mode():
        for row in rows:
            picture = torch.from_numpy(_view(seen.photos[row])[None].copy())
            logits = initial.classifier(initial(normalise(picture)).pooled)
            answers.append(logits.softmax(1)[0] @ truth.classes)
    theirs = torch.stack(answers).numpy()
    leaves = truth.imagenet_leaves()
    animals = truth.vocabulary.descendants("animal")
    figures = []
    for name, among in (
        ("leaf tags", leaves),
        ("leaf tags of animals", [leaf for leaf in leaves if truth.names[leaf] in animals]),
    ):
        own = wanted[:, among].any(axis=1)
        right = _best_is_right(seen.tags[rows][own][:, among], wanted[own][:, among])
        reference = _best_is_right(theirs[own][:, among], wanted[own][:, among])
        low, high = mean_interval(right)
        figures.append(
            Figure(
                f"ImageNet val, best of {len(among)} {name} is right",
                len(right),
                float(right.mean()),
                low,
                high,
                float(reference.mean()),
                "initial network, float",
            )
        )
    return figures


def _best_is_right(scores: Array, wanted: npt.NDArray[np.bool_]) -> Array:
    right: Array = wanted[np.arange(len(scores)), scores.argmax(axis=1)].astype(np.float64)
    return right


def _source(seen: _Seen, truth: TagTruth, name: str, sources: Sequence[str]) -> Figure:
    """Accuracy of the best among the tags that tell a source's classes apart."""
    rows = seen.rows(lambda p: p.source in sources)
    present = np.stack([truth.row(seen.photos[row])[0] for row in rows]) > 0
    telling = np.flatnonzero(present.any(axis=0) & ~present.all(axis=0))
    usable = present[:, telling].any(axis=1)
    right = _best_is_right(seen.tags[rows[usable]][:, telling], present[usable][:, telling])
    low, high = mean_interval(right)
    return Figure(
        f"{name}: best of {len(telling)} tags is right", len(right), float(right.mean()), low, high
    )


def _tags(seen: _Seen, truth: TagTruth, manifest: Manifest) -> list[Figure]:
    rows = seen.rows(lambda p: p.folder in ("classes", "multilabel", "captions"))
    truths = [truth.row(seen.photos[row]) for row in rows]
    value = np.stack([row[0] for row in truths]) > 0
    known = np.stack([row[1] for row in truths]) > 0
    scores = seen.tags[rows]
    limits = np.array([label.threshold for label in manifest.labels])
    given = scores >= limits
    both = (known & value).any(axis=0) & (known & ~value).any(axis=0)
    precision = float(value[known & given].mean())
    recall = float(given[known & value].mean())
    aps = [
        _ranking_precision(scores[known[:, t], t], value[known[:, t], t])
        for t in np.flatnonzero(both & ((known & value).sum(axis=0) >= 10))
    ]
    error = expected_calibration_error(
        scores[:, both][known[:, both]], value[:, both][known[:, both]]
    )
    return [
        Figure("tags given: precision among what is known", len(rows), precision),
        Figure("tags known present: share given", len(rows), recall),
        Figure(
            f"mean average precision of {len(aps)} tags with 10 or more",
            len(rows),
            float(np.mean(aps)),
        ),
        Figure("expected calibration error of tags known both ways", len(rows), error),
        Figure("tags given per photo, mean", len(rows), float(given.sum(axis=1).mean())),
    ]


def _ranking_precision(scores: Array, present: npt.NDArray[np.bool_]) -> float:
    ranked = present[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def _retrieval(seen: _Seen, pack: Path) -> list[Figure]:
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


def _speed(network: onnxruntime.InferenceSession, yunet: YuNet) -> list[Figure]:
    picture = np.random.default_rng(0).integers(0, 255, (1, 320, 256, 3)).astype(np.uint8)
    face_input = picture.astype(np.float32).transpose(0, 3, 1, 2).copy()
    ours = _milliseconds(lambda: network.run(None, {"image": picture}))
    theirs = _milliseconds(lambda: yunet.network.run(None, {"input": face_input}))
    return [
        Figure(
            "one forward at 320x256, one thread, ms (median)",
            TIMED_RUNS,
            ours,
            reference=theirs,
            reference_name="YuNet, faces alone",
        )
    ]


def _milliseconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return float(np.median(times) * 1e3)


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
