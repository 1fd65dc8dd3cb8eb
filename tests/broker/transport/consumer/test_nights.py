from __future__ import annotations

from datetime import UTC, datetime

from broker.transport.consumer.nights import resolve_topics


def test_more_nights_can_be_read():
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert resolve_topics(["n{utc_date}"], now, nights=3) == ["n20260227", "n20260228", "n20260301"]


def test_a_dated_topic_stands_for_last_night_and_tonight():
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert resolve_topics(["ztf_{utc_date}_programid1", "other"], now) == [
        "ztf_20260228_programid1",
        "ztf_20260301_programid1",
        "other",
    ]
