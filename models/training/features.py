"""Pooled features of the whole corpus, from the quantised backbone that will ship."""

from __future__ import annotations

import logging
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image, ImageOps
from torch import Tensor, nn

from scened.models.training.backbone import Backbone
from scened.models.training.command_line import work_and_leg
from scened.models.training.corpus import Photo, held_out, load_photos
from scened.models.training.export import export_float, quantise
from scened.models.training.teacher import load_backbone
from scened.models.training.views import (
    BILINEAR,
    Pixels,
    product_view,
    random_product_view,
    roughened,
    stamped,
)

__all__ = [
    "CALIBRATION_PHOTOS",
    "Cache",
    "calibration_photos",
    "head_photos",
    "load_features",
    "make_features",
    "session",
]

CALIBRATION_PHOTOS = 120
CALIBRATION_SHAPE = (256, 320)
FACE_PHOTOS_USED = 3  # one in so many; they teach the tags little but people
STAMPED = 0.6  # share of the third views that something is written on
RANDOM_VIEWS = 3
ZOOM = 0.85  # of the second view's crop

log = logging.getLogger(__name__)


class _Pooled(nn.Module):
    """The backbone alone, uint8 picture in, pooled features out."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: Tensor) -> Tensor:
        return self.backbone(image).pooled


class Cache(msgspec.Struct, frozen=True):
    """Photos with their pooled features, float32 [views, photos, F]."""

    photos: list[Photo]
    pooled: npt.NDArray[np.float32]


def head_photos(work: Path) -> list[Photo]:
    """Return the photos the tag and embedding heads learn from and are checked on."""
    photos = load_photos(work, ("captions", "classes", "multilabel"))
    return photos + load_photos(work, ("faces",))[::FACE_PHOTOS_USED]


def calibration_photos(photos: list[Photo]) -> list[Pixels]:
    """Return some train photos of every folder, in one shape: uint8 [1, 256, 320, 3] each."""
    train = [p for p in photos if p.split == "train" and not held_out(p)]
    chosen = train[:: max(1, len(train) // CALIBRATION_PHOTOS)][:CALIBRATION_PHOTOS]
    height, width = CALIBRATION_SHAPE
    return [np.asarray(p.open().resize((width, height), BILINEAR))[None] for p in chosen]


def make_features(work: Path, leg: Path, threads: int = 2) -> None:
    """Cache some views' features of every head photo, by a leg's backbone, in `leg`/features.npy.

    The views: as the product sees it; its middle, mirrored, so that a head does not learn one
    framing; the whole again, roughened and written on, so that it does not hang on the last
    digit of a pixel, nor on words over the picture; and random parts, as a head learns a few
    thousand features by heart else. Squashed photos are shown as 4:3, then as 3:4, then as 4:3.
    """
    target = leg / "features.npy"
    if target.exists():
        log.info("features: done already")
        return
    photos = head_photos(work)
    backbone = load_backbone(work, leg)
    network = _network(backbone, calibration_photos(photos), leg / "backbone")
    views = (_whole, _mirrored_middle, _roughened, *[random_product_view] * RANDOM_VIEWS)
    pooled = np.zeros((len(views), len(photos), backbone.features), np.float16)

    def compute(index: int) -> None:
        picture = photos[index].open()
        for view, make in enumerate(views):
            # The same every time, whatever the order: it depends on the picture alone.
            rng = np.random.default_rng([zlib.crc32(picture.tobytes()), view])
            image = make(picture, photos[index].squashed, rng)[None]
            pooled[view, index] = network.run(None, {"image": image})[0][0]

    with ThreadPoolExecutor(threads) as pool:
        for index, _ in enumerate(pool.map(compute, range(len(photos)))):
            if index % 2000 == 0:
                log.info("features: %d of %d", index, len(photos))
    np.save(target, pooled)


def load_features(work: Path, leg: Path) -> Cache:
    """Read what `make_features` wrote."""
    pooled = np.load(leg / "features.npy").astype(np.float32)
    return Cache(photos=head_photos(work), pooled=pooled)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open an ONNX file on the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _network(backbone: Backbone, photos: list[Pixels], stem: Path) -> onnxruntime.InferenceSession:
    export_float(_Pooled(backbone), stem.with_suffix(".float.onnx"), ("pooled",))
    quantise(stem.with_suffix(".float.onnx"), stem.with_suffix(".onnx"), photos)
    return session(stem.with_suffix(".onnx"))


def _unsquashed(picture: Image.Image, squashed: bool, size: tuple[int, int]) -> Pixels:
    return np.asarray(picture.resize(size, BILINEAR)) if squashed else product_view(picture)


def _whole(picture: Image.Image, squashed: bool, _: np.random.Generator) -> Pixels:
    return _unsquashed(picture, squashed, (320, 256))


def _roughened(picture: Image.Image, squashed: bool, rng: np.random.Generator) -> Pixels:
    """Show the whole once more as another program may have saved it: re-encoded, less sharp.

    Most also have something written on them, as by a camera that prints the date.
    """
    written = stamped(picture, rng) if rng.random() < STAMPED else picture
    return _whole(roughened(written, rng), squashed, rng)


def _mirrored_middle(picture: Image.Image, squashed: bool, _: np.random.Generator) -> Pixels:
    width, height = (round(side * ZOOM) for side in picture.size)
    middle = ImageOps.mirror(ImageOps.fit(picture, (width, height), BILINEAR))
    return _unsquashed(middle, squashed, (256, 320))


def main() -> None:
    """Cache features from the command line."""
    make_features(*work_and_leg(__doc__))


if __name__ == "__main__":
    main()
