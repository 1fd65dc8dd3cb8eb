"""A batch whose alerts have every kind of fate."""

from __future__ import annotations

import pytest

from broker.batch import Batch
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from tests.broker.streams import annotator, decoder, fusing, packets, pipeline, simulated


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two used alerts, one of them sent twice, and a packet nobody can read."""
    payloads = [a.payload for a in simulated()[:2]]
    return pipeline(MemoryStore()).annotate(packets([*payloads, payloads[0], b"poison"]))


@pytest.fixture(scope="module")
def fused_batch() -> Batch:
    """Alerts of a few stars, judged by a model that fuses."""
    line = Pipeline(decoder(), annotator(fusing()), MemoryStore())
    return line.annotate(packets([a.payload for a in simulated()[:150]]))
