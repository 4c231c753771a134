"""The figures by which packs are judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.models.training.metrics import (
    Matches,
    average_precision,
    interval,
    match,
)

ALL = np.array([True])


def _photo(scores: list[float], right: list[bool], boxes: int) -> Matches:
    return Matches(np.array(scores), np.array(right, bool), boxes)


def test_every_face_found_first_is_a_perfect_score() -> None:
    photos = [_photo([0.9, 0.1], [True, False], 1), _photo([0.8], [True], 1)]
    assert average_precision(photos) == pytest.approx(1.0)


def test_a_false_face_ahead_of_a_true_one_halves_the_precision() -> None:
    assert average_precision([_photo([0.9, 0.5], [False, True], 1)]) == pytest.approx(0.5)


def test_a_missed_face_bounds_the_score() -> None:
    assert average_precision([_photo([0.9], [True], 4)]) == pytest.approx(0.25)


def test_a_second_box_on_one_face_is_wrong() -> None:
    box = np.array([[0.1, 0.1, 0.2, 0.2]])
    found = match(np.repeat(box, 2, axis=0), np.array([0.9, 0.8]), box, ALL)
    assert found.right.tolist() == [True, False]


def test_a_box_on_a_face_that_does_not_count_is_left_out() -> None:
    box = np.array([[0.1, 0.1, 0.2, 0.2]])
    found = match(box, np.array([0.9]), box, ~ALL)
    assert (found.scores.size, found.boxes) == (0, 0)


@given(
    st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=30, unique=True)
)
def test_average_precision_is_a_share(detections: list[tuple[float, bool]]) -> None:
    scores, right = [d[0] for d in detections], [d[1] for d in detections]
    assert 0.0 <= average_precision([_photo(scores, right, max(1, sum(right)))]) <= 1.0 + 1e-9


def test_an_interval_holds_the_mean_of_what_it_was_drawn_from() -> None:
    values = np.arange(100) % 2
    low, high = interval(lambda rows: float(values[rows].mean()), len(values))
    assert low < 0.5 < high
