"""A pack's network, taken up for more training."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
if find_spec("timm") is None:
    pytest.skip("training needs the extra `train`", allow_module_level=True)

from scened.models.pack import NETWORK_NAME, SHAPES, default_pack_folder  # noqa: E402
from scened.models.training.backbone import EdgeTpu  # noqa: E402
from scened.models.training.export import export_float, quantise  # noqa: E402
from scened.models.training.features import session  # noqa: E402
from scened.models.training.product import Outputs, Product  # noqa: E402
from scened.models.training.recipe import LAST_LEG  # noqa: E402
from scened.models.training.teacher import load_part  # noqa: E402
from scened.models.training.unpacking import (  # noqa: E402
    ForeignRecord,
    network_weights,
    take_up,
)
from tests.photos import photo  # noqa: E402

PACK = default_pack_folder()
RECORD = Path(__file__).parents[2] / "models" / "training" / "records" / "everyday-1.json"


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return network_weights(PACK / NETWORK_NAME)


@pytest.fixture(scope="module")
def product(weights: dict[str, torch.Tensor]) -> Product:
    """The shipped network in float. Fails where a weight is missing or one too many."""
    product = Product(EdgeTpu(), weights["tags.classes"])
    product.load_state_dict(weights)
    return product.eval()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    height, width = SHAPES[4]
    return np.array(photo(size=(width, height)))[None]


def test_it_sees_in_float_what_the_pack_sees(product: Product, picture: np.ndarray) -> None:
    shipped = session(PACK / NETWORK_NAME).run(["embedding"], {"image": picture})[0]
    with torch.inference_mode():
        seen: Outputs = product(torch.from_numpy(picture))
    assert float(seen.embedding @ torch.from_numpy(shipped)) > 0.97


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the exporter for free heights
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:Constant folding")
def test_quantised_again_its_weights_are_the_same(
    weights: dict[str, torch.Tensor], product: Product, picture: np.ndarray, tmp_path: Path
) -> None:
    export_float(product, tmp_path / "float.onnx")
    quantise(tmp_path / "float.onnx", tmp_path / "again.onnx", [picture])
    again = network_weights(tmp_path / "again.onnx")
    apart = {
        name: float((again[name] - weight).abs().max())
        for name, weight in weights.items()
        if name.endswith("weight")
    }
    assert max(apart.values()) < 1e-6


def test_it_stands_where_the_last_leg_would(
    weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    take_up(PACK, RECORD, tmp_path)
    backbone = load_part(tmp_path / LAST_LEG, "backbone")
    assert torch.equal(backbone["stem.0.weight"], weights["backbone.stem.0.weight"])


def test_how_it_was_trained_is_still_told(tmp_path: Path) -> None:
    take_up(PACK, RECORD, tmp_path)
    told = json.loads((tmp_path / LAST_LEG / "trained.json").read_text())
    assert told["legs"] == json.loads(RECORD.read_text())["legs"]


def test_a_record_of_another_pack_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    with pytest.raises(ForeignRecord, match="does not tell how"):
        take_up(PACK, other, tmp_path)
