"""Which parts of a picture deserve a look of their own, and what all looks together found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from scened.analysis.faces import FAINTEST, Floats, suppress, within_picture
from scened.analysis.pixels import MOST_ENLARGED, Pixels
from scened.models.pack import LONG_SIDE, FaceSettings, nearest_shape

__all__ = [
    "SMALL_FACE",
    "WHOLE",
    "Region",
    "Seen",
    "merge_faces",
    "parts",
    "small_face_regions",
    "tiles",
]

MOST_CLOSER_LOOKS = 4
CLOSEST = 0.5  # of a picture's sides: the smallest part that is looked at closer
SMALL_FACE = 24.0  # pixels: the side, in the first look, of faces that a closer one finds better

MOST_SQUEEZED = 2.0  # aspect (2:1) beyond which a picture is tiled
TILE_ASPECT = 1.25
TILE_OVERLAP = 0.3  # of the picture's short side: faces up to this size are whole in some tile
MOST_TILES = 8

CUT = 0.01  # of a region's side: a box that near to its inner edge is cut by it
MARGIN = 0.02  # of the picture's side: nearer to an edge, a region may have lost what it shows
TINY = 1e-6  # what fractions may be off by
ENDS = 1 - TINY  # from here on a region reaches the end of the picture

Mask = npt.NDArray[np.bool_]


class Region(NamedTuple):
    """A part of the upright picture, in fractions of it, origin top left."""

    x: float
    y: float
    width: float
    height: float

    def long_side(self, width: float, height: float) -> float:
        """Return its longer side in pixels of a picture of this size."""
        return max(self.width * width, self.height * height)


class Seen(NamedTuple):
    """Raw face boxes `[N, 4]`, fractions of a region, with their scores `[N]`."""

    region: Region
    boxes: Floats
    scores: Floats


WHOLE = Region(0.0, 0.0, 1.0, 1.0)


def tiles(width: int, height: int) -> tuple[Region, ...]:
    """Return overlapping parts that cover a panorama of this size, or none for other pictures."""
    aspect = max(width, height) / min(width, height)
    if aspect <= MOST_SQUEEZED:
        return ()
    count = min(MOST_TILES, math.ceil((aspect - TILE_OVERLAP) / (TILE_ASPECT - TILE_OVERLAP)))
    length = max(TILE_ASPECT, (aspect + (count - 1) * TILE_OVERLAP) / count) / aspect
    starts = [number * (1 - length) / (count - 1) for number in range(count)]
    if width > height:
        return tuple(Region(start, 0.0, length, 1.0) for start in starts)
    return tuple(Region(0.0, start, 1.0, length) for start in starts)


def small_face_regions(
    first: Seen, settings: FaceSettings, width: int, height: int
) -> tuple[Region, ...]:
    """Return the few parts of a picture of this size where small faces are likely, best first.

    The scores of small boxes in the first look add up to how many small faces to expect. Parts
    are taken greedily by how many more each promises, as long as that is what the pack asks.
    """
    side = max(CLOSEST, LONG_SIDE / MOST_ENLARGED / max(width, height))
    likely = first.scores >= FAINTEST
    boxes, scores = within_picture(first.boxes[likely]), first.scores[likely]
    small = _sides(boxes, width, height) <= SMALL_FACE
    if side >= 1 or scores[small].sum() < settings.closer:
        return ()  # most photos, at next to no cost
    kept = suppress(boxes, scores, settings.overlap)
    kept = kept[small[kept]]
    boxes, scores = boxes[kept], scores[kept]
    ends = boxes[:, :2] + boxes[:, 2:]
    corners = np.clip((boxes[:, :2] + ends) / 2 - side / 2, 0, 1 - side)
    covers = _all(boxes[None, :, :2] + TINY >= corners[:, None])
    covers &= _all(ends[None] - TINY <= corners[:, None] + side)
    found: list[Region] = []
    while len(found) < MOST_CLOSER_LOOKS:
        promised = covers @ scores
        if promised.max(initial=0.0) < settings.closer:
            break
        covered = covers[promised.argmax()]
        inner = covered & (scores > 0)
        middle = (boxes[inner, :2].min(axis=0) + ends[inner].max(axis=0)) / 2
        x, y = np.clip(middle - side / 2, 0, 1 - side).tolist()
        found.append(Region(x, y, side, side))
        scores = np.where(covered, 0.0, scores)
    return tuple(found)


def parts(
    regions: Sequence[Region], width: int, height: int, larger: Callable[[int], Image.Image]
) -> Iterator[tuple[Region, Pixels]]:
    """Yield regions of one size with their pixels, each in the shape nearest to its aspect.

    `larger` gives the picture, of this size in full, with a long side of so many pixels.
    """
    if not regions:
        return
    picture = larger(round(LONG_SIDE * max(width, height) / regions[0].long_side(width, height)))
    across, down = picture.size
    for x, y, part_width, part_height in regions:
        shape = nearest_shape(part_width * across, part_height * down)
        right, bottom = min(1.0, x + part_width), min(1.0, y + part_height)
        box = (x * across, y * down, right * across, bottom * down)
        part = picture.resize(shape[::-1], Image.Resampling.BILINEAR, box)
        yield Region(x, y, part_width, part_height), np.asarray(part)


def merge_faces(
    first: Seen, closer: Sequence[Seen], width: int, height: int, largest: float = SMALL_FACE
) -> tuple[Floats, Floats]:
    """Return the boxes of all looks, fractions of the picture, before suppression.

    Of closer looks the boxes up to `largest` (pixels of the first look) count. They join the first
    look's, so that all that lie on one face have a say in it (`faces.settle`); what only one look
    saw stays with its own score. But a panorama, of which tiles count whatever the size, is
    squeezed in the first look: its boxes give way wherever a tile saw them whole.
    Boxes that a region's edge cuts are dropped.
    """
    giving_way = np.zeros(len(first.scores), dtype=bool)
    if math.isinf(largest):
        for look in closer:
            giving_way |= _is_inside(first.boxes, look.region)
    boxes, scores = [first.boxes[~giving_way]], [first.scores[~giving_way]]
    for look in closer:
        uncut = ~_is_cut(look)
        x, y, across, down = look.region
        placed = look.boxes[uncut] * (across, down, across, down) + (x, y, 0, 0)
        small = _sides(placed, width, height) <= largest
        boxes.append(placed[small])
        scores.append(look.scores[uncut][small])
    return np.concatenate(boxes), np.concatenate(scores)


def _sides(boxes: Floats, width: int, height: int) -> Floats:
    """Return the mean side of boxes in pixels of the first look."""
    scale = LONG_SIDE / max(width, height)
    sides: Floats = np.sqrt(np.clip(boxes[:, 2:], 0, None).prod(axis=1) * width * height) * scale
    return sides


def _is_cut(look: Seen) -> Mask:
    """Tell which boxes touch an edge of their region that is not the picture's own."""
    x, y, across, down = look.region
    ends = look.boxes[:, :2] + look.boxes[:, 2:]
    begins_inside, ends_inside = (x > 0, y > 0), (x + across < ENDS, y + down < ENDS)
    whole = _all((look.boxes[:, :2] >= CUT) | np.logical_not(begins_inside))
    return ~(whole & _all((ends <= 1 - CUT) | np.logical_not(ends_inside)))


def _is_inside(boxes: Floats, region: Region) -> Mask:
    """Tell which boxes lie whole, and not too near an inner edge, in a region."""
    x, y, across, down = region
    least = (x + MARGIN if x > 0 else 0, y + MARGIN if y > 0 else 0)
    most = (
        x + across - MARGIN if x + across < ENDS else 1,
        y + down - MARGIN if y + down < ENDS else 1,
    )
    starts, ends = boxes[:, :2] + TINY, boxes[:, :2] + boxes[:, 2:] - TINY
    return _all(starts >= least) & _all(ends <= most)


def _all(each: Mask) -> Mask:
    every: Mask = np.all(each, axis=-1)
    return every
