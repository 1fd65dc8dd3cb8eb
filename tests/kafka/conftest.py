"""One real broker for all tests here."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.streams import PATIENCE_S
from tests.kafka.real_broker import RealBroker
from tests.kafka.worker_process import Stage


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBroker]:
    broker = RealBroker(tmp_path_factory.mktemp("kafka"))
    run = broker.script("start", "--wait", f"{PATIENCE_S:g}")
    if run.returncode == os.EX_UNAVAILABLE:
        pytest.skip(f"no real broker here: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    yield broker
    run = broker.script("stop", "--wait", f"{PATIENCE_S:g}")
    assert "SIGTERM" in run.stdout, run.stdout + run.stderr


@pytest.fixture
def broker(_started: RealBroker) -> RealBroker:
    """A running broker; a test may kill it."""
    _started.start()
    return _started


@pytest.fixture
def new_topic(broker: RealBroker) -> Callable[..., str]:
    """Make a topic that no other test uses."""

    def make(what: str, *, partitions: int = 4) -> str:
        name = f"{what}-{uuid.uuid4().hex[:8]}"
        broker.create_topics(name, partitions=partitions)
        return name

    return make


@pytest.fixture
def stage(broker: RealBroker, new_topic: Callable[..., str], tmp_path: Path) -> Stage:
    """Topics of its own for a worker, and a folder for what it keeps."""
    return Stage(
        broker, tmp_path, new_topic("alerts"), new_topic("classifications"), new_topic("dead-letters")
    )
