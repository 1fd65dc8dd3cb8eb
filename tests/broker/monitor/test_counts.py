from __future__ import annotations

from broker.monitor.counts import Counts


def test_counts_add_up_and_name_their_reasons(batch):
    counts = Counts()
    counts.add(batch)
    counts.add(batch)
    assert counts.alerts_in == 8
    assert counts.as_json()["alerts_skipped"] == {"duplicate": 2}
    assert counts.as_json()["alerts_dead"] == {"bad_magic": 2}
    assert counts.alerts_used == 4
    assert str(counts).startswith("8 alerts in = 4 used + 2 (duplicate 2) skipped + 2 (bad_magic 2) dead;")
