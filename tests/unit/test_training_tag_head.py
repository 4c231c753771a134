"""What the tag head is told of photos whose source has one class each."""

from __future__ import annotations

from importlib.util import find_spec

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.corpus import Photo  # noqa: E402
from scened.models.training.features import Cache  # noqa: E402
from scened.models.training.tag_head import (  # noqa: E402
    TagSettings,
    choice_loss,
    gather_truth,
)
from scened.models.training.tags import load_tag_truth  # noqa: E402

TRUTH = load_tag_truth()
FLOWERS = {"daisy", "dandelion", "rose"}


def _photo(name: str, source: str, split: str = "train") -> Photo:
    record = {"file": name, "source": source, "split": split, "classes": [name]}
    return Photo("classes", record, b"")


def _rivals(photos: list[Photo], settings: TagSettings | None = None) -> list[set[str]]:
    cache = Cache(photos, np.zeros((1, len(photos), 2), np.float32))
    odds = torch.zeros(len(photos), len(TRUTH.names))
    known = gather_truth(cache, TRUTH, odds, {}, settings or TagSettings())
    return [{TRUTH.names[tag] for tag in row.nonzero().flatten()} for row in known.rivals]


def test_classes_of_a_source_are_rivals_and_what_they_share_is_not() -> None:
    photos = [_photo(name, "flowers5") for name in sorted(FLOWERS)]
    assert _rivals(photos) == [FLOWERS] * 3


def test_what_is_above_some_classes_is_no_rival_of_them() -> None:
    photos = [_photo(name, "intel_scenes") for name in ("forest", "mountain", "street")]
    assert all(rivals and "nature" not in rivals for rivals in _rivals(photos))


def test_photos_to_be_checked_with_tell_of_no_rivals() -> None:
    photos = [_photo("daisy", "flowers5"), _photo("rose", "flowers5", "val")]
    assert _rivals(photos) == [set(), set()]


def test_a_photo_of_a_source_with_many_classes_may_show_several() -> None:
    photos = [_photo(name, "flowers5") for name in sorted(FLOWERS)]
    assert _rivals(photos, msgspec.structs.replace(TagSettings(), most_rivals=2)) == [set()] * 3


def test_the_order_of_imagenets_tags_is_its_classifiers() -> None:
    photos = [_photo(name, "imagenet") for name in ("n01440764", "n01443537")]
    assert _rivals(photos) == [set()] * 2


PRESENT, RIVALS = torch.tensor([[1.0, 0, 0, 1]]), torch.tensor([[1.0, 1, 0, 0]])


def test_the_class_wants_to_be_above_its_rivals() -> None:
    above, below = (torch.tensor([[value, 0.0, 9.0, -9.0]]) for value in (2.0, -2.0))
    assert choice_loss(above, PRESENT, RIVALS) < choice_loss(below, PRESENT, RIVALS)


def test_what_is_there_together_does_not_compete() -> None:
    both, logits = torch.tensor([[1.0, 1, 0, 0]]), torch.tensor([[5.0, 5.0, -5.0, 0]])
    rivals = torch.tensor([[1.0, 1, 1, 0]])
    assert choice_loss(logits, both, rivals).item() == pytest.approx(0, abs=1e-3)


def test_other_tags_are_left_alone() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    choice_loss(logits, PRESENT, RIVALS).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 2:].tolist() == [0, 0]


def test_without_rivals_nothing_is_lost() -> None:
    logits = torch.randn(1, 4)
    assert choice_loss(logits, PRESENT, torch.zeros(1, 4)).item() == 0
