"""A few kills of worker and broker in a row, where delivery is at least once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.chaos import Chaos, compare
from tests.kafka.real_broker import RealBroker


def test_what_is_missing_different_unexpected_or_repeated_is_told() -> None:
    quiet = {b"one": [{"p": 0.5}], b"two": [{"p": 0.25}], b"three": [{"p": 0.125}]}
    published = {b"one": [{"p": 0.5}, {"p": 0.5}], b"two": [{"p": 0.25}, {"p": 0.75}], b"four": [{"p": 1.0}]}
    found = compare(published, quiet)
    assert (found.missing, found.different, found.unexpected) == ([b"three"], [b"two"], [b"four"])
    assert (found.expected, found.repeated) == (3, 2)
    assert not found.is_right
    assert compare(quiet, quiet).is_right


@pytest.mark.kafka
@pytest.mark.long
@pytest.mark.timeout(900)
def test_kills_of_worker_and_broker_lose_and_change_nothing(broker: RealBroker, tmp_path: Path) -> None:
    outcome = Chaos(broker, tmp_path, seed=1).run(600, kills=3, broker_kills=1, away_s=())
    assert outcome.is_right, outcome
    assert (outcome.kills, outcome.broker_kills) == (3, 1)
    assert outcome.annotations.expected > 400
    assert outcome.dead_letters.expected == 6
