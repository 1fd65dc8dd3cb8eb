"""Streams that are spoiled on purpose."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Origin, Packet
from broker.errors import AlertError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import open_registry
from broker.simulator.defects import DAMAGE, Defects, spoil
from broker.simulator.stream import alert_stream

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "simulator"


@cache
def stream():
    return tuple(alert_stream(n_objects=6, seed=4))


def test_a_stream_without_defects_passes_unchanged():
    assert tuple(spoil(stream(), Defects(), seed=1)) == stream()


@settings(max_examples=30, deadline=None)
@given(
    duplicate=st.floats(0.0, 0.3),
    late=st.floats(0.0, 0.3),
    truncated=st.floats(0.0, 0.3),
    lag=st.integers(1, 40),
    seed=st.integers(0, 2**32),
)
def test_every_alert_arrives_once_but_duplicates_twice_and_damaged_ones_not(
    duplicate, late, truncated, lag, seed
):
    defects = Defects(duplicate=duplicate, late=late, truncated=truncated, lag=lag)
    spoiled = list(spoil(stream(), defects, seed=seed))
    damaged = sum(alert.defect == "truncated" for alert in spoiled)
    sent = Counter(alert.payload for alert in stream())
    arrived = Counter(alert.payload for alert in spoiled if alert.defect != "truncated")
    again = Counter(alert.payload for alert in spoiled if alert.defect == "duplicate")
    assert sum((sent - arrived).values()) == damaged
    assert arrived - sent == again


def test_duplicates_and_late_alerts_are_not_far_from_their_place():
    spoiled = list(spoil(stream(), Defects(duplicate=0.1, late=0.1, lag=5), seed=2))
    seen = [alert.payload for alert in spoiled]
    for place, alert in enumerate(spoiled):
        if alert.defect == "duplicate":
            assert 0 < place - seen.index(alert.payload) <= 20
    youngest = 0.0
    overtaken = {None: 0, "late": 0, "duplicate": 0}
    for alert in spoiled:
        overtaken[alert.defect] += alert.mjd < youngest
        youngest = max(youngest, alert.mjd)
    assert overtaken["late"] > 10
    assert overtaken[None] == 0


@pytest.mark.parametrize("defect", DAMAGE)
def test_damaged_packets_are_refused_by_the_decoder(defect):
    decoder = Decoder(open_registry(str(SCHEMAS)), VettingRules())
    for alert in spoil(stream()[:400], Defects(**{defect: 1.0}), seed=3):
        assert alert.defect == defect
        with pytest.raises(AlertError):
            decoder.read(Packet(alert.payload, Origin()))


def test_fractions_are_kept():
    counts = Counter(a.defect for a in spoil(stream(), Defects(random=0.2, empty=0.1), seed=5))
    for defect, fraction in (("random", 0.2), ("empty", 0.1)):
        four_sigma = 4.0 * (fraction * (1.0 - fraction) / len(stream())) ** 0.5
        assert counts[defect] / len(stream()) == pytest.approx(fraction, abs=four_sigma)


def test_fractions_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sum <= 1"):
        Defects(late=0.7, empty=0.7)
    with pytest.raises(ValueError, match="lag must be"):
        Defects(lag=0)
