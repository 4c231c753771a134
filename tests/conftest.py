"""What holds for every test."""

from __future__ import annotations

import os

# Some tests load onnxruntime before scened does
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
