"""A Kafka, decoders of the small alerts in `packets`, property tests that a slow machine does not fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from broker.alert import Alert, Skipped
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.transport.embedded_kafka import EmbeddedBroker
from tests.broker import packets

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

Read = Callable[..., Alert | Skipped]


@pytest.fixture
def kafka() -> Iterator[str]:
    """Address of a Kafka in this process."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture
def read_ztf() -> Read:
    """Decode a ZTF alert given as a dictionary, under rules given by name."""

    def read(alert: dict[str, Any], schema: Any = packets.ZTF_SCHEMA, **rules: Any) -> Alert | Skipped:
        decoder = Decoder(None, VettingRules(**rules))
        return decoder.read(packets.packet(packets.container(alert, schema=schema)))

    return read


@pytest.fixture
def read_lsst() -> Read:
    """Decode an LSST alert given as a dictionary, under rules given by name."""

    def read(alert: dict[str, Any], schema: Any = packets.LSST_SCHEMA, **rules: Any) -> Alert | Skipped:
        decoder = Decoder(packets.Schemas({1100: schema}), VettingRules(**rules))
        return decoder.read(packets.packet(packets.confluent(alert, schema)))

    return read
