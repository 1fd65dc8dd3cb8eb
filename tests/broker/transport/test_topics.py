"""Our topics on a cluster that cannot do what exactly once takes: librdkafka's own, in this process."""

from __future__ import annotations

import pytest

from broker.errors import ConfigError
from broker.settings.clusters import TopicsConfig
from broker.supervise.self_test import check_transactions
from broker.supervise.watchdog import Watchdog
from broker.transport.kafka_client import Connection
from broker.transport.topics import plans
from broker.transport.transaction import Transactions
from tests.broker.streams import PATIENCE_S


def test_a_broker_that_forgets_offsets_of_transactions_is_refused_with_what_works(kafka):
    """It takes them and says that all went well: nothing else would tell."""
    connection = Connection(kafka, patience_s=PATIENCE_S)
    transactions = Transactions(connection, {}, transactional_id="probe", timeout_s=10.0, watchdog=Watchdog())
    transactions.connect(["alerts"])
    try:
        with pytest.raises(ConfigError, match=r'worker\.delivery = "at_least_once" works without'):
            check_transactions(connection, {}, transactions, group_id="probe", topic="alerts")
    finally:
        transactions.close()


def test_light_curves_and_positions_are_compacted_and_photometry_is_kept():
    by_name = {plan.name: plan for plan in plans(TopicsConfig(), 8)}
    for name in ("changelog", "positions"):
        assert by_name[name].needed == {"cleanup.policy": "compact"}
        assert by_name[name].n_partitions == 8
    assert by_name["photometry"].settings["retention.ms"] == "-1"
    assert by_name["photometry"].n_partitions == 8
    assert by_name["classifications"].n_partitions is None
