"""The network's parts, without trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.calibration import (  # noqa: E402
    Calibration,
    fit_calibration,
    thresholds,
)
from scened.models.training.embedding_head import recall_at  # noqa: E402
from scened.models.training.face_loss import face_loss, face_target  # noqa: E402
from scened.models.training.network import FaceOutput, FacePyramid, cells  # noqa: E402
from scened.models.training.product import TagHead, face_boxes  # noqa: E402

SHAPE = (192, 320)
FACE = np.array([[100.0, 60.0, 164.0, 140.0]], np.float32)
NONE = np.zeros((0, 4), np.float32)


def _perfect() -> FaceOutput:
    target = face_target(FACE, NONE, SHAPE)
    centres = cells(*SHAPE)
    box = torch.from_numpy(FACE[0])
    distances = torch.cat([centres - box[:2], box[2:] - centres], dim=-1)
    scores = torch.where(target.heat >= 1, 20.0, -20.0)[None]
    return FaceOutput(scores, distances[None], torch.full_like(scores, 20.0))


def _targets() -> object:
    return type(face_target(FACE, NONE, SHAPE))(
        *(part[None] for part in face_target(FACE, NONE, SHAPE))
    )


def test_a_face_has_one_centre() -> None:
    assert int((face_target(FACE, NONE, SHAPE).heat >= 1).sum()) == 1


def test_a_tiny_face_is_neither_asked_for_nor_forbidden() -> None:
    target = face_target(np.array([[100.0, 60.0, 103.0, 63.0]], np.float32), NONE, SHAPE)
    assert (float(target.heat.max()), float(target.weight.min())) == (0.0, 0.0)


def test_where_a_face_may_be_none_is_forbidden() -> None:
    target = face_target(NONE, FACE, SHAPE)
    assert (float(target.heat.max()), float(target.weight.min())) == (0.0, 0.0)


def test_a_face_before_one_that_may_be_is_asked_for() -> None:
    target = face_target(FACE, FACE - 8, SHAPE)
    assert float(target.weight[target.heat >= 1].min()) == 1.0


def test_a_perfect_answer_costs_nothing() -> None:
    losses = [float(loss) for loss in face_loss(_perfect(), _targets())]
    assert losses == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)


def test_a_missed_face_costs() -> None:
    perfect = _perfect()
    missed = perfect._replace(scores=torch.full_like(perfect.scores, -20.0))
    assert float(face_loss(missed, _targets()).scores) > 1


def test_a_box_that_is_off_costs_and_so_does_not_to_know_it() -> None:
    perfect = _perfect()
    off = perfect._replace(distances=perfect.distances * 0.7)
    losses = face_loss(off, _targets())
    assert float(losses.boxes) > 0.4
    assert float(losses.quality) > 1


def test_a_face_is_as_likely_as_its_score_and_its_box() -> None:
    perfect = _perfect()
    unsure = perfect._replace(quality=torch.zeros_like(perfect.quality))
    assert float(unsure.likely.max()) == pytest.approx(0.5, abs=1e-3)


def test_each_place_of_the_map_answers_for_the_four_cells_within() -> None:
    head = FacePyramid((2, 2, 2, 2))
    torch.nn.init.zeros_(head.predict_score.weight)
    head.predict_score.bias.data = torch.tensor([-9.0, 9.0, -9.0, -9.0])
    maps = [torch.zeros(1, 2, 192 // stride, 320 // stride) for stride in (4, 8, 16, 32)]
    scores = head(*maps).scores[0]
    assert scores.shape == cells(*SHAPE).shape[:2]
    assert (cells(*SHAPE)[scores > 0] % 8).unique(dim=0).tolist() == [[6.0, 2.0]]


def test_distances_become_the_box_they_were_measured_from() -> None:
    boxes = face_boxes(_perfect().distances)[0]
    centre = int(face_target(FACE, NONE, SHAPE).heat.flatten().argmax())
    x, y, width, height = (boxes[centre] * torch.tensor([320, 192, 320, 192])).tolist()
    assert (x, y, x + width, y + height) == pytest.approx(FACE[0].tolist(), abs=1e-3)


def test_a_tag_of_imagenet_starts_with_what_the_classifier_says() -> None:
    classes = torch.zeros(1001, 2)
    classes[5, 0] = 1
    logits = torch.zeros(1, 1001)
    logits[0, 5] = 10.0
    share = logits.softmax(1)[0, 5].item()
    tag = TagHead(classes, 8)(torch.zeros(1, 8), logits).sigmoid()[0, 0].item()
    assert tag == pytest.approx(share, abs=1e-4)


def test_calibration_undoes_overconfidence() -> None:
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(4000, 1, generator=generator)
    value = (torch.rand(4000, 1, generator=generator) < honest.sigmoid()).float()
    fitted = _calibration(honest * 3, value)
    assert float(fitted.slope) == pytest.approx(1 / 3, abs=0.06)


def test_tags_that_share_a_calibration_keep_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(4000, 3, generator=generator)
    value = (torch.rand(4000, 3, generator=generator) < honest.sigmoid()).float()
    twisted = honest * torch.tensor([3.0, 1.0, 1.0]) + torch.tensor([0.0, 2.0, -2.0])
    fitted = _calibration(twisted, value, together=[0, 1])
    assert fitted.slope[0] == fitted.slope[1] != fitted.slope[2]
    assert fitted.offset[0] == fitted.offset[1] != fitted.offset[2]


def _calibration(
    logits: torch.Tensor, value: torch.Tensor, together: Sequence[int] = ()
) -> Calibration:
    places = torch.tensor(together, dtype=torch.int64)
    return fit_calibration(logits, value, torch.ones_like(value), places, lambda _: torch.zeros(()))


def test_a_tag_without_examples_takes_its_parents_threshold() -> None:
    scores = torch.linspace(0, 1, 400)[:, None].repeat(1, 2)
    value = (scores > 0.6).float()
    known = torch.stack([torch.ones(400), torch.zeros(400)], dim=1)
    limits = thresholds(scores, value, known, known, [None, 0])
    assert limits[0] == limits[1] != 0.5


def test_a_text_nearest_its_own_photo_is_a_hit() -> None:
    photos = torch.eye(12)
    texts = torch.eye(12)[[3, 4]]
    hits = recall_at(photos, texts, torch.tensor([3, 0]))
    assert hits[1].tolist() == [True, False]
