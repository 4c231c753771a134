"""What the network is shown in training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scened.models.pack import SHAPES, nearest_shape
from scened.models.training.views import (
    face_view,
    general_view,
    mixed,
    mosaic,
    product_view,
    random_product_view,
)


@pytest.mark.parametrize(
    ("size", "shape"),
    [((4000, 3000), (256, 320)), ((1080, 1920), (320, 192)), ((500, 500), (320, 320))],
)
def test_a_photo_gets_the_shape_of_its_aspect(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert nearest_shape(*size) == shape


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_turned_photo_gets_the_turned_shape(width: int, height: int) -> None:
    log_aspect = abs(np.log(width / height))
    if log_aspect > 1e-3:
        assert nearest_shape(width, height) == nearest_shape(height, width)[::-1]


def test_a_product_view_has_an_allowed_shape() -> None:
    assert product_view(Image.new("RGB", (123, 77))).shape[:2] in SHAPES


def test_a_general_view_is_square() -> None:
    view = general_view(Image.new("RGB", (300, 90)), False, 64, np.random.default_rng(0))
    assert (view.shape, view.dtype) == ((64, 64, 3), np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(1, 400), st.booleans())
def test_a_random_view_has_a_shape_of_the_product(
    seed: int, width: int, height: int, squashed: bool
) -> None:
    view = random_product_view(
        Image.new("RGB", (width, height)), squashed, np.random.default_rng(seed)
    )
    assert view.shape[:2] in SHAPES


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(SHAPES), st.sampled_from([(400, 300), (900, 1200)]))
def test_faces_of_a_view_lie_within_it(
    seed: int, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    faces = [[0.1, 0.1, 0.2, 0.3], [0.7, 0.6, 0.3, 0.4]]
    random = np.random.default_rng(seed)
    view, boxes, _ = face_view(Image.new("RGB", size), faces, [], shape, random)
    assert view.shape == (*shape, 3)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= np.array(shape[::-1]) + 1e-3).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_face_is_where_its_box_says(seed: int) -> None:
    picture = Image.new("RGB", (300, 240), "white")
    picture.paste("black", (90, 60, 150, 140))
    faces = [[90 / 300, 60 / 240, 60 / 300, 80 / 240]]
    view, boxes, _ = face_view(picture, faces, [], (256, 320), np.random.default_rng(seed))
    assert len(boxes) == 1
    left, top, right, bottom = boxes[0].round().astype(int)
    inside = np.zeros(view.shape[:2], bool)
    inside[top:bottom, left:right] = True
    assert view[inside].mean() < view[~inside].mean() - 40


@pytest.mark.parametrize("seed", range(5))
def test_a_mosaic_shows_the_faces_of_its_four_views_where_their_boxes_say(seed: int) -> None:
    picture = Image.new("RGB", (300, 240), "white")
    picture.paste("black", (90, 60, 150, 140))
    faces = [[90 / 300, 60 / 240, 60 / 300, 80 / 240]]
    random = np.random.default_rng(seed)
    parts = [face_view(picture, faces, [], (128, 160), random, 0.5) for _ in range(4)]
    view, boxes, _ = mosaic(parts)
    assert view.shape == (256, 320, 3)
    assert len(boxes) == 4
    for number, (left, top, right, bottom) in enumerate(boxes.round().astype(int)):
        assert (left >= 160, top >= 128) == (number % 2 == 1, number >= 2)
        assert view[top:bottom, left:right].mean() < parts[number].pixels.mean() - 40


def test_doubtful_places_of_a_mosaic_stay_doubtful() -> None:
    picture = Image.new("RGB", (300, 240))
    random = np.random.default_rng(0)
    place = [[0.3, 0.3, 0.2, 0.2]]
    sure = face_view(picture, place, [], (128, 160), random, 0.5)
    unsure = face_view(picture, [], place, (128, 160), random, 0.5)
    _, boxes, doubtful = mosaic([sure, sure, sure, unsure])
    assert (len(boxes), len(doubtful)) == (3, 1)
    assert (doubtful[0][:2] >= (160, 128)).all()


@pytest.mark.parametrize(("share", "value"), [(0.0, 10), (0.25, 60), (1.0, 210)])
def test_two_views_are_mixed_by_the_share_asked_for(share: float, value: int) -> None:
    first, second = (np.full((4, 4, 3), level, np.uint8) for level in (10, 210))
    assert (mixed(first, second, share) == value).all()
