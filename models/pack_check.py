"""Look through a pack's network before anything runs it: what it may do, and what it may read.

A network is a program from elsewhere. It is read here with the `protobuf` library, which
onnxruntime brings along anyway, and a description of just those parts of the ONNX format that
matter for the verdict: `onnx` itself is ten times the size and is needed only for training.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from scened.errors import DamagedPack
from scened.models.pack import Manifest, read_bounded

__all__ = ["ALLOWED_OPERATORS", "check_network"]

MAXIMUM_NODES = 4_000
MAXIMUM_TENSOR_ELEMENTS = 16 * 1024 * 1024  # of one constant
REMEDY = "use another pack"

# What a network of ours is made of, on any backbone. All of these compute from what they are
# given: none loops, branches, reads a file or calls anything.
ALLOWED_OPERATORS = frozenset(
    {
        "Abs",
        "Add",
        "AveragePool",
        "Cast",
        "Clip",
        "Concat",
        "Constant",
        "Conv",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
        "Erf",
        "Exp",
        "Expand",
        "Flatten",
        "Gather",
        "Gemm",
        "GlobalAveragePool",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LayerNormalization",
        "Log",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mul",
        "Pad",
        "Pow",
        "QuantizeLinear",
        "Range",
        "ReduceL2",
        "ReduceMax",
        "ReduceMean",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
    }
)
STANDARD_DOMAINS = ("", "ai.onnx")

_FIELD = descriptor_pb2.FieldDescriptorProto
_INTEGER, _TEXT, _BYTES = _FIELD.TYPE_INT64, _FIELD.TYPE_BYTES, _FIELD.TYPE_BYTES

# Field name -> (number, kind or message, repeated). Texts are taken as bytes: they need not be
# UTF-8. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_MESSAGES: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "Model": {"graph": (7, "Graph", False), "functions": (25, _BYTES, True)},
    "Graph": {
        "node": (1, "Node", True),
        "initializer": (5, "Tensor", True),
        "sparse_initializer": (15, _BYTES, True),
    },
    "Node": {
        "op_type": (4, _TEXT, False),
        "attribute": (5, "Attribute", True),
        "domain": (7, _TEXT, False),
    },
    "Attribute": {
        "tensor": (5, "Tensor", False),
        "graph": (6, _BYTES, False),
        "tensors": (10, "Tensor", True),
        "graphs": (11, _BYTES, True),
        "sparse_tensor": (22, _BYTES, False),
        "sparse_tensors": (23, _BYTES, True),
    },
    "Tensor": {
        "dims": (1, _INTEGER, True),
        "external_data": (13, _BYTES, True),
        "data_location": (14, _INTEGER, False),
    },
}


def check_network(path: Path, manifest: Manifest) -> bytes:
    """Return the bytes of a pack's network, once they are found to be harmless.

    Harmless is a plain file of the size and digest the manifest promises, that holds one graph
    of at most MAXIMUM_NODES nodes, all of them ALLOWED_OPERATORS of the standard domain, with
    all constants inside and of bounded size. Raises DamagedPack with what is not so. Whether it
    keeps the pack interface is seen when it is loaded.
    """
    data = read_bounded(path)
    if hashlib.sha256(data).hexdigest() != manifest.files.get(path.name):
        raise DamagedPack(
            f"{path.name} in the pack {manifest.name}-{manifest.version} is damaged", REMEDY
        )
    fault = _fault(data)
    if fault:
        raise DamagedPack(
            f"the network of the pack {manifest.name}-{manifest.version} {fault}", REMEDY
        )
    return data


def _fault(data: bytes) -> str | None:
    """Return why a network is not to be run, or None."""
    try:
        model = _model_class()()
        model.ParseFromString(data)
    except message.DecodeError:
        return "cannot be loaded: it is no ONNX file"
    if not model.graph.node:
        return "cannot be loaded: it has no nodes"
    if len(model.graph.node) > MAXIMUM_NODES:
        return f"has {len(model.graph.node):,} nodes, more than {MAXIMUM_NODES:,}"
    if model.functions:
        return "defines operators of its own, which is not allowed"
    if model.graph.sparse_initializer:
        return "has sparse constants, which are not allowed"
    for node in model.graph.node:
        fault = _fault_of_node(node)
        if fault:
            return fault
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location:
            return "keeps its weights in another file, which is not allowed (External data)"
        if any(size < 0 for size in tensor.dims) or math.prod(tensor.dims) > (
            MAXIMUM_TENSOR_ELEMENTS
        ):
            return f"has a constant of shape {list(tensor.dims)}, which is too large"
    return None


def _fault_of_node(node: Any) -> str | None:
    operator = node.op_type.decode("utf-8", "replace")
    domain = node.domain.decode("utf-8", "replace")
    if domain not in STANDARD_DOMAINS:
        return f"uses the operator {operator!r} of {domain!r}, which is not allowed"
    if operator not in ALLOWED_OPERATORS:
        return f"uses the operator {operator!r}, which is not allowed"
    if any(
        each.graph or each.graphs or each.sparse_tensor or each.sparse_tensors
        for each in node.attribute
    ):
        return f"hides a graph in its operator {operator!r}, which is not allowed"
    return None


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("tensor"):
                yield attribute.tensor
            yield from attribute.tensors


@functools.cache
def _model_class() -> type[Any]:
    """Make the class that reads a model, of the fields above; all others are passed over."""
    file = descriptor_pb2.FileDescriptorProto(
        name="scened/network.proto", package="scened", syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field_name, (number, kind, repeated) in fields.items():
            field = described.field.add(
                name=field_name,
                number=number,
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            if isinstance(kind, str):
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".scened.{kind}"
            else:
                field.type = kind  # type: ignore[assignment]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("scened.Model"))
