"""How long one look takes, beside what it replaces, all on one thread and in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime

from scened.models.training.metrics import Figure

__all__ = ["speed_figures"]

ROUNDS = 40
WARM_UP = 3

Run = Callable[[], object]


def speed_figures(
    network: onnxruntime.InferenceSession,
    backbone: onnxruntime.InferenceSession,
    yunet: onnxruntime.InferenceSession,
) -> list[Figure]:
    """Return milliseconds of a forward at 320x256, and its ratios; medians of interleaved rounds.

    `backbone` is the quantised backbone alone: at 320x256 what the heads add is seen; at 224x224,
    once for tags and once for an embedding, with YuNet at 640, it is what one look replaces (the
    initial network has the same layers).
    """
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 255, (1, 320, 256, 3)).astype(np.uint8)
    square = rng.integers(0, 255, (1, 224, 224, 3)).astype(np.uint8)
    face = rng.integers(0, 255, (1, 3, 640, 512)).astype(np.float32)
    ours, alone, small, faces = _medians(
        [
            lambda: network.run(None, {"image": wide}),
            lambda: backbone.run(None, {"image": wide}),
            lambda: backbone.run(None, {"image": square}),
            lambda: yunet.run(None, {"input": face}),
        ]
    )
    separate = 2 * small + faces
    return [
        Figure(
            "one forward at 320x256, one thread, ms",
            ROUNDS,
            ours,
            reference=alone,
            reference_name="backbone alone",
        ),
        Figure("... over the backbone alone", ROUNDS, ours / alone),
        Figure("... over two backbones at 224 and YuNet at 640", ROUNDS, ours / separate),
    ]


def _medians(runs: Sequence[Run]) -> list[float]:
    times: list[list[float]] = [[] for _ in runs]
    for round_number in range(ROUNDS + WARM_UP):
        for run, own in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            if round_number >= WARM_UP:
                own.append((time.perf_counter() - started) * 1e3)
    return [float(np.median(own)) for own in times]
