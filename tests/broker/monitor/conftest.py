"""A batch whose alerts have every kind of fate."""

from __future__ import annotations

import pytest

from broker.pipeline import Batch
from broker.state.store import MemoryStore
from tests.broker.streams import packets, pipeline, simulated


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two used alerts, one of them sent twice, and a packet nobody can read."""
    payloads = [a.payload for a in simulated()[:2]]
    return pipeline(MemoryStore()).process(packets([*payloads, payloads[0], b"poison"]))
