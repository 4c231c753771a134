"""Run a pack's network on one picture at a time, in a single thread and in steady memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from scened.analysis.decode import Decoded
from scened.analysis.faces import Floats, find_faces
from scened.analysis.interpret import find_tags, quantise
from scened.analysis.pixels import Pixels
from scened.analysis.regions import (
    SMALL_FACE,
    WHOLE,
    Region,
    Seen,
    merge_faces,
    parts,
    small_face_regions,
    tiles,
)
from scened.errors import DamagedPack, UnreadablePhoto, UnsupportedFormat
from scened.findings import Findings
from scened.models.pack import EMBEDDING_DIMENSIONS, NETWORK_NAME, Pack
from scened.models.pack_check import check_network

__all__ = ["Network", "RawOutputs"]

ONLY_FATAL = 4  # onnxruntime's log level; what goes wrong is told by exceptions
UNIT_TOLERANCE = 0.02  # of the embedding's length
REMEDY = "use another pack"


@dataclass(frozen=True)
class RawOutputs:
    """What the network says of one picture, all float32.

    `tags` `[T]`, calibrated probabilities; `embedding` `[256]`, unit length; `face_boxes`
    `[N, 4]`, x, y, width, height as fractions; `face_scores` `[N]`, before non-maximum
    suppression.
    """

    tags: Floats
    embedding: Floats
    face_boxes: Floats
    face_scores: Floats


_OUTPUT_RANKS = {"tags": 1, "embedding": 1, "face_boxes": 2, "face_scores": 1}


class Network:
    """A pack's network, loaded and checked against the pack interface.

    Raises DamagedPack when the file is not a network that runs here, or keeps another interface.
    """

    def __init__(self, pack: Pack, threads: int = 1) -> None:
        self._pack = pack
        self._shapes = frozenset(pack.manifest.shapes)
        try:
            self._session = onnxruntime.InferenceSession(
                check_network(pack.folder / NETWORK_NAME, pack.manifest),
                _options(pack, threads),
                providers=["CPUExecutionProvider"],
            )
        except DamagedPack:
            raise
        except Exception as error:  # onnxruntime has many, with no common parent
            raise self._damaged(f"cannot be loaded: {_first_line(error)}") from error
        self._verify_signature()
        self._verify_answers()

    def findings(self, decoded: Decoded) -> Findings:
        """Return all that is found in one decoded photo. Raises as `look` does.

        Parts are looked at closer where small faces are likely; a panorama, which the shapes do
        not hold, is looked at in tiles besides.
        """
        manifest, metadata = self._pack.manifest, decoded.metadata
        size = metadata.width, metadata.height
        raw = self.look(decoded.pixels)
        first = Seen(WHOLE, raw.face_boxes, raw.face_scores)
        largest, tags = SMALL_FACE, raw.tags
        if regions := tiles(*size):
            largest = math.inf
        else:
            regions = small_face_regions(first, manifest.faces, *size)
        closer: list[Seen] = []
        for region, pixels in _parts(decoded, regions):
            part = self.look(pixels)
            closer.append(Seen(region, part.face_boxes, part.face_scores))
            if largest == math.inf:
                tags = np.maximum(tags, part.tags)
        boxes, scores = merge_faces(first, closer, *size, largest)
        return Findings(
            metadata=metadata,
            tags=find_tags(tags, manifest.labels),
            embedding=quantise(raw.embedding),
            faces=find_faces(boxes, scores, manifest.faces),
            sharpness=decoded.sharpness,
        )

    def look(self, pixels: Pixels) -> RawOutputs:
        """Return what the network says of uint8 `[H, W, 3]` RGB, (H, W) one of the pack's shapes.

        Raises ValueError for other pixels, DamagedPack when the answer breaks the interface.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"not uint8 [H, W, 3]: {pixels.dtype} {pixels.shape}")
        if pixels.shape[:2] not in self._shapes:
            raise ValueError(f"not one of the pack's shapes: {pixels.shape[:2]}")
        try:
            answers = self._session.run(list(_OUTPUT_RANKS), {"image": pixels[np.newaxis]})
        except Exception as error:  # onnxruntime has many, with no common parent
            raise self._damaged(f"failed: {_first_line(error)}") from error
        raw = RawOutputs(*answers)
        fault = _fault_in(raw, len(self._pack.manifest.labels))
        if fault:
            raise self._damaged(fault)
        return raw

    def _verify_signature(self) -> None:
        """Refuse other inputs and outputs than the interface names, as far as they are declared."""
        inputs = self._session.get_inputs()
        if [(i.name, i.type, len(i.shape)) for i in inputs] != [("image", "tensor(uint8)", 4)]:
            raise self._damaged("does not take one input `image`, uint8 [1, H, W, 3]")
        outputs = {output.name: output for output in self._session.get_outputs()}
        for name, rank in _OUTPUT_RANKS.items():
            output = outputs.get(name)
            if output is None or output.type != "tensor(float)" or len(output.shape) != rank:
                raise self._damaged(f"does not give `{name}` as floats in {rank} dimension(s)")

    def _verify_answers(self) -> None:
        """Refuse a network that declares the interface but fails on a picture of some shape."""
        for height, width in sorted(self._shapes):
            self.look(np.zeros((height, width, 3), dtype=np.uint8))

    def _damaged(self, what: str) -> DamagedPack:
        return DamagedPack(f"the network of the pack {self._pack.identity} {what}", REMEDY)


def _parts(decoded: Decoded, regions: Sequence[Region]) -> list[tuple[Region, Pixels]]:
    """Return regions of a photo with their pixels, none where no more of it can be decoded."""
    metadata = decoded.metadata
    try:
        return list(parts(regions, metadata.width, metadata.height, decoded.larger))
    except (UnreadablePhoto, UnsupportedFormat):
        return []  # what its first look found, from an embedded thumbnail, stands


def _options(pack: Pack, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = ONLY_FATAL
    # Measured over 500 pictures of mixed shapes: memory is level with the arena, which is 5 %
    # faster than without; patterns are kept per shape and gain nothing.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A network may name other files to read weights from, and without this they are looked for
    # in the working directory. This folder cannot be there, as the network itself is a file.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(pack.folder / NETWORK_NAME)
    )
    return options


def _fault_in(raw: RawOutputs, labels: int) -> str | None:
    """Return how an answer breaks the interface, or None."""
    expected = {
        "tags": (labels,),
        "embedding": (EMBEDDING_DIMENSIONS,),
        "face_boxes": (len(raw.face_scores), 4),
        "face_scores": (len(raw.face_scores),),
    }
    for name, shape in expected.items():
        answer = getattr(raw, name)
        if answer.shape != shape:
            return f"gives `{name}` as {list(answer.shape)}, not {list(shape)}"
        if not np.isfinite(answer).all():
            return f"gives numbers in `{name}` that are not finite"
    if abs(float(np.linalg.norm(raw.embedding)) - 1) > UNIT_TOLERANCE:
        return "gives an embedding that is not of unit length"
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
