"""YuNet, the face detector that ours is measured against in the same run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from scened.models.training.features import session
from scened.models.training.views import BILINEAR

__all__ = ["YuNet"]

Array = npt.NDArray[np.float64]

STRIDES = (8, 16, 32)


class YuNet:
    """Faces by YuNet-n at a long side of one's choice, before suppression."""

    def __init__(self, teachers: Path) -> None:
        self.network = session(teachers / "yunet_n_dynamic.onnx")

    def prepare(self, picture: Image.Image, long_side: int) -> npt.NDArray[np.float32]:
        """Return the input: BGR float [1, 3, H, W], padded with black to multiples of 32."""
        scale = long_side / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
        padded[:height, :width] = np.asarray(picture.resize((width, height), BILINEAR))[..., ::-1]
        return np.ascontiguousarray(padded.transpose(2, 0, 1)[None])

    def __call__(self, picture: Image.Image, long_side: int) -> tuple[Array, Array]:
        """Return boxes [N, 4] (x, y, width, height, fractions of the picture) and scores [N]."""
        image = self.prepare(picture, long_side)
        scale = np.array(picture.size * 2) * long_side / max(picture.size)
        names = [output.name for output in self.network.get_outputs()]
        answers = dict(zip(names, self.network.run(None, {"input": image}), strict=True))
        boxes, scores = [], []
        for stride in STRIDES:
            rows, columns = image.shape[2] // stride, image.shape[3] // stride
            y, x = np.divmod(np.arange(rows * columns), columns)
            raw = answers[f"bbox_{stride}"][0].astype(np.float64)
            centre = (raw[:, :2] + np.stack([x, y], axis=1)) * stride
            size = np.exp(raw[:, 2:]) * stride
            boxes.append(np.concatenate([centre - size / 2, size], axis=1) / scale)
            face, anything = answers[f"cls_{stride}"][0, :, 0], answers[f"obj_{stride}"][0, :, 0]
            scores.append(np.sqrt(face * anything))
        return np.concatenate(boxes), np.concatenate(scores).astype(np.float64)
