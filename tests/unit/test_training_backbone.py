"""A pack can be made on any of timm's networks that has the maps our heads want."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.pack import NETWORK_NAME, default_pack_folder, open_pack  # noqa: E402
from scened.models.pack_check import check_network  # noqa: E402
from scened.models.training.backbone import (  # noqa: E402
    DEFAULT,
    EdgeTpu,
    Timm,
    UnfitBackbone,
    new_backbone,
    with_weights,
)
from scened.models.training.export import export_float, quantise  # noqa: E402
from scened.models.training.network import STRIDE  # noqa: E402
from scened.models.training.product import Product  # noqa: E402

TAGS = 7
KINDS = ("resnet18", "mobilenetv3_small_100", "convnext_atto", "mobilenetv4_conv_small")


def noise(height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(height)
    return random.integers(0, 255, (1, height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", [DEFAULT, *KINDS])
def test_maps_have_the_strides_and_channels_the_heads_are_built_for(name: str) -> None:
    backbone = new_backbone(name).eval()
    with torch.inference_mode():
        *maps, pooled = backbone(torch.from_numpy(noise(64, 96)))
    assert [tuple(each.shape) for each in maps] == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(backbone.channels, (4, 8, 16, 32), strict=True)
    ]
    assert pooled.shape == (1, backbone.features)


def test_a_network_of_a_thousand_classes_never_sees_background() -> None:
    backbone = Timm("resnet18")
    with torch.inference_mode():
        probabilities = backbone.classify(torch.randn(3, backbone.features)).softmax(dim=1)
    assert probabilities.shape == (3, 1001)
    assert float(probabilities[:, 0].max()) < 1e-6


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "no_such_network"])
def test_a_network_that_cannot_carry_the_heads_is_refused(name: str) -> None:
    with pytest.raises(UnfitBackbone, match=name):
        new_backbone(name)


def test_statistics_of_norms_stay_while_it_learns() -> None:
    backbone = Timm("resnet18").train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(torch.from_numpy(noise(64, 64)))
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    theirs = Timm("resnet18").model
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    ours = with_weights("resnet18", tmp_path / "resnet18.pth")
    assert torch.equal(ours.model.fc.weight, theirs.fc.weight)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(Timm("mobilenetv3_small_100").model.state_dict(), tmp_path / "other.pth")
    with pytest.raises(UnfitBackbone, match=r"other\.pth does not hold the weights of resnet18"):
        with_weights("resnet18", tmp_path / "other.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the exporter for free heights
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:Constant folding")
@pytest.mark.parametrize("name", KINDS)
def test_the_daemon_takes_a_quantised_network_on_it(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    classes = (torch.rand(1001, TAGS) < 0.01).float()
    product = Product(new_backbone(name), classes)
    export_float(product, tmp_path / "float.onnx")
    quantise(tmp_path / "float.onnx", tmp_path / NETWORK_NAME, [noise(256, 320)] * 2)
    digest = hashlib.sha256((tmp_path / NETWORK_NAME).read_bytes()).hexdigest()
    manifest = open_pack(default_pack_folder()).manifest
    manifest = msgspec.structs.replace(manifest, files={NETWORK_NAME: digest})
    network = onnxruntime.InferenceSession(check_network(tmp_path / NETWORK_NAME, manifest))
    for height, width in ((256, 320), (320, 192)):
        tags, embedding, boxes, scores = network.run(None, {"image": noise(height, width)})
        cells = height * width // STRIDE**2
        assert (tags.shape, embedding.shape) == ((TAGS,), (256,))
        assert (boxes.shape, scores.shape) == ((cells, 4), (cells,))
        assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-3)


def test_ours_is_the_one_without_norms() -> None:
    backbone = new_backbone()
    assert isinstance(backbone, EdgeTpu)
    assert not [name for name, _ in backbone.named_buffers()]
