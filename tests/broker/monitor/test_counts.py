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
    first, *_ = str(counts).splitlines()
    assert first == "8 alerts in = 4 used + 2 skipped (duplicate 2) + 2 unreadable (bad_magic 2)"


def test_records_of_stars_are_counted_among_all_and_by_themselves(fused_batch):
    counts = Counts()
    counts.add(fused_batch)
    records = [a.record for a in fused_batch.annotations]
    stars = [record for record in records if record["band"] == "all"]
    labelled, of_stars = (sum(record["label"] is not None for record in each) for each in (records, stars))
    assert (counts.annotations, counts.fused) == (len(records), len(stars))
    assert (counts.labelled, counts.fused_labelled) == (labelled, of_stars)
    assert 0 < of_stars < len(stars) < len(records)
    _, kinds, why = str(counts).splitlines()
    bands = f"{len(records) - len(stars)} of single bands ({labelled - of_stars} with a class)"
    of_all = f"{len(stars)} of all bands of a star ({of_stars} with a class)"
    assert kinds == f"{len(records)} annotations out = {bands} + {of_all}"
    assert why.startswith("no class is given where")


def test_where_there_are_none_they_are_not_spoken_of(batch):
    counts = Counts()
    counts.add(batch)
    assert counts.as_json()["fused"] == counts.as_json()["fused_labelled"] == 0
    assert "star" not in str(counts)
    assert str(Counts(alerts_in=1, alerts_used=1, annotations=3, labelled=3)).splitlines() == [
        "1 alerts in = 1 used + 0 skipped + 0 unreadable",
        "3 annotations out, 3 with a class",
    ]


def test_where_there_are_no_others_bands_are_not_spoken_of():
    counts = Counts(annotations=3, labelled=1, fused=3, fused_labelled=1)
    assert str(counts).splitlines()[1] == "3 annotations out = 3 of all bands of a star (1 with a class)"
