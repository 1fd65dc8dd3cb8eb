"""The record as a subscriber reads it: labels, abstentions, and what reliability to expect."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import replace

import fastavro
import pytest

from broker.classify.annotation import avro_file, encoder, headers
from broker.classify.classifier import Classifier
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from schemas.classification import classification_schema
from schemas.model.artifact import Artifact
from tests.broker.streams import classifier, decoder, packets, reliability_bin, simulated, timeless

BINS = (reliability_bin(10, 14), reliability_bin(15, 24, accuracy=0.7), reliability_bin(25, None))
PUBLISHED = {"n_epochs_min", "n_epochs_max", "accuracy", "mc", "calibration_error"}


def annotations(**stated):
    """Annotations of a short stream by the shipped model, had its manifest stated this."""
    artifact = classifier()._artifact
    manifest = replace(artifact.manifest, **({"reliability": (), "abstain_below": 0.0} | stated))
    model = Classifier(Artifact(manifest, artifact._session))
    return Pipeline(decoder(), model, MemoryStore()).process(packets(PAYLOADS)).annotations


PAYLOADS = [alert.payload for alert in simulated()][:400]


@pytest.fixture(scope="module")
def plain():
    return annotations()


@pytest.fixture(scope="module")
def stating():
    return annotations(reliability=BINS)


@pytest.fixture(scope="module")
def middle(plain):
    """A probability that some records reach as exactly as they say it, and others do not."""
    published = sorted(a.record["probability"] for a in plain if a.record["probability"] is not None)
    assert published[0] < published[len(published) // 2] < published[-1]
    return published[len(published) // 2]


def without_reliability():
    """The schema as it was in version 1.0, which had no such field."""
    schema = copy.deepcopy(classification_schema())
    schema["fields"] = [each for each in schema["fields"] if each["name"] != "reliability"]
    return schema


def read_one(message, reader_schema=None):
    (record,) = fastavro.reader(io.BytesIO(message), reader_schema=reader_schema)
    return record


def test_a_scored_record_says_how_reliable_a_label_is_after_so_many_epochs(stating):
    seen = set()
    for annotation in stating:
        record = annotation.record
        held = [each for each in BINS if each["n_epochs_min"] <= record["n_epochs"]]
        if record["probabilities"] is None:
            assert record["reliability"] is None
        else:
            assert record["reliability"] == {name: held[-1][name] for name in PUBLISHED}
            seen.add(record["reliability"]["n_epochs_min"])
    assert seen == {10, 15, 25}


def test_where_the_model_states_nothing_nothing_is_said(plain):
    assert {a.record["reliability"] for a in plain} == {None}


def test_fewer_epochs_than_the_first_bin_are_scored_without_a_statement():
    later = annotations(reliability=BINS[2:])
    early = [a.record for a in later if a.record["probabilities"] and a.record["n_epochs"] < 25]
    assert early
    assert all(record["reliability"] is None for record in early)


def test_stating_a_reliability_changes_nothing_else(plain, stating):
    def rest(made):
        return [{k: v for k, v in r.items() if k != "reliability"} for r in timeless(made)]

    assert rest(plain) == rest(stating)
    assert [a.id for a in plain] == [a.id for a in stating]


def test_below_the_asked_for_probability_there_is_no_label_but_all_else(plain, middle):
    cautious = annotations(abstain_below=middle, reliability=BINS)
    outcomes = set()
    for before, after in zip((a.record for a in plain), (a.record for a in cautious), strict=True):
        unsure = before["probability"] is not None and before["probability"] < middle
        outcomes.add((before["label"] is None, unsure))
        assert after["label"] == (None if unsure else before["label"])
        assert after["status"] == before["status"] + ["ABSTAINED"] * unsure
        assert (after["probability"], after["probabilities"]) == (
            before["probability"],
            before["probabilities"],
        )
        assert (after["reliability"] is None) == (after["probabilities"] is None)
    assert outcomes == {(True, False), (False, True), (False, False)}  # unscored, unsure, sure


def test_the_label_in_the_headers_is_empty_where_the_record_has_none(middle):
    cautious = annotations(abstain_below=middle)
    found = {dict(headers(a, "avro"))["label"].decode() or None for a in cautious if a.record["probability"]}
    assert None in found
    assert found - {None} <= set(classifier().manifest.classes)
    for annotation in cautious:
        tag = dict(headers(annotation, "json"))["label"]
        assert tag == (annotation.record["label"] or "").encode()


@pytest.mark.parametrize("stated", [{}, {"reliability": BINS}, {"reliability": BINS, "abstain_below": 0.99}])
def test_messages_hold_what_the_record_says(stated):
    to_avro, to_json = encoder("avro"), encoder("json")
    for annotation in annotations(**stated)[::10]:
        assert read_one(to_avro(annotation.record)) == annotation.record
        assert json.loads(to_json(annotation.record)) == annotation.record


def test_a_file_of_records_holds_them_all(stating):
    out = io.BytesIO()
    writer = avro_file(out)
    for annotation in stating:
        writer.write(annotation.record)
    writer.flush()
    out.seek(0)
    assert list(fastavro.reader(out)) == [a.record for a in stating]


def test_a_reader_of_version_1_0_reads_everything_it_knows(stating):
    record = next(a.record for a in stating if a.record["reliability"])
    assert record["schema_version"] == "1.1"
    known = read_one(encoder("avro")(record), reader_schema=without_reliability())
    assert known == {name: value for name, value in record.items() if name != "reliability"}


def test_a_record_of_version_1_0_is_read_with_nothing_stated(plain):
    old = {name: value for name, value in plain[-1].record.items() if name != "reliability"}
    out = io.BytesIO()
    fastavro.writer(out, without_reliability(), [old])
    assert read_one(out.getvalue(), reader_schema=classification_schema()) == {**old, "reliability": None}
