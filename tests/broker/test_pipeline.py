from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Origin, Packet
from broker.classify.classifier import Classifier
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.pipeline import Pipeline
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from features import FEATURE_NAMES, MAX_EPOCHS, MIN_POINTS
from tests.broker.epochs import alert, epoch, forced_epoch
from tests.broker.streams import Scripted, annotator, classifier, packets, pipeline, simulated, timeless


def process(payloads, splits=(), store=None):
    """Annotations of a stream cut into batches at `splits`, every batch committed before the next."""
    store = store or MemoryStore()
    line, annotations, outcome = pipeline(store), [], Counter()
    messages = packets(payloads)
    edges = [0, *sorted(splits), len(messages)]
    for start, stop in itertools.pairwise(edges):
        batch = line.annotate(messages[start:stop])
        store.commit(batch.curves, batch.offsets)
        annotations += batch.annotations
        outcome += Counter(used=batch.used, skipped=batch.skipped.total(), dead=len(batch.dead_letters))
    return annotations, outcome


@pytest.fixture(scope="module")
def stream():
    return [a.payload for a in simulated()][:400]


@pytest.fixture(scope="module")
def whole(stream):
    return process(stream)


def test_every_alert_is_used_skipped_or_dead(stream, whole):
    assert whole[1].total() == len(stream)
    assert whole[1]["used"] > 0.9 * len(stream)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_split_into_batches_gives_the_same_records(data, stream, whole):
    splits = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert timeless(process(stream, splits)[0]) == timeless(whole[0])


def test_the_sqlite_store_gives_the_same_records_as_memory(stream, whole, tmp_path):
    store = SQLiteStore(tmp_path / "state.sqlite")
    assert timeless(process(stream, range(0, len(stream), 7), store)[0]) == timeless(whole[0])
    store.close()


def test_a_repeated_stream_is_all_duplicates(stream):
    store = MemoryStore()
    process(stream, store=store)
    annotations, outcome = process(stream, store=store)
    assert annotations == []
    assert outcome["used"] == 0


def test_records_say_what_their_light_curve_was(whole):
    per_band = Counter()
    for annotation in whole[0]:
        record = annotation.record
        assert annotation.key == f"{record['survey']}:{record['object_id']}"
        per_band[annotation.key, record["band"]] += 1
        assert record["n_epochs"] >= per_band[annotation.key, record["band"]]
        assert (record["probabilities"] is None) == (
            record["n_epochs"] < classifier().min_epochs or "DEGENERATE" in record["status"]
        )
        if record["probabilities"] is None:
            assert record["label"] is record["probability"] is record["reliability"] is None
        else:
            p = record["probabilities"]
            assert sum(p.values()) == pytest.approx(1, abs=1e-5)
            assert record["probability"] == max(share for name, share in p.items() if name != "OTHER")
            if record["label"] is None:
                assert "ABSTAINED" in record["status"]
            else:
                assert p[record["label"]] == record["probability"]
            assert tuple(p) == classifier().manifest.classes
        assert tuple(record["features"]) == FEATURE_NAMES
        assert ("TOO_FEW" in record["status"]) == (record["n_epochs"] < MIN_POINTS)
        json.dumps(record, allow_nan=False)


def test_ids_are_unique_and_the_same_in_every_run(stream, whole):
    ids = [a.id for a in whole[0]]
    assert len(set(ids)) == len(ids)
    assert ids == [a.id for a in process(stream, [50])[0]]


def test_without_annotating_the_unscored_only_scored_records_come_out(stream):
    store = MemoryStore()
    rules = Decoder(None, VettingRules())
    ztf = [p for p in packets(stream) if p.payload.startswith(b"Obj")]
    scored = Pipeline(rules, annotator(annotate_unscored=False), store).annotate(ztf)
    everything = Pipeline(rules, annotator(), MemoryStore()).annotate(ztf)
    assert timeless(scored.annotations) == timeless(
        [a for a in everything.annotations if a.record["probabilities"] is not None]
    )


