"""The messages and files that hold records: nothing of a record is lost on the way to a subscriber."""

from __future__ import annotations

import copy
import io
import json
import struct
from dataclasses import replace

import fastavro
import pytest
from fastavro.schema import to_parsing_canonical_form
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import Annotation
from broker.avro.container import MAGIC, parse_block, parse_header
from broker.classify.encoding import avro_file, encoder, headers, published
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from schemas.classification import classification_schema
from tests.broker.classify.stated import BINS, annotations
from tests.broker.streams import annotator, classifier, decoder, fusing, packets, simulated

SCHEMA_ID = 70_001


def decoded(message, form):
    """The record of a message, by readers that are not ours."""
    if form == "json":
        return json.loads(message.decode("utf-8", "strict"))
    if form == "avro":
        return read_one(message)
    assert struct.unpack(">bi", message[:5]) == (0, SCHEMA_ID)
    rest = io.BytesIO(message[5:])
    record = fastavro.schemaless_reader(rest, classification_schema())
    assert not rest.read()
    return record


SINCE_1_3 = {
    "n_forced": 0,
    "n_nights": None,
    "n_outliers": 0,
    "outlier": None,
    "bands": None,
    "p_period": None,
    "period_fap": None,
    "period_err_d": None,
    "period_rival_d": None,
}
SINCE_1_4 = {"novelty": None, "priors": None, "explanation": None}
ADDED = {
    "1.0": {"reliability": None, "derivation": "", **SINCE_1_3, **SINCE_1_4},
    "1.1": {"derivation": "", **SINCE_1_3, **SINCE_1_4},
    "1.2": {**SINCE_1_3, **SINCE_1_4},
    "1.3": SINCE_1_4,
}
"""Fields that came after a version, and what readers find in records of it."""


def schema_of(version):
    """The schema as it was."""
    schema = copy.deepcopy(classification_schema())
    schema["fields"] = [each for each in schema["fields"] if each["name"] not in ADDED[version]]
    return schema


def read_one(message, reader_schema=None):
    (record,) = fastavro.reader(io.BytesIO(message), reader_schema=reader_schema)
    return record


def test_the_label_in_the_headers_is_empty_where_the_record_has_none(middle):
    cautious = annotations(abstain_below=middle)
    found = {dict(headers(a, "avro"))["label"].decode() or None for a in cautious if a.record["probability"]}
    assert None in found
    assert found - {None} <= set(classifier().manifest.classes)
    for annotation in cautious:
        tag = dict(headers(annotation, "json"))["label"]
        assert tag == (annotation.record["label"] or "").encode()


FORMS = ("avro", "json", "confluent")


def encoded(record, form):
    return encoder(form, schema_id=SCHEMA_ID)(record)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stated", [{}, {"reliability": BINS}, {"reliability": BINS, "abstain_below": 0.99}])
def test_messages_hold_what_the_record_says(stated, form):
    for annotation in annotations(**stated)[::10]:
        record = published(annotation)
        assert decoded(encoded(record, form), form) == record


@pytest.fixture(scope="module")
def fused():
    """Records of stars in several bands, some with an outlier."""
    line = Pipeline(decoder(), annotator(fusing()), MemoryStore())
    batch = line.annotate(packets([alert.payload for alert in simulated()[:150]]))
    star = next(a for a in reversed(batch.annotations) if a.record["band"] == "all" and a.record["label"])
    flaring = {**star.record, "n_outliers": 1, "outlier": {"band": "r", "mjd": 60_000.25, "mag": 12.5}}
    return [star, replace(star, record=flaring)]


@pytest.mark.parametrize("form", FORMS)
def test_messages_hold_what_a_record_of_a_star_says(fused, form):
    for annotation in fused:
        record = published(annotation)
        assert len(record["bands"]) > 1
        assert decoded(encoded(record, form), form) == record
        assert dict(headers(annotation, form))["band"] == b"all"


@pytest.mark.parametrize("version", ADDED)
def test_a_reader_of_an_older_version_reads_the_record_of_a_star_as_one_of_a_band_called_all(fused, version):
    for record in map(published, fused):
        known = read_one(encoder("avro")(record), reader_schema=schema_of(version))
        assert known == {name: value for name, value in record.items() if name not in ADDED[version]}
        assert known["band"] == "all"


finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]))  # Cs: halves of surrogates, which no encoding has


@given(
    changes=st.fixed_dictionaries(
        {
            "object_id": text,
            "mjd": finite,
            "n_epochs": st.integers(0, 2**31 - 1),
            "label": st.none() | text,
            "probability": st.none() | finite,
            "probabilities": st.none() | st.dictionaries(text, finite),
            "status": st.lists(text),
            "upstream_time_us": st.none() | st.integers(-(2**63), 2**63 - 1),
        }
    )
)
@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_record_says_is_read_again(plain, form, changes):
    record = {**published(plain[0]), **changes}
    assert decoded(encoded(record, form), form) == record


def test_an_avro_message_is_a_container_of_one_block_up_to_its_last_byte(plain):
    messages = [encoded(published(annotation), "avro") for annotation in plain[:20]]
    for message in messages:
        assert message.startswith(MAGIC)
        head = parse_header(message)
        assert head.codec == "null"
        block = parse_block(message, head.size, message[len(head.prefix) : head.size])
        assert (block.count, block.next) == (1, len(message))
    assert len({parse_header(message).prefix for message in messages}) == 1


def test_the_schema_in_a_message_is_the_published_one_without_its_documentation(plain):
    text = parse_header(encoded(published(plain[0]), "avro")).schema_text
    assert b'"doc"' not in text
    assert to_parsing_canonical_form(json.loads(text)) == to_parsing_canonical_form(classification_schema())


def test_most_of_a_framed_message_is_the_record(plain):
    record = published(plain[0])
    framed, container = (len(encoded(record, form)) for form in ("confluent", "avro"))
    assert framed < 600 < container < 5000


ODD = "night-\udcff/\ud800.avro"  # a file whose name is no text: Python keeps its bytes as these


def oddly_named(annotation: Annotation) -> Annotation:
    record = copy.deepcopy(annotation.record)
    record["source"]["file"] = record["label"] = record["model"]["name"] = ODD
    return replace(annotation, record=record)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_whose_name_is_no_text_is_named_so_that_every_reader_can_read_it(plain, form):
    record = published(oddly_named(plain[0]))
    for field in ("label", "model"):
        record[field] = plain[0].record[field]
    message = encoded(record, form)
    assert decoded(message, form)["source"]["file"] == r"night-\udcff/\ud800.avro"
    assert plain[0].record["source"]["file"] is None  # and the annotation is as it was


def test_headers_are_made_of_whatever_a_record_says(plain):
    tags = dict(headers(oddly_named(plain[0]), "confluent"))
    assert tags["_format"] == b"confluent"
    assert tags["label"] == rb"night-\udcff/\ud800.avro"


def test_a_record_is_published_when_it_leaves_not_when_it_is_made(plain, monkeypatch):
    assert "publish_time_us" not in plain[0].record
    for ns in (1_700_000_000_123_456_789, 1_700_000_001_000_000_000):
        monkeypatch.setattr("time.time_ns", lambda ns=ns: ns)
        assert published(plain[0])["publish_time_us"] == ns // 1000
    assert "publish_time_us" not in plain[0].record


def test_a_file_of_records_holds_them_all(stating):
    out = io.BytesIO()
    writer = avro_file(out)
    records = [published(annotation) for annotation in stating]
    for record in records:
        writer.write(record)
    writer.flush()
    out.seek(0)
    assert list(fastavro.reader(out)) == records


@pytest.mark.parametrize("version", ADDED)
def test_a_reader_of_an_older_version_reads_everything_it_knows(stating, version):
    record = published(next(a for a in stating if a.record["reliability"]))
    assert record["schema_version"] == "1.4"
    known = read_one(encoder("avro")(record), reader_schema=schema_of(version))
    assert known == {name: value for name, value in record.items() if name not in ADDED[version]}


@pytest.mark.parametrize("version", ADDED)
def test_a_record_of_an_older_version_is_read_with_nothing_stated(plain, version):
    old = {name: value for name, value in published(plain[-1]).items() if name not in ADDED[version]}
    out = io.BytesIO()
    fastavro.writer(out, schema_of(version), [old])
    assert read_one(out.getvalue(), reader_schema=classification_schema()) == {**old, **ADDED[version]}
