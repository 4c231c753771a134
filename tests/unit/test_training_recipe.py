"""What the recipe of a leg is on a device."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.recipe import LARGER, LEGS, Settings  # noqa: E402


def test_a_processor_follows_the_recipe() -> None:
    settings = LEGS["mosaic"]
    assert settings.on(torch.device("cpu")) == settings


def test_a_graphics_processor_takes_larger_steps_at_higher_rates() -> None:
    settings = Settings(minutes=1, backbone_rate=1e-4).on(torch.device("cuda"))
    assert settings.batch == Settings(minutes=1).batch.times(LARGER)
    assert settings.backbone_rate == pytest.approx(1e-4 * LARGER**0.5)
