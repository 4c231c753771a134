"""The initial network: MobileNet-EdgeTPU's published weights, loaded and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch
from PIL import Image, ImageOps

from scened.models.training.command_line import data_and_work
from scened.models.training.corpus import Photo, load_photos
from scened.models.training.network import Backbone, normalise

__all__ = ["Check", "imagenet_index", "load_initial", "make_teacher", "squashed_batch"]

WEIGHTS = "mobilenet_edgetpu_224_1.0_uint8.tflite"
SIDE = 224  # px
BATCH = 32
BILINEAR = Image.Resampling.BILINEAR
LEAST_ACCURACY = 0.79  # of the ImageNet samples; the TFLite file itself has .81 to .82

log = logging.getLogger(__name__)


class Check(msgspec.Struct, frozen=True):
    """Top-1 accuracy of the initial network on the ImageNet samples (224x224)."""

    centre_crop: float
    squashed_val: float


def load_initial(work: Path) -> Backbone:
    """Return the initial network, frozen, as the teacher stage saved it."""
    backbone = Backbone()
    backbone.load_state_dict(torch.load(work / "initial.pt", weights_only=True))
    backbone.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return backbone


def make_teacher(data: Path, work: Path) -> None:
    """Convert the TFLite weights, check them on the ImageNet samples, and save them.

    Raises ValueError where the converted network is clearly not the published one.
    """
    if (work / "initial.json").exists():
        log.info("teacher: done already")
        return
    backbone = _converted(data / "teachers" / WEIGHTS).eval()
    samples = [p for p in load_photos(work, ("classes",)) if p.source == "imagenet"]
    val = [p for p in samples if p.split == "val"]
    index = imagenet_index(data)
    check = Check(
        centre_crop=_accuracy(backbone, samples, _centre_crops, index),
        squashed_val=_accuracy(backbone, val, squashed_batch, index),
    )
    log.info("teacher: %s", check)
    if check.centre_crop < LEAST_ACCURACY:
        raise ValueError(f"the initial network is right on only {check.centre_crop:.3f}")
    torch.save(backbone.state_dict(), work / "initial.pt")
    (work / "initial.json").write_bytes(msgspec.json.encode(check))


def imagenet_index(data: Path) -> dict[str, int]:
    """Return each ImageNet class's place (0 to 999) by its WordNet number."""
    lines = (data / "teachers" / "imagenet_classes.csv").read_text().splitlines()[1:]
    return {line.split(",")[1]: int(line.split(",")[0]) for line in lines}


def squashed_batch(photos: list[Photo], height: int = SIDE, width: int = SIDE) -> torch.Tensor:
    """Decode photos to one size, whatever their aspect: uint8 [B, H, W, 3]."""
    pictures = [np.asarray(p.open().resize((width, height), BILINEAR)) for p in photos]
    return torch.from_numpy(np.stack(pictures))


def _centre_crops(photos: list[Photo]) -> torch.Tensor:
    crops = [ImageOps.fit(photo.open(), (SIDE, SIDE), BILINEAR) for photo in photos]
    return torch.from_numpy(np.stack([np.asarray(crop) for crop in crops]))


def _accuracy(
    backbone: Backbone,
    photos: list[Photo],
    batch: Callable[[list[Photo]], torch.Tensor],
    index: dict[str, int],
) -> float:
    answers = []
    for start in range(0, len(photos), BATCH):
        pictures = normalise(batch(photos[start : start + BATCH]))
        with torch.inference_mode():
            answers.append(backbone.classifier(backbone(pictures).pooled).argmax(1) - 1)
    truth = [index[photo.record["classes"][0]] for photo in photos]
    return float((torch.cat(answers).numpy() == np.array(truth)).mean())


def _converted(path: Path) -> Backbone:
    """Copy the tensors one for one, in the order of computation, dequantised."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}

    def real(index: int) -> torch.Tensor:
        parameters = details[index]["quantization_parameters"]
        raw = interpreter.get_tensor(index).astype(np.float32)
        return torch.from_numpy((raw - parameters["zero_points"][0]) * parameters["scales"][0])

    operators = [
        operator
        for operator in interpreter._get_ops_details()  # there is no public way
        if operator["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]
    backbone = Backbone()
    layers = [*backbone.convolutions(), backbone.classifier]
    for layer, operator in zip(layers, operators, strict=True):
        _, weight, bias = (int(index) for index in operator["inputs"])
        if operator["op_name"] == "DEPTHWISE_CONV_2D":
            value = real(weight).permute(3, 0, 1, 2)
        else:
            value = real(weight).permute(0, 3, 1, 2)
        layer.weight.data.copy_(value.reshape(layer.weight.shape))
        layer.bias.data.copy_(real(bias))
    return backbone


def main() -> None:
    """Make the initial network from the command line."""
    make_teacher(*data_and_work(__doc__))


if __name__ == "__main__":
    main()
