"""Legs of training that need no photos."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.training.backbone import EdgeTpu  # noqa: E402
from scened.models.training.face_head import load_face_head  # noqa: E402
from scened.models.training.network import FacePyramid  # noqa: E402
from scened.models.training.teacher import Check, load_backbone, load_part  # noqa: E402
from scened.models.training.train import average_legs  # noqa: E402

LEGS = ("one", "other")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two legs that ended with different weights; of one the face head was trained on."""
    check = Check(centre_crop=0.9, squashed_val=0.8)
    (tmp_path / "initial.json").write_bytes(msgspec.json.encode(check))
    for leg in LEGS:
        (tmp_path / leg).mkdir()
        backbone = EdgeTpu()
        parts = torch.nn.ModuleDict({"backbone": backbone, "faces": FacePyramid(backbone.channels)})
        torch.save(parts.state_dict(), tmp_path / leg / "trained.pt")
    alone = FacePyramid(EdgeTpu().channels).state_dict()
    torch.save(alone, tmp_path / LEGS[0] / "faces.pt")
    average_legs(tmp_path, tmp_path / "mean", LEGS)
    return tmp_path


def test_a_mean_leg_has_the_mean_backbone(work: Path) -> None:
    each = [load_part(work / leg, "backbone") for leg in LEGS]
    for name, weight in load_backbone(work, work / "mean").state_dict().items():
        assert torch.allclose(weight, (each[0][name] + each[1][name]) / 2, atol=1e-6)


def test_a_mean_leg_starts_from_the_face_heads_as_they_were_trained_last(work: Path) -> None:
    each = [load_face_head(work / leg).state_dict() for leg in LEGS]
    for name, weight in load_face_head(work / "mean").state_dict().items():
        assert torch.allclose(weight, (each[0][name] + each[1][name]) / 2, atol=1e-6)


def test_a_mean_leg_is_made_once(work: Path) -> None:
    (work / "mean" / "trained.pt").unlink()
    average_legs(work, work / "mean", LEGS)
    assert not (work / "mean" / "trained.pt").exists()