def test_min_epochs_can_be_raised(stream):
    strict = Classifier(classifier()._artifact, min_epochs=25)
    batch = Pipeline(Decoder(None, VettingRules()), annotator(strict), MemoryStore()).annotate(
        [p for p in packets(stream) if p.payload.startswith(b"Obj")]
    )
    lengths = {a.record["n_epochs"] for a in batch.annotations if a.record["probabilities"] is not None}
    assert min(lengths) == 25
    short = [a.record for a in batch.annotations if a.record["n_epochs"] < 25]
    assert all("BELOW_MIN_EPOCHS" in record["status"] for record in short)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"hello", "bad_magic"),
        (b"\x00\x00\x00\x04\x4c", "truncated"),
        (b"\x00\x00\x00\x00\x09abc", "unknown_schema_id"),
    ],
)
def test_a_poisonous_packet_is_a_dead_letter_and_its_neighbours_are_used(stream, payload, reason):
    batch = pipeline(MemoryStore()).annotate(packets([stream[0], payload, stream[1]]))
    assert batch.used == 2
    (letter,) = batch.dead_letters
    assert letter.reason == reason
    assert letter.packet.origin == Origin(topic="alerts", partition=0, offset=1)
    assert batch.offsets == {("alerts", 0): 3}


def test_a_mistake_in_the_decoder_is_a_dead_letter_too(stream, caplog):
    class Broken(Decoder):
        def read(self, packet: Packet):
            raise ZeroDivisionError("a mistake of ours")

    batch = Pipeline(Broken(None, VettingRules()), annotator(), MemoryStore()).annotate(packets(stream[:1]))
    assert [letter.reason for letter in batch.dead_letters] == ["internal_error"]
    assert "a mistake of ours" in caplog.text


def test_a_withdrawn_detection_leaves_with_a_record_and_is_skipped_where_it_was_never_held():
    withdrawal = alert(epoch(2), withdrawn=np.array([2]))
    script = [alert(epoch(1)), alert(epoch(2)), withdrawal, withdrawal]
    batch = Pipeline(Scripted(*script), annotator(), MemoryStore()).annotate(packets([b""] * 4))
    assert [a.record["n_epochs"] for a in batch.annotations] == [1, 2, 1]
    assert batch.used == 3
    assert batch.skipped == {"withdrawn": 1}


def test_a_withdrawal_that_comes_before_its_detection_is_kept_across_batches():
    withdrawal = alert(epoch(2), withdrawn=np.array([2]))
    store = MemoryStore()
    line = Pipeline(Scripted(withdrawal, alert(epoch(2)), alert(epoch(3), epoch(2))), annotator(), store)
    outcome = []
    for number in range(3):
        batch = line.annotate(packets([b""] * 3)[number : number + 1])
        store.commit(batch.curves, batch.offsets)
        outcome.append((dict(batch.skipped), [a.record["n_epochs"] for a in batch.annotations]))
    assert outcome == [({"withdrawn": 1}, []), ({"duplicate": 1}, []), ({}, [1])]


def test_a_back_filled_band_gets_a_record_of_its_own():
    first = alert(epoch(3, band="g"), epoch(1, band="r"), epoch(2, band="r"))
    batch = Pipeline(Scripted(first), annotator(), MemoryStore()).annotate(packets([b""]))
    assert [(a.record["band"], a.record["n_epochs"]) for a in batch.annotations] == [("g", 1), ("r", 2)]
    assert {a.record["source_id"] for a in batch.annotations} == {"3"}


def test_a_record_counts_the_epochs_that_were_used():
    """Of sixty, fifty-one are plates from before the longest baseline; nine are too few for the model."""
    old, new = range(1, 52), range(40_000, 40_090, 10)
    *history, trigger = [epoch(number, mag=15.0 + number % 7 / 10) for number in (*old, *new)]
    batch = Pipeline(Scripted(alert(trigger, *history)), annotator(), MemoryStore()).annotate(packets([b""]))
    (record,) = (a.record for a in batch.annotations)
    assert (record["n_epochs"], record["baseline_d"]) == (9, 80.0)
    assert record["status"][-1] == "BELOW_MIN_EPOCHS"
    assert "BASELINE_CAPPED" in record["status"]
    assert record["probabilities"] is record["label"] is record["reliability"] is None


