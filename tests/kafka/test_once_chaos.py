"""A few kills of workers that annotate exactly once, and of their broker; ``make long`` has many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.__main__ import main
from tests.chaos.proof import MUST_BE_ZERO
from tests.kafka.real_broker import RealBroker


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_missing_doubled_or_different_after_kills(broker: RealBroker, tmp_path: Path) -> None:
    """`broker` is there to skip where none can be started; chaos has one of its own."""
    assert broker.state
    told = tmp_path / "proof.json"
    words = ["--alerts", "900", "--workers", "2", "--worker-kills", "5", "--broker-kills", "1"]
    code = main([*words, "--json", str(told)])
    proof = json.loads(told.read_text())
    assert {name: proof[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    assert code == 0
    assert proof["accepted"] > 800
    assert proof["dead_expected"] > 0
    assert proof["annotated"] > 500
    assert (proof["worker_kills"], proof["broker_kills"]) == (5, 1)
