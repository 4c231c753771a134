"""Where a picture is looked at again, and how the looks are put together."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scened.analysis.regions import (
    MOST_CLOSER_LOOKS,
    MOST_TILES,
    WHOLE,
    Region,
    Seen,
    merge_faces,
    parts,
    small_face_regions,
    tiles,
)
from scened.models.pack import SHAPES, FaceSettings
from tests.photos import photo

SETTINGS = FaceSettings(threshold=0.5, overlap=0.4, closer=1.0)
SIZE = (1600, 1200)
LEFT_HALF = Region(0.0, 0.0, 0.5, 1.0)


def seen(*faces: tuple[float, float, float, float], region: Region = WHOLE) -> Seen:
    """Return boxes of one side, each given as x, y, side and score."""
    boxes = np.array([[x, y, side, side] for x, y, side, _ in faces], dtype=np.float64)
    return Seen(region, boxes.reshape(-1, 4), np.array([score for *_, score in faces]))


def row(count: int, side: float, score: float, y: float = 0.1) -> Seen:
    return seen(*((0.05 + 0.06 * number, y, side, score) for number in range(count)))


def test_many_weak_and_small_boxes_are_worth_one_closer_look() -> None:
    (region,) = small_face_regions(row(6, 0.03, 0.3), SETTINGS, *SIZE)
    assert region.x <= 0.05
    assert region.x + region.width >= 0.05 + 5 * 0.06 + 0.03


@pytest.mark.parametrize(
    "first",
    [
        seen(),
        row(6, 0.03, 0.1),  # too weak to expect a face
        row(3, 0.2, 0.9),  # large faces are seen well enough
        seen(*((0.1, 0.1, 0.03, 0.6) for _ in range(8))),  # one face, seen eight times
    ],
    ids=["nothing", "weak", "large", "one"],
)
def test_other_boxes_are_not_worth_a_closer_look(first: Seen) -> None:
    assert small_face_regions(first, SETTINGS, *SIZE) == ()


def test_a_picture_without_more_pixels_is_not_looked_at_closer() -> None:
    assert small_face_regions(row(6, 0.03, 0.9), SETTINGS, 240, 180) == ()


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_closer_looks_are_few_and_within_the_picture(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    first = Seen(
        WHOLE, random.uniform(-0.2, 1.2, (count, 4)) * (1, 1, 0.1, 0.1), random.random(count)
    )
    regions = small_face_regions(first, SETTINGS, *SIZE)
    assert len(regions) <= MOST_CLOSER_LOOKS
    for x, y, width, height in regions:
        assert 0 <= x <= x + width <= 1
        assert 0 <= y <= y + height <= 1


@pytest.mark.parametrize("size", [(4000, 3000), (1920, 1080), (300, 400), (2000, 1000)])
def test_a_common_picture_has_no_tiles(size: tuple[int, int]) -> None:
    assert tiles(*size) == ()


@given(st.integers(64, 30_000), st.floats(2.01, 100), st.booleans())
def test_tiles_cover_a_panorama_and_overlap(short: int, aspect: float, upright: bool) -> None:
    long = round(short * aspect) + 1
    found = tiles(short, long) if upright else tiles(long, short)
    spans = [(r.y, r.height) if upright else (r.x, r.width) for r in found]
    assert 2 <= len(spans) <= MOST_TILES
    assert spans[0][0] == 0
    assert sum(spans[-1]) == pytest.approx(1)
    for (start, length), (following, _) in itertools.pairwise(spans):
        assert start < following < start + length


def test_parts_come_in_the_shapes_of_the_network() -> None:
    picture = photo(size=(640, 480))
    regions = (Region(0.0, 0.0, 0.5, 0.5), Region(0.25, 0.5, 0.5, 0.5))
    found = list(parts(regions, *SIZE, lambda _: picture))
    assert [region for region, _ in found] == list(regions)
    assert all(pixels.shape[:2] in SHAPES for _, pixels in found)


def test_a_part_shows_what_lies_there() -> None:
    picture = Image.new("RGB", (640, 480))
    picture.paste((255, 255, 255), (320, 240, 640, 480))
    ((_, pixels),) = parts((Region(0.5, 0.5, 0.5, 0.5),), *SIZE, lambda _: picture)
    assert pixels.min() > 200


def test_without_regions_no_larger_picture_is_asked_for() -> None:
    def refuse(long_side: int) -> Image.Image:
        raise AssertionError(long_side)

    assert list(parts((), *SIZE, refuse)) == []


def merged(first: Seen, *closer: Seen, **largest: float) -> list[Any]:
    boxes, scores = merge_faces(first, closer, *SIZE, **largest)
    return sorted(zip(boxes[:, 0].round(3).tolist(), scores.tolist(), strict=True))


def test_of_a_small_face_both_looks_tell() -> None:
    closer = seen((0.4, 0.4, 0.06, 0.6), region=LEFT_HALF)
    assert merged(seen((0.21, 0.4, 0.03, 0.9)), closer) == [(0.2, 0.6), (0.21, 0.9)]


def test_a_large_face_is_taken_from_the_first_look() -> None:
    closer = seen((0.2, 0.2, 0.5, 0.9), region=LEFT_HALF)
    assert merged(seen((0.1, 0.2, 0.25, 0.6)), closer) == [(0.1, 0.6)]


def test_a_face_elsewhere_stays() -> None:
    assert merged(seen((0.7, 0.4, 0.03, 0.5)), seen(region=LEFT_HALF)) == [(0.7, 0.5)]


def test_a_box_that_the_edge_of_a_part_cuts_is_dropped() -> None:
    closer = seen((0.96, 0.4, 0.04, 0.9), region=LEFT_HALF)
    assert merged(seen((0.48, 0.4, 0.03, 0.5)), closer) == [(0.48, 0.5)]


def test_a_face_at_the_edge_of_the_picture_is_not_cut() -> None:
    assert merged(seen(), seen((0.0, 0.4, 0.04, 0.9), region=LEFT_HALF)) == [(0.0, 0.9)]


def test_of_a_panorama_the_tiles_tell_where_they_saw_a_face_whole() -> None:
    first = seen((0.21, 0.4, 0.03, 0.9), (0.7, 0.4, 0.03, 0.5))
    closer = seen((0.4, 0.4, 0.06, 0.6), region=LEFT_HALF)
    assert merged(first, closer, largest=np.inf) == [(0.2, 0.6), (0.7, 0.5)]


def test_tiles_tell_of_large_faces_too() -> None:
    closer = seen((0.2, 0.2, 0.5, 0.9), region=LEFT_HALF)
    first = seen((0.1, 0.2, 0.25, 0.6))
    assert merged(first, closer, largest=np.inf) == [(0.1, 0.9)]
