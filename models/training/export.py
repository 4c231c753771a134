"""From torch to the pack's `image.onnx`: float export, then static int8 inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from torch import nn

from scened.models.pack import SHAPES

__all__ = ["OPSET", "export_float", "quantise"]

OPSET = 17
OUTPUTS = ("tags", "embedding", "face_boxes", "face_scores")
FREE = {
    "image": {1: "height", 2: "width"},
    "face_boxes": {0: "cells"},
    "face_scores": {0: "cells"},
}
PERCENTILE = 99.99  # of activations that fit into int8: the extremes cost all others precision
QUANTISED = ("Conv", "Gemm")  # additions stay float: see README

log = logging.getLogger(__name__)


class _Photos(CalibrationDataReader):
    """Hand photos, uint8 [1, H, W, 3], to the quantiser one by one."""

    def __init__(self, photos: Sequence[np.ndarray]) -> None:
        self._photos: Iterator[np.ndarray] = iter(photos)

    def get_next(self) -> dict[str, np.ndarray] | None:
        photo = next(self._photos, None)
        return None if photo is None else {"image": photo}


def export_float(network: nn.Module, path: Path, outputs: Sequence[str] = OUTPUTS) -> None:
    """Write a network as a float ONNX graph with free height and width, one file.

    `network` takes a picture, uint8 [1, H, W, 3].
    """
    network = network.eval().to(memory_format=torch.contiguous_format)
    example = torch.zeros((1, *SHAPES[1], 3), dtype=torch.uint8)
    torch.onnx.export(
        network,
        (example,),
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(outputs),
        dynamic_axes={name: axes for name, axes in FREE.items() if name in ("image", *outputs)},
    )
    _simplify(path)
    model = onnx.load(path)
    _merge_padding(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def quantise(source: Path, target: Path, photos: Sequence[np.ndarray]) -> None:
    """Write `source` with int8 weights and activations (QDQ, per channel), measured on `photos`.

    The photos are of one shape, which the quantiser's histograms ask for.

    The last face layer stays float (its distances are logarithms and want the precision), and
    so does the map from classes to tags, whose weights are stored as int8 all the same.
    """
    model = onnx.load(source)
    keep = [node.name for node in model.graph.node if "predict" in node.name]
    quantize_static(
        str(source),
        str(target),
        _Photos(photos),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(QUANTISED),
        nodes_to_exclude=keep,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": PERCENTILE},
    )
    quantised = onnx.load(target)
    _pack_binary_matrix(quantised.graph)
    onnx.checker.check_model(quantised)
    onnx.save(quantised, target)


def _simplify(path: Path) -> None:
    """Fold constants and drop what does nothing, with onnxruntime's basic passes."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _merge_padding(graph: onnx.GraphProto) -> None:
    """Write each constant Pad that only a Conv reads into the Conv's own `pads`."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        readers = [node for node in graph.node if pad.output[0] in node.input]
        if [node.op_type for node in readers] != ["Conv"]:
            continue
        (conv,) = readers
        _, _, top, left, _, _, bottom, right = (int(n) for n in constants[pad.input[1]])
        conv.input[0] = pad.input[0]
        for attribute in conv.attribute:
            if attribute.name == "pads":
                attribute.ints[:] = [top, left, bottom, right]
        graph.node.remove(pad)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _pack_binary_matrix(graph: onnx.GraphProto) -> None:
    """Store the zeros and ones that map classes to tags as int8 (a quarter of the bytes)."""
    for index, tensor in enumerate(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.ndim != 2 or values.dtype != np.float32 or not np.isin(values, (0, 1)).all():
            continue
        name = tensor.name
        graph.initializer[index].CopyFrom(
            numpy_helper.from_array(values.astype(np.int8), f"{name}_int8")
        )
        cast = onnx.helper.make_node(
            "Cast", [f"{name}_int8"], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT
        )
        graph.node.insert(0, cast)
