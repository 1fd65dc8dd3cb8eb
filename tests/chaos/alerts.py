"""Alerts as a rough survey sends them: repeated, late, unreadable, withdrawn and measured again."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import fastavro
import numpy as np
from numpy.random import Generator

from broker.simulator.defects import Defects, spoil
from broker.simulator.stream import alert_stream
from tests.broker.streams import SCHEMAS

ALERTS_PER_OBJECT = 80  # at least, of the simulated sky
DEFECTS = Defects(duplicate=0.05, late=0.05, truncated=0.004, random=0.003, empty=0.003)
WITHDRAWN, JUDGED_AGAIN = 0.02, 0.05  # of the alerts of the survey that can say so
_HEAD_BYTES = 5
_SCHEMA_ID = 1100


def rough_alerts(n: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many alerts: the object, and what the survey would send."""
    rng = np.random.default_rng(seed)
    sky = alert_stream(n_objects=max(8, n // ALERTS_PER_OBJECT), seed=seed)
    for alert in islice(spoil(sky, DEFECTS, seed=seed), n):
        payload = alert.payload
        if alert.survey == "lsst" and alert.defect is None:
            payload = _measured_again(payload, rng)
        yield alert.object_id, payload


def _measured_again(payload: bytes, rng: Generator) -> bytes:
    """Some alerts take an earlier detection back, or judge forced photometry again."""
    dice = rng.random()
    if dice > WITHDRAWN + JUDGED_AGAIN:
        return payload
    record: Any = fastavro.schemaless_reader(io.BytesIO(payload[_HEAD_BYTES:]), _schema(), None)
    rows = record["prvDiaSources"] if dice < WITHDRAWN else record["prvDiaForcedSources"]
    if not rows:
        return payload
    row = rows[int(rng.integers(len(rows)))]
    if dice < WITHDRAWN:
        row["timeWithdrawnMjdTai"] = row["midpointMjdTai"] + 1.0
    else:
        row["scienceFlux"] *= float(rng.uniform(0.7, 1.3))
    out = io.BytesIO()
    out.write(struct.pack(">bi", 0, _SCHEMA_ID))
    fastavro.schemaless_writer(out, _schema(), record)
    return out.getvalue()


@cache
def _schema() -> Any:
    return fastavro.parse_schema(json.loads((SCHEMAS / f"{_SCHEMA_ID}.avsc").read_text()))
