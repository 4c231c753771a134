"""The initial network: MobileNet-EdgeTPU's published weights, loaded and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch
from PIL import Image, ImageOps

from scened.models.training.backbone import (
    DEFAULT,
    Backbone,
    EdgeTpu,
    UnfitBackbone,
    new_backbone,
    with_weights,
)
from scened.models.training.command_line import data_and_work
from scened.models.training.corpus import Photo, load_photos

__all__ = [
    "Check",
    "imagenet_index",
    "load_backbone",
    "load_check",
    "load_initial",
    "load_part",
    "load_trained",
    "make_teacher",
    "squashed_batch",
]

WEIGHTS = "mobilenet_edgetpu_224_1.0_uint8.tflite"
SIDE = 224  # px
BATCH = 32
BILINEAR = Image.Resampling.BILINEAR
LEAST_OF_OTHERS = 0.4  # of a network's weights that someone brings: less is another's
LEAST_ACCURACY = 0.79  # of the ImageNet samples; the TFLite file itself has .81 to .82

log = logging.getLogger(__name__)


class Check(msgspec.Struct, frozen=True):
    """What the initial network is, and its top-1 accuracy on the ImageNet samples (224x224)."""

    centre_crop: float
    squashed_val: float
    backbone: str = DEFAULT
    weights: str = WEIGHTS


def load_initial(work: Path) -> Backbone:
    """Return the initial network, frozen, as the teacher stage saved it."""
    return _frozen(work, torch.load(work / "initial.pt", weights_only=True))


def load_backbone(work: Path, leg: Path) -> Backbone:
    """Return the backbone as a leg left it, frozen."""
    return _frozen(work, load_part(leg, "backbone"))


def load_trained(leg: Path) -> dict[str, torch.Tensor]:
    """Return a leg's weights: names start with `backbone.`, `faces.` or `heads.`."""
    weights: dict[str, torch.Tensor] = torch.load(leg / "trained.pt", weights_only=True)
    return weights


def load_part(leg: Path, part: str) -> dict[str, torch.Tensor]:
    """Return the weights of `backbone`, `faces` or `heads` as a leg left them."""
    start = f"{part}."
    return {
        name.removeprefix(start): weight
        for name, weight in load_trained(leg).items()
        if name.startswith(start)
    }


def load_check(work: Path) -> Check:
    """Return what the teacher stage noted of the initial network."""
    return msgspec.json.decode((work / "initial.json").read_bytes(), type=Check)


def make_teacher(data: Path, work: Path, name: str = DEFAULT, weights: Path | None = None) -> None:
    """Load the weights, check them on the ImageNet samples, and save them.

    `weights` is a file for timm's network `name`; without, MobileNet-EdgeTPU's are converted
    from TFLite. Raises UnfitBackbone where they are clearly not those of the network, or where
    the work folder was begun with another one.
    """
    if (work / "initial.json").exists():
        begun = load_check(work)
        if begun.backbone != name:
            raise UnfitBackbone(f"{work} was begun with {begun.backbone}: choose another --work")
        log.info("teacher: done already")
        return
    if weights is not None:
        backbone = with_weights(name, weights)
    elif name == DEFAULT:
        backbone = _converted(data / "teachers" / WEIGHTS)
    else:
        raise UnfitBackbone(f"the weights of {name} are wanted too: --weights FILE")
    backbone.eval()
    samples = [p for p in load_photos(work, ("classes",)) if p.source == "imagenet"]
    val = [p for p in samples if p.split == "val"]
    index = imagenet_index(data)
    check = Check(
        centre_crop=_accuracy(backbone, samples, _centre_crops, index),
        squashed_val=_accuracy(backbone, val, squashed_batch, index),
        backbone=name,
        weights=weights.name if weights else WEIGHTS,
    )
    log.info("teacher: %s", check)
    if check.centre_crop < (LEAST_ACCURACY if weights is None else LEAST_OF_OTHERS):
        raise UnfitBackbone(
            f"{check.weights}: right on only {check.centre_crop:.3f} of ImageNet's samples"
        )
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


def _frozen(work: Path, weights: dict[str, torch.Tensor]) -> Backbone:
    backbone = new_backbone(load_check(work).backbone)
    backbone.load_state_dict(weights)
    backbone.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return backbone


def _accuracy(
    backbone: Backbone,
    photos: list[Photo],
    batch: Callable[[list[Photo]], torch.Tensor],
    index: dict[str, int],
) -> float:
    answers = []
    for start in range(0, len(photos), BATCH):
        pictures = batch(photos[start : start + BATCH])
        with torch.inference_mode():
            answers.append(backbone.classify(backbone(pictures).pooled).argmax(1) - 1)
    truth = [index[photo.record["classes"][0]] for photo in photos]
    return float((torch.cat(answers).numpy() == np.array(truth)).mean())


def _converted(path: Path) -> EdgeTpu:
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
    backbone = EdgeTpu()
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
