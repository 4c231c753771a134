"""How the network is made: vocabulary, data, training, quantising, evaluating."""

import os

__all__: list[str] = []

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is loaded; see scened.analysis