def test_of_more_epochs_than_the_limit_the_newest_are_scored():
    n = MAX_EPOCHS + 500
    rng = np.random.default_rng(0)
    mjd = 59_000.0 + np.arange(n) * 0.03
    mags = 15.0 + 0.3 * np.sin(2 * np.pi * mjd / 0.61) + rng.normal(0.0, 0.02, n)
    rows = np.concatenate([epoch(1)] * n)
    rows["source_id"] = rows["exposure"] = np.arange(1, n + 1)
    rows["mjd"], rows["mag"] = mjd, mags
    records = []
    for start in (0, 500):
        script = Scripted(alert(rows[-1:], rows[start:-1]))
        batch = Pipeline(script, annotator(), MemoryStore()).annotate(packets([b""]))
        records += [a.record for a in batch.annotations]
    capped, newest = records
    assert {*capped["status"]} == {*newest["status"], "EPOCHS_CAPPED"}
    assert capped["n_epochs"] == newest["n_epochs"] == MAX_EPOCHS
    for name in ("baseline_d", "label", "probabilities", "features", "reliability"):
        assert capped[name] == newest[name]


def forced_run(*script, store=None):
    """What became of scripted alerts, a batch each."""
    store = store or MemoryStore()
    line = Pipeline(Scripted(*script), annotator(), store)
    made = []
    for message in packets([b""] * len(script)):
        batch = line.annotate([message])
        store.commit(batch.curves, batch.offsets)
        records = [(a.record["band"], a.record["n_epochs"]) for a in batch.annotations]
        made.append((batch.used, dict(batch.skipped), records))
    return made, store


def test_forced_photometry_counts_as_epochs_and_a_repeated_alert_is_a_duplicate():
    one = alert(epoch(9), forced=[forced_epoch(3), forced_epoch(4, band="r")])
    made, _ = forced_run(one, one)
    assert made == [(1, {}, [("g", 2), ("r", 1)]), (0, {"duplicate": 1}, [])]


def test_an_alert_that_was_held_and_brings_forced_photometry_is_used():
    made, _ = forced_run(
        alert(epoch(10), epoch(9)), alert(epoch(9), forced=[forced_epoch(3)]), alert(epoch(9))
    )
    assert made == [(1, {}, [("g", 2)]), (1, {}, [("g", 3)]), (0, {"duplicate": 1}, [])]


def test_forced_photometry_of_another_band_that_is_measured_again_is_stored_and_not_published():
    def one(source_id, mag, offset):
        return alert(epoch(source_id), forced=[forced_epoch(3, band="r", mag=mag, offset=offset)])

    made, store = forced_run(one(9, 15.0, 20), one(10, 15.5, 10), one(10, 15.7, 5))
    assert made == [(1, {}, [("g", 1), ("r", 1)]), (1, {}, [("g", 2)]), (0, {"duplicate": 1}, [])]
    (curve,) = store.curves.values()
    assert curve.epochs["mag"][curve.epochs["band"] == b"r"].tolist() == [np.float32(15.7)]


def test_an_annotation_sees_the_forced_photometry_of_packets_up_to_its_own():
    """And no later one is taken back: what a packet re-measures is in the records from then on."""
    script = [
        alert(epoch(9), forced=[forced_epoch(3, mag=15.0, offset=20)]),
        alert(epoch(10)),
        alert(epoch(11), forced=[forced_epoch(3, mag=16.0, offset=5), forced_epoch(4)]),
    ]
    made, _ = forced_run(*script)
    assert [records for _, _, records in made] == [[("g", 2)], [("g", 3)], [("g", 5)]]
    together = Pipeline(Scripted(*script), annotator(), MemoryStore()).annotate(packets([b""] * 3))
    assert [(a.record["band"], a.record["n_epochs"]) for a in together.annotations] == [
        ("g", 2),
        ("g", 3),
        ("g", 5),
    ]


def test_a_batch_says_where_its_objects_are_by_the_latest_detection():
    script = [replace(alert(epoch(n)), ra=10.0 + n) for n in (9, 11, 10)]
    batch = Pipeline(Scripted(*script), annotator(), MemoryStore()).annotate(packets([b""] * 3))
    assert batch.places == {"ztf:star": (59_011.0, 21.0, 20.0)}
