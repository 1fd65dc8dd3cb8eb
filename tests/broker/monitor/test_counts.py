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


def test_records_of_stars_are_counted_among_all_and_by_themselves(fused_batch):
    counts = Counts()
    counts.add(fused_batch)
    records = [a.record for a in fused_batch.annotations]
    stars = [record for record in records if record["band"] == "all"]
    labelled, of_stars = (sum(record["label"] is not None for record in each) for each in (records, stars))
    assert (counts.annotations, counts.fused) == (len(records), len(stars))
    assert (counts.labelled, counts.fused_labelled) == (labelled, of_stars)
    assert 0 < of_stars < len(stars) < len(records)
    assert str(counts).endswith(f"of these {len(stars)} of all bands together, {of_stars} with a label")


def test_where_there_are_none_they_are_not_spoken_of(batch):
    counts = Counts()
    counts.add(batch)
    assert counts.as_json()["fused"] == counts.as_json()["fused_labelled"] == 0
    assert "together" not in str(counts)
