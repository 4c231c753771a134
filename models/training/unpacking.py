"""Take up training where a pack left off: its int8 weights, as the last leg's in float.

Quantising them again gives the same weights. So heads can be fitted anew, to more tags say,
without the hours of the legs.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from scened.models.pack import MANIFEST_NAME, NETWORK_NAME, open_pack
from scened.models.training.command_line import sha256_of
from scened.models.training.recipe import LAST_LEG

__all__ = ["ForeignRecord", "network_weights", "take_up"]

QUANTISED = "_quantized"  # ends the name of what was quantised
CLASSES = "tags.classes"
OF_FLOAT = (  # see `export.quantise`
    "tags.evidence",
    *(f"faces.predict_{what}.{of}" for what in ("score", "box") for of in ("weight", "bias")),
)

log = logging.getLogger(__name__)


class ForeignRecord(ValueError):
    """The training record is not that of the pack."""


def take_up(pack: Path, record: Path, work: Path) -> None:
    """Write `work`/LAST_LEG as if the legs had been trained here, from a pack and its record.

    Raises ForeignRecord, and what `open_pack` raises.
    """
    leg = work / LAST_LEG
    if (leg / "trained.json").exists():
        log.info("unpacking: done already")
        return
    digest = open_pack(pack).manifest.training_record
    if not record.exists() or sha256_of(record) != digest:
        raise ForeignRecord(f"{record} does not tell how {pack} was trained")
    leg.mkdir(parents=True, exist_ok=True)
    parts = ("backbone.", "faces.")
    weights = network_weights(pack / NETWORK_NAME)
    kept = {name: weight for name, weight in weights.items() if name.startswith(parts)}
    torch.save(kept, leg / "trained.pt")
    told = json.loads(record.read_text())
    before = {name: told[name] for name in ("legs", "face_heads")}
    pack_digest = sha256_of(pack / MANIFEST_NAME)
    (leg / "trained.json").write_text(json.dumps({"taken_up": pack_digest, **before}))


def network_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a pack's network in float, by the names they have in `Product`."""
    graph = onnx.load(path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {name: values for name, values in stored.items() if name in OF_FLOAT}
    found[CLASSES] = stored[f"{CLASSES}_int8"].astype(np.float32)
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0].endswith(QUANTISED):
            values, scale, middle = (stored[name] for name in node.input)
            each = (-1, *[1] * (values.ndim - 1))  # output channels come first
            name = node.input[0].removesuffix(QUANTISED)
            steps = values.astype(np.int64) - middle.astype(np.int64).reshape(each)
            found[name] = (steps * scale.astype(np.float64).reshape(each)).astype(np.float32)
    return {name: torch.from_numpy(values.copy()) for name, values in found.items()}
