"""What a step of training is shown."""

from __future__ import annotations

import io
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.batches import BatchSettings, Sampler  # noqa: E402
from scened.models.training.corpus import Photo, held_out  # noqa: E402

GENERAL = ("captions", "classes", "multilabel", "faces")
SETTINGS = BatchSettings(photos=3, mixed=2, faces=4, faces_large=0, face_free=0, mosaics=0.5)


def test_mixed_pictures_follow_the_photos_that_have_places() -> None:
    batch = _sampler().batch(0)
    assert len(batch.places) == 3
    assert batch.clean.shape == batch.photos.shape == (5, 224, 224, 3)
    assert torch.equal(batch.clean[3:], batch.photos[3:])


def test_a_batch_depends_on_its_number_alone() -> None:
    first, second = _sampler(), _sampler()
    first.batch(0)
    assert torch.equal(first.batch(1).photos, second.batch(1).photos)
    assert torch.equal(first.batch(1).face_photos, second.batch(1).face_photos)


def test_only_photos_to_train_on_are_drawn() -> None:
    photos = _photos()
    sampler = _sampler()
    drawn = {place for number in range(20) for place in sampler.batch(number).places.tolist()}
    assert drawn
    assert all(photos[place].split == "train" and not held_out(photos[place]) for place in drawn)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_captioned_photos_are_drawn_by_the_share_asked_for(share: float) -> None:
    photos = _photos()
    settings = BatchSettings(photos=8, captioned=share, faces=1, faces_large=0, face_free=0)
    places = _sampler(settings).batch(0).places.tolist()
    assert all((photos[place].folder == "captions") == bool(share) for place in places)


def test_a_mosaic_has_more_faces_than_a_photo() -> None:
    plain, mosaics = (
        BatchSettings(faces=6, faces_large=0, face_free=0, mosaics=share) for share in (0.0, 1.0)
    )
    counts = [
        int((_sampler(settings).batch(0).faces.heat >= 1).sum()) for settings in (plain, mosaics)
    ]
    assert counts[0] <= 6 < counts[1]


def test_a_larger_step_is_shown_as_much_more_of_each() -> None:
    batch = _sampler(SETTINGS.times(3)).batch(0)
    assert len(batch.places) == 9
    assert len(batch.photos) == 15
    assert len(batch.face_photos) == 12


def _sampler(settings: BatchSettings = SETTINGS) -> Sampler:
    photos = _photos()
    return Sampler(photos, [p for p in photos if p.folder == "faces"], {}, 1, settings)


def _photos() -> list[Photo]:
    random = np.random.default_rng(0)
    return [
        Photo(
            folder,
            {
                "file": f"{number}.webp",
                "split": "val" if number % 4 == 0 else "train",
                "source": f"source{number % 2}",
                "faces": [[0.4, 0.4, 0.2, 0.2]],
            },
            _encoded(random),
        )
        for folder in GENERAL
        for number in range(12)
    ]


def _encoded(random: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (240, 320, 3), np.uint8)).save(stream, "WEBP")
    return stream.getvalue()
