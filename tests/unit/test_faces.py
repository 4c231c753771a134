"""Of the network's raw boxes, which many are one face, and where it lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from scened.analysis.faces import calibrated, find_faces, settle, suppress
from scened.models.pack import FaceSettings

SETTINGS = FaceSettings(threshold=0.5, overlap=0.4)


def test_two_boxes_on_one_face_are_one_face() -> None:
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.11, 0.1, 0.2, 0.2], [0.6, 0.6, 0.2, 0.2]])
    faces = find_faces(boxes, np.array([0.6, 0.9, 0.7]), SETTINGS)
    assert [round(face.x, 3) for face in faces] == [0.106, 0.6]


def test_a_face_is_cut_at_the_edge_of_the_picture() -> None:
    boxes = np.array([[-0.25, 0.5, 0.5, 1.0], [1.2, 0.5, 0.1, 0.1]])
    (face,) = find_faces(boxes, np.array([0.9, 0.9]), SETTINGS)
    assert (face.x, face.y, face.width, face.height) == (0, 0.5, 0.25, 0.5)


def test_no_candidates_are_no_faces() -> None:
    assert find_faces(np.zeros((0, 4)), np.zeros(0), SETTINGS) == ()


def test_scores_are_probabilities_by_the_packs_own_line() -> None:
    settings = FaceSettings(threshold=0.0, overlap=0.4, slope=2.0, offset=1.0)
    (face,) = find_faces(np.array([[0.1, 0.1, 0.2, 0.2]]), np.array([0.5]), settings)
    assert face.score == pytest.approx(1 / (1 + np.exp(-1.0)))


@given(st.floats(0.1, 5), st.floats(-5, 5), st.lists(st.floats(0, 1), min_size=2))
def test_calibrating_keeps_order_and_range(
    slope: float, offset: float, scores: list[float]
) -> None:
    settings = FaceSettings(threshold=0.0, overlap=0.4, slope=slope, offset=offset)
    probable = calibrated(np.sort(scores), settings)
    assert (np.diff(probable) >= 0).all()
    assert ((probable >= 0) & (probable <= 1)).all()


@given(st.data(), st.integers(0, 30))
def test_faces_are_apart_within_the_picture_and_sorted(data: st.DataObject, count: int) -> None:
    numbers = st.floats(-2, 2)
    boxes = data.draw(st_numpy.arrays(np.float64, (count, 4), elements=numbers))
    scores = data.draw(st_numpy.arrays(np.float64, count, elements=st.floats(0, 1)))
    faces = find_faces(boxes, scores, SETTINGS)
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)
    for face in faces:
        assert face.score >= SETTINGS.threshold
        assert 0 <= face.x < face.x + face.width <= 1 + 1e-9
        assert 0 <= face.y < face.y + face.height <= 1 + 1e-9


def test_suppression_keeps_the_best_of_two_on_one_face() -> None:
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.11, 0.1, 0.2, 0.2], [0.6, 0.6, 0.1, 0.1]])
    assert sorted(suppress(boxes, np.array([0.5, 0.9, 0.3]), 0.4).tolist()) == [1, 2]


def test_a_face_lies_between_its_boxes_nearer_to_the_surer() -> None:
    boxes = np.array([[0.10, 0.1, 0.2, 0.2], [0.13, 0.1, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
    settled, _ = settle(boxes, np.array([0.8, 0.4, 0.9]), 0.4)
    x, *others = settled[1].tolist()
    assert 0.10 < x < 0.115
    assert others == pytest.approx([0.1, 0.2, 0.2])


def test_a_face_whose_boxes_disagree_is_less_sure() -> None:
    apart = np.array([[0.10, 0.1, 0.2, 0.2], [0.16, 0.1, 0.2, 0.2]])
    alike = np.array([[0.10, 0.1, 0.2, 0.2], [0.10, 0.1, 0.2, 0.2]])
    scores = np.array([0.8, 0.8])
    assert settle(apart, scores, 0.4)[1][0] < settle(alike, scores, 0.4)[1][0] == 0.8
