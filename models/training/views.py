"""How a photo becomes network input: the product's own shapes, and random views for training."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scened.models.pack import nearest_shape

__all__ = [
    "Boxes",
    "FaceView",
    "Pixels",
    "face_view",
    "general_view",
    "mixed",
    "mosaic",
    "product_view",
    "random_product_view",
    "roughened",
    "stamped",
    "stretched",
]

Pixels = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

LONG_SIDE = 320  # px
BILINEAR = Image.Resampling.BILINEAR
LEAST_AREA = 0.4  # of a photo, in a random view
FACE_ZOOM = (0.6, 1.35)  # of the product's own scale
LARGE_FACE_ZOOM = (0.8, 3.2)  # for photos that are larger than the network's input
LEAST_SHOWN = 0.45  # share of a face's area that must lie in a view to count as a face
ASPECTS = (3 / 4, 4 / 3)  # what squashed photos mostly were
GREY = 128
MOST_BLUR = 0.8  # px, of a roughened picture
JPEG_QUALITIES = (50, 95)
MOST_STAMPS = 5
LONGEST_STAMP = 10  # characters
STAMP_HEIGHTS = (0.03, 0.12)  # of a picture's
STAMP_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:/ "
STAMP_COLOURS = ("white", "white", "black", "orange", "yellow")


class FaceView(NamedTuple):
    """A view, uint8 [H, W, 3], with boxes [N, 4] (left, top, right, bottom) in px of it.

    `unsure` are places that may hold a face or not.
    """

    pixels: Pixels
    faces: Boxes
    unsure: Boxes


def product_view(picture: Image.Image) -> Pixels:
    """Resize a picture as the product does: uint8 [H, W, 3]."""
    height, width = nearest_shape(*picture.size)
    return np.asarray(picture.resize((width, height), BILINEAR))


def general_view(
    picture: Image.Image, squashed: bool, side: int, rng: np.random.Generator
) -> Pixels:
    """Return a random crop, flipped and coloured at random: uint8 [side, side, 3]."""
    width, height = picture.size
    aspect = width / height
    if squashed:
        aspect = float(rng.choice(ASPECTS))
    area = rng.uniform(LEAST_AREA, 1.0)
    # Half of the crops keep the aspect, half stretch the picture a little.
    stretch = math.exp(rng.uniform(-0.3, 0.3)) if rng.random() < 0.5 else 1.0
    crop_width = min(1.0, math.sqrt(area * stretch / aspect))
    crop_height = min(1.0, math.sqrt(area * aspect / stretch))
    left = rng.uniform(0, 1 - crop_width) * width
    top = rng.uniform(0, 1 - crop_height) * height
    box = (left, top, left + crop_width * width, top + crop_height * height)
    view = np.asarray(picture.resize((side, side), BILINEAR, box=box, reducing_gap=None))
    return _coloured(_flipped(view, rng), rng)


def random_product_view(picture: Image.Image, squashed: bool, rng: np.random.Generator) -> Pixels:
    """Return a random part of a picture as the product would see that, flipped and coloured."""
    if squashed:
        picture = stretched(picture, rng)
    share = math.sqrt(rng.uniform(LEAST_AREA, 1.0))
    width, height = (max(1, round(share * side)) for side in picture.size)
    left = int(rng.integers(picture.width - width + 1))
    top = int(rng.integers(picture.height - height + 1))
    part = picture.crop((left, top, left + width, top + height))
    return _coloured(_flipped(product_view(part), rng), rng)


def roughened(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a picture as another program may have saved it: a little blurred, re-encoded."""
    stream = io.BytesIO()
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, MOST_BLUR)))
    blurred.save(stream, "JPEG", quality=int(rng.integers(*JPEG_QUALITIES)))
    with Image.open(stream) as encoded:
        return encoded.convert("RGB")


def stamped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a picture with some words or numbers drawn over it, as dates and watermarks are."""
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, MOST_STAMPS + 1)):
        letters = rng.choice(list(STAMP_LETTERS), int(rng.integers(1, LONGEST_STAMP + 1)))
        font = ImageFont.load_default(max(6.0, rng.uniform(*STAMP_HEIGHTS) * picture.height))
        place = (rng.uniform(0, 0.9) * picture.width, rng.uniform(0, 0.9) * picture.height)
        draw.text(place, "".join(letters), STAMP_COLOURS[rng.integers(len(STAMP_COLOURS))], font)
    return picture


def stretched(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a squashed photo with an aspect that it may have had."""
    aspect = float(rng.choice(ASPECTS))
    side = max(picture.size)
    size = (round(side * max(1.0, aspect)), round(side / min(1.0, aspect)))
    return picture.resize(size, BILINEAR)


