"""What heads that have not seen a photo read of it."""

from __future__ import annotations

import math
from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from torch.nn import functional  # noqa: E402

from scened.models.training.product import PhotoTower  # noqa: E402
from scened.models.training.readers import Reader, Readers  # noqa: E402

FEATURES = 16
SCALE = torch.tensor(20.0)


def _readers() -> Readers:
    """Return two readers of six photos: 0 and 1 are new to the first, 3 and 4 to the second."""
    torch.manual_seed(1)
    texts = functional.normalize(torch.randn(2, 2, 5, 256), dim=3)
    unseen = (torch.tensor([0, 1]), torch.tensor([3, 4]))
    pairs = zip(unseen, texts, strict=True)
    return Readers([Reader(PhotoTower(FEATURES), *pair) for pair in pairs], 6)


def test_a_photo_is_read_by_the_head_that_has_not_seen_it() -> None:
    readers = _readers()
    for weights in readers.towers[0].parameters():
        weights.zero_()
    features = torch.randn(1, FEATURES)
    blind = readers.loss(features, torch.tensor([1]), SCALE)
    assert blind.item() == pytest.approx(math.log(2))
    assert readers.loss(features, torch.tensor([4]), SCALE).item() != pytest.approx(math.log(2))


def test_readers_stand_still_while_the_features_learn() -> None:
    readers = _readers()
    features = torch.randn(2, FEATURES, requires_grad=True)
    readers.loss(features, torch.tensor([0, 3]), SCALE).backward()
    assert features.grad is not None
    assert features.grad.abs().sum(dim=1).min() > 0
    assert all(weights.grad is None for weights in readers.parameters())


def test_photos_without_captions_ask_for_nothing() -> None:
    assert _readers().loss(torch.randn(2, FEATURES), torch.tensor([2, 5]), SCALE) == 0
