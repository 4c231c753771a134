"""The embedding head: what it is shown, and what its runs end in."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training import embedding_head  # noqa: E402
from scened.models.training.corpus import Photo  # noqa: E402
from scened.models.training.embedding_head import EmbeddingSettings, train_embedding  # noqa: E402
from scened.models.training.features import Cache  # noqa: E402
from scened.models.training.sayings import Sayings  # noqa: E402

PHOTOS, FEATURES, PIECES, WORDS = 12, 6, 30, 4
LEFT_OUT = torch.arange(PHOTOS) < 3
SETTINGS = EmbeddingSettings(steps=3, captioned=8, named=0, others=0)


@pytest.fixture(autouse=True)
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_head, "start_vectors", lambda: torch.randn(PIECES, 8))


def test_photos_left_out_and_those_of_val_are_not_shown() -> None:
    cache, said = _photos()
    cache.pooled[:, :3] = np.nan  # left out
    cache.pooled[:, -2:] = np.nan  # of val
    head = train_embedding(cache, said, SETTINGS, LEFT_OUT)
    assert all(weights.isfinite().all() for weights in head.photo.parameters())


def test_the_mean_of_runs_is_not_that_of_one() -> None:
    one, two = (
        train_embedding(*_photos(), EmbeddingSettings(steps=3, captioned=8, runs=runs))
        for runs in (1, 2)
    )
    assert [len(head.curves) for head in (one, two)] == [1, 2]
    assert not torch.equal(one.photo.direct.weight, two.photo.direct.weight)


def test_training_is_repeatable() -> None:
    first, second = (train_embedding(*_photos(), SETTINGS) for _ in range(2))
    assert torch.equal(first.photo.direct.weight, second.photo.direct.weight)
    assert torch.equal(first.text.vectors.weight, second.text.vectors.weight)


def _photos() -> tuple[Cache, Sayings]:
    random = np.random.default_rng(1)
    photos = [
        Photo("captions", {"file": str(n), "split": split, "captions": ["one"]}, b"")
        for n, split in enumerate(["train"] * (PHOTOS - 2) + ["val"] * 2)
    ]
    pooled = random.normal(size=(2, PHOTOS, FEATURES)).astype(np.float32)
    pieces = torch.from_numpy(random.integers(1, PIECES, (PHOTOS, 5, WORDS)))
    tags = torch.full((PHOTOS, 5, 2), -1)
    return Cache(photos=photos, pooled=pooled), Sayings(pieces, tags, torch.zeros(PHOTOS, 1) > 0)
