"""Our cluster: the clients of both stages, by the names that last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from broker.settings.librdkafka import session_ms
from broker.stages.tools import Tools
from broker.state.partition_store import StoreIdentity
from broker.supervise.self_test import check_transactions
from broker.supervise.watchdog import Watchdog
from broker.transport.consumer.log_reader import LogReader
from broker.transport.consumer.own_group import OwnGroup
from broker.transport.kafka_client import Connection, make_admin
from broker.transport.photometry_source import topic_id
from broker.transport.topic_limits import topic_limits
from broker.transport.transaction import Transactions


class OurCluster:
    """What both stages need of the cluster of our topics; each client has a connection of its own."""

    def __init__(self, tools: Tools, watchdog: Watchdog) -> None:
        kafka, output = tools.config.kafka, tools.config.output
        self.group_id = kafka.group_id
        self.instance = tools.instance
        self.patience_s = kafka.patience_s
        self.settings = kafka.settings if output.settings is None else output.settings
        self._servers = output.bootstrap_servers or kafka.bootstrap_servers
        self._stop = tools.stop
        self._watchdog = watchdog

    def connection(self) -> Connection:
        """Return a connection of its own, for a client."""
        return Connection(self._servers, patience_s=self.patience_s, stop=self._stop)

    def group(self, stage: str, topic: str) -> OwnGroup:
        """Return our membership of the group of a stage."""
        return OwnGroup(
            self.connection(),
            self.settings,
            group_id=f"{self.group_id}-{stage}",
            instance=f"{self.group_id}-{stage}-{self.instance}",
            topic=topic,
        )

    def reader(self, stage: str, topic: str) -> LogReader:
        """Return what reads a compacted topic of a stage."""
        patience_s = self.patience_s + session_ms(self.settings) / 1000.0
        return LogReader(
            self.connection(),
            self.settings,
            topic,
            group_id=f"{self.group_id}-{stage}-restore",
            patience_s=patience_s,
        )

    def transactions(self, stage: str, topics: Sequence[str]) -> tuple[Transactions, dict[str, int]]:
        """Return a producer for a stage, that is known to do what it must, and the sizes of the topics."""
        connection = self.connection()
        transactions = Transactions(
            connection,
            self.settings,
            transactional_id=f"{self.group_id}-{stage}-{self.instance}",
            timeout_s=session_ms(self.settings) / 1000.0,
            watchdog=self._watchdog,
        )
        partitions = transactions.connect(topics)
        check_transactions(
            connection, self.settings, transactions, group_id=f"{self.group_id}-self-test", topic=topics[0]
        )
        return transactions, partitions

    def limits(self, topics: Sequence[str]) -> dict[str, int]:
        """Ask how large messages may be."""
        return topic_limits(self.connection(), self.settings, topics)

    def identity(self, photometry: str, changelog: str, n_partitions: int) -> tuple[StoreIdentity, str]:
        """Ask who the cluster is, and which topics its names stand for now."""
        connection = self.connection()
        admin = make_admin(connection, self.settings)
        cluster = connection.ask(lambda wait_s: admin.list_topics(timeout=wait_s).cluster_id)
        ids = {topic: connection.ask(partial(topic_id, admin, topic)) for topic in (photometry, changelog)}
        return StoreIdentity(str(cluster), ids[changelog], n_partitions), ids[photometry]
