"""The only way to onnxruntime: it runs a graph, and sends nothing anywhere.

Builds of onnxruntime that report their use do so from their import on; they ask the environment alone
whether they may.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Read by onnxruntime when it is imported; its function `disable_telemetry_events` comes too late."""


def open_session(graph: Path) -> Any:
    """Load a graph, to be run on one thread; onnxruntime raises what it will if it cannot.

    Whoever has set ``ORT_DISABLE_TELEMETRY``, to 0 say, has decided; otherwise nothing is reported, by this
    process and those that it starts.
    """
    if not os.environ.get(NO_TELEMETRY):
        os.environ[NO_TELEMETRY] = "1"
    import onnxruntime  # noqa: PLC0415 - not before the environment is as it should be

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one worker a core; threads would also reorder sums
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
