"""What a photo shows: decoding, the network, and the process that runs both."""

import os

__all__: list[str] = []

# onnxruntime's builds (1.31.1, for one) report to their maker unless this is there as they load;
# its own disable_telemetry_events() comes too late
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
