"""From torch to the pack's `image.onnx`: float export, then static int8 inside."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
QUANTISED = ("Conv", "Gemm", "Relu")  # a Relu takes its Conv's range; additions: see README

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
    scaled = _scaled_input(model.graph)
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
        extra_options={
            "CalibPercentile": PERCENTILE,
            "TensorQuantOverrides": {scaled.name: [scaled.as_bytes()]} if scaled else {},
        },
    )
    quantised = onnx.load(target)
    if scaled:
        _take_bytes(quantised.graph, scaled)
    _pack_binary_matrix(quantised.graph)
    onnx.checker.check_model(quantised)
    onnx.save(quantised, target)


class _Scaled(NamedTuple):
    """The tensor that is the picture less `middle`, over `scale`: a byte is exact as int8 there."""

    name: str
    middle: float
    scale: float
    steps: tuple[str, ...]  # what computes it, by their outputs; the last one turns the axes

    def as_bytes(self) -> dict[str, object]:
        return {
            "quant_type": QuantType.QUInt8,
            "zero_point": np.array(self.middle, np.uint8),
            "scale": np.array(1 / self.scale, np.float32),
        }


def _scaled_input(graph: onnx.GraphProto) -> _Scaled | None:
    """Find the scaled picture, where one middle and scale hold for all of it and fit bytes."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    name, numbers, steps = graph.input[0].name, [], []
    for operator in ("Cast", "Sub", "Div", "Transpose"):
        (node,) = (node for node in graph.node if name in node.input)
        if node.op_type != operator:
            return None
        numbers += [constants[other] for other in node.input if other in constants]
        name = node.output[0]
        steps.append(name)
    if len(numbers) != 2 or any(number.size != 1 for number in numbers):
        return None
    middle, scale = (float(number.item()) for number in numbers)
    return _Scaled(name, middle, scale, tuple(steps)) if middle in range(256) else None


def _take_bytes(graph: onnx.GraphProto, scaled: _Scaled) -> None:
    """Leave out to scale the picture only to make the same bytes of it again."""
    *arithmetic, turned = scaled.steps
    (again,) = (n for n in graph.node if n.op_type == "QuantizeLinear" and turned in n.input)
    for node in graph.node:
        if node.output[0] == turned:
            node.input[0], node.output[0] = graph.input[0].name, again.output[0]
    graph.node.remove(again)
    for node in [node for node in graph.node if node.output[0] in arithmetic]:
        graph.node.remove(node)
    _drop_unused(graph)


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
    _drop_unused(graph)


def _drop_unused(graph: onnx.GraphProto) -> None:
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
