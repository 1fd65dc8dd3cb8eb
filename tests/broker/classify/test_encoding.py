"""The messages and files that hold records: nothing of a record is lost on the way to a subscriber."""

from __future__ import annotations

import copy
import io
import json

import fastavro
import pytest

from broker.classify.encoding import avro_file, encoder, headers
from schemas.classification import classification_schema
from tests.broker.classify.stated import BINS, annotations
from tests.broker.streams import classifier

ADDED = {"1.0": {"reliability": None, "derivation": ""}, "1.1": {"derivation": ""}}
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


@pytest.mark.parametrize("version", ADDED)
def test_a_reader_of_an_older_version_reads_everything_it_knows(stating, version):
    record = next(a.record for a in stating if a.record["reliability"])
    assert record["schema_version"] == "1.2"
    known = read_one(encoder("avro")(record), reader_schema=schema_of(version))
    assert known == {name: value for name, value in record.items() if name not in ADDED[version]}


@pytest.mark.parametrize("version", ADDED)
def test_a_record_of_an_older_version_is_read_with_nothing_stated(plain, version):
    old = {name: value for name, value in plain[-1].record.items() if name not in ADDED[version]}
    out = io.BytesIO()
    fastavro.writer(out, schema_of(version), [old])
    assert read_one(out.getvalue(), reader_schema=classification_schema()) == {**old, **ADDED[version]}
