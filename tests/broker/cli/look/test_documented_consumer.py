"""The consumer in the documentation: it runs, and takes every annotation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

PAGE = Path(__file__).resolve().parents[4] / "docs" / "exactly-once.md"


class EnoughError(Exception):
    """All that was sent has been read."""


def test_the_consumer_of_the_documentation_takes_what_it_says_and_commits(kafka, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert 'isolation.level": "read_committed"' in code
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    for number, (label, probability) in enumerate([("RRL_ab", 0.95), ("RRL_ab", 0.5), (None, 0.2)]):
        record = {
            "object_id": f"star{number}",
            "label": label,
            "probability": probability,
            "features": {"period": 0.5},
        }
        producer.produce("classifications", json.dumps(record).encode())
    producer.flush()
    committed = []

    class Watched(Consumer):
        def commit(self, **more):
            super().commit(**more)
            committed.extend(self.position(self.assignment()))
            if sum(place.offset for place in committed if place.offset > 0) >= 3:
                raise EnoughError

    code = code.replace("localhost:9092", kafka).replace("from confluent_kafka import Consumer\n", "")
    with pytest.raises(EnoughError):
        exec(compile(code, str(PAGE), "exec"), {"Consumer": Watched})
    assert capsys.readouterr().out == "star0 0.5\n"