def face_view(
    picture: Image.Image,
    faces: Sequence[Sequence[float]],
    unsure: Sequence[Sequence[float]],
    shape: tuple[int, int],
    rng: np.random.Generator,
    shrunk: float = 1.0,
) -> FaceView:
    """Return a random crop or shrunk view of a photo with its faces.

    `faces` and `unsure` are x, y, width and height as fractions of the photo; `shrunk` scales it
    besides.
    """
    height, width = shape
    large = max(picture.size) > 1.5 * LONG_SIDE
    zoom = math.exp(rng.uniform(*np.log(LARGE_FACE_ZOOM if large else FACE_ZOOM)))
    scale = LONG_SIDE / max(picture.size) * zoom * shrunk
    stretch = math.exp(rng.uniform(-0.12, 0.12))
    boxes = np.array([*faces, *unsure], np.float32).reshape(-1, 4)
    boxes = boxes * np.array(picture.size * 2, np.float32)
    boxes[:, 2:] += boxes[:, :2]
    scales = np.array([scale * stretch, scale / stretch] * 2, np.float32)
    shown = np.array(picture.size) * scales[:2]
    room = np.array([width, height]) - shown
    # Where the photo is larger than the view, prefer crops around one of its faces.
    offset = np.where(room >= 0, rng.uniform(0, 1, 2) * room, rng.uniform(0, 1, 2) * room)
    if len(faces) and rng.random() < 0.7:
        chosen = boxes[rng.integers(len(faces))] * scales
        centre = (chosen[:2] + chosen[2:]) / 2
        around = np.array([width, height]) * rng.uniform(0.2, 0.8, 2) - centre
        offset = np.where(room < 0, np.clip(around, room, 0), offset)
    view = _placed(picture, offset, scales[:2], shape)
    boxes = boxes * scales + np.tile(offset, 2).astype(np.float32)
    if rng.random() < 0.5:
        view = np.ascontiguousarray(view[:, ::-1])
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    boxes = boxes.astype(np.float32)
    known, doubtful = np.split(boxes, [len(faces)])
    return FaceView(
        _coloured(view, rng), _visible(known, width, height), _visible(doubtful, width, height)
    )


def mosaic(views: Sequence[FaceView]) -> FaceView:
    """Put four views of one size together, two by two: small faces, and four times as many.

    Source: Bochkovskiy et al., YOLOv4, 2020.
    """
    height, width = views[0].pixels.shape[:2]
    rows = [np.concatenate([view.pixels for view in views[row : row + 2]], 1) for row in (0, 2)]
    moves = [np.array([x, y] * 2, np.float32) for y in (0, height) for x in (0, width)]
    faces, unsure = (
        np.concatenate([boxes + move for boxes, move in zip(kind, moves, strict=True)])
        for kind in ([view.faces for view in views], [view.unsure for view in views])
    )
    return FaceView(np.concatenate(rows), faces, unsure)


def mixed(first: Pixels, second: Pixels, share: float) -> Pixels:
    """Lay one view over another, of which `share` is seen.

    Source: Zhang et al., mixup, 2018; Beyer et al., A good teacher is patient and consistent, 2022.
    """
    blended: Pixels = np.round(first * (1 - share) + second * share).astype(np.uint8)
    return blended


def _placed(picture: Image.Image, offset: Any, scales: Any, shape: tuple[int, int]) -> Pixels:
    """Draw a picture, scaled, at an offset (px of the view) on grey."""
    height, width = shape
    size = np.array(picture.size)
    start = np.maximum(0, -offset / scales)
    end = np.minimum(size, (np.array([width, height]) - offset) / scales)
    target = np.round(np.maximum(0, offset)).astype(int)
    room = np.array([width, height]) - target
    extent = np.clip(np.round((end - start) * scales).astype(int), 1, room)
    drawn = picture.resize((int(extent[0]), int(extent[1])), BILINEAR, box=(*start, *end))
    view = np.full((height, width, 3), GREY, np.uint8)
    view[target[1] : target[1] + extent[1], target[0] : target[0] + extent[0]] = np.asarray(drawn)
    return view


def _visible(boxes: Boxes, width: int, height: int) -> Boxes:
    """Clip boxes to the view, and drop those of which too little is left."""
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    clipped = np.clip(boxes, 0, np.array([width, height] * 2, np.float32))
    left = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    shown: Boxes = clipped[left > LEAST_SHOWN * np.maximum(area, 1e-6)]
    return shown


def _flipped(view: Pixels, rng: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(view[:, ::-1]) if rng.random() < 0.5 else view


def _coloured(view: Pixels, rng: np.random.Generator) -> Pixels:
    """Change brightness, contrast, saturation and white balance a little."""
    if rng.random() < 0.2:
        return view
    x = view.astype(np.float32)
    grey = x.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.06 else rng.uniform(0.6, 1.4)
    x = grey + (x - grey) * saturation
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.93, 1.07, 3)
    contrast, mean = rng.uniform(0.75, 1.25), float(grey.mean())
    x = ((x - mean) * contrast + mean) * gain
    coloured: Pixels = np.clip(x, 0, 255).astype(np.uint8)
    return coloured
