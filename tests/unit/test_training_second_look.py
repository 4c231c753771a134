"""Where to look closer is chosen by what it costs, with the product's own code."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from scened.models.pack import NETWORK_NAME, FaceSettings, default_pack_folder
from scened.models.training.second_look import CHOICES, MOST_LOOKS, FaceFinder, choose_closer
from tests.photos import photo

NEVER = FaceSettings(threshold=0.5, overlap=0.4, closer=1e9)
ALWAYS = FaceSettings(threshold=0.5, overlap=0.4, closer=0.05)


@pytest.fixture(scope="module")
def finders() -> list[FaceFinder]:
    """Photos with a face, as they are and made to fill a corner of a larger picture."""
    network = onnxruntime.InferenceSession(default_pack_folder() / NETWORK_NAME)
    face = photo("astronaut.png").crop((160, 30, 290, 190)).resize((90, 110))
    crowd = photo("coffee.png", (1200, 900))
    for place in range(6):
        crowd.paste(face, (60 + 170 * place, 80))
    return [FaceFinder(network, picture) for picture in (photo("coffee.png"), crowd)]


def test_closer_looks_are_counted_and_add_boxes(finders: list[FaceFinder]) -> None:
    plain, crowd = (finder.find(ALWAYS) for finder in finders)
    assert crowd.looks > plain.looks == 1
    assert len(crowd.scores) > len(finders[1].find(NEVER).scores)
    assert crowd.looks == finders[1].looks(ALWAYS)


def test_a_finder_may_be_asked_again(finders: list[FaceFinder]) -> None:
    first, _, again = (finders[1].find(settings) for settings in (ALWAYS, NEVER, ALWAYS))
    assert np.array_equal(first.boxes, again.boxes)


def test_the_least_that_keeps_to_the_budget_is_chosen(finders: list[FaceFinder]) -> None:
    crowds = [finders[1]] * 4
    chosen = choose_closer(crowds, overlap=0.4)
    costs = {
        closer: np.mean([each.looks(FaceSettings(0.0, 0.4, closer)) for each in crowds])
        for closer in CHOICES
    }
    assert costs[CHOICES[0]] > MOST_LOOKS
    assert chosen == min(closer for closer in CHOICES if costs[closer] <= MOST_LOOKS)
