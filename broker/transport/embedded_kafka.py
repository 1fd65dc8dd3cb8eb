"""A Kafka that lives in this process: librdkafka's mock cluster, for the demo and for tests.

It keeps 5 MiB and 100,000 batches per partition and silently drops the oldest beyond, makes every topic that
is asked for with four partitions, and accepts transactions without honouring them: not for data that matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from confluent_kafka import Producer

_ANSWER_S = 60.0  # it is here: only a machine that is at its limits takes its time


class EmbeddedBroker:
    """A broker on a free port of the loopback interface, gone with the ``with`` block.

    Attributes
    ----------
    bootstrap_servers : str
        Its address.
    """

    RETAINED_BYTES = 5 * 2**20
    PARTITIONS = 4

    def __enter__(self) -> EmbeddedBroker:
        """Start it."""
        self._host = Producer({"test.mock.num.brokers": 1, "log_level": 2})
        brokers = self._host.list_topics(timeout=_ANSWER_S).brokers.values()
        self.bootstrap_servers = ",".join(f"{b.host}:{b.port}" for b in brokers)
        return self

    def make_topics(self, names: Iterable[str]) -> None:
        """Make topics before anybody writes to them."""
        for name in names:
            self._host.list_topics(name, timeout=_ANSWER_S)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        del self._host
