"""Listening to annotations: all formats, each record once, and those that are wanted."""

from __future__ import annotations

import json
import math
import threading

import numpy as np
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from broker.classify.encoding import encoder, headers, published
from broker.cli import commands
from broker.cli.look.listen import Wanted, decode, listen, separation_deg, told
from broker.cli.main import main
from broker.settings.clusters import KafkaConfig
from broker.settings.config import Config
from broker.state.store import MemoryStore
from tests.broker.streams import PATIENCE_S, packets, pipeline, simulated

RA, DEC = st.floats(0.0, 360.0), st.floats(-90.0, 90.0)


@pytest.fixture(scope="module")
def annotations():
    return pipeline(MemoryStore()).annotate(packets([a.payload for a in simulated()][:120])).annotations


def publish(servers, annotations, form="json"):
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 0})
    encode = encoder(form, schema_id=7)
    for annotation in annotations:
        producer.produce(
            "classifications",
            encode(published(annotation)),
            key=annotation.key,
            headers=headers(annotation, form),
        )
    producer.flush()


def heard(servers, wanted=Wanted()):  # noqa: B008 - it does not change
    config = Config(kafka=KafkaConfig(bootstrap_servers=servers, topics=("alerts",), patience_s=PATIENCE_S))
    return list(listen(config, wanted, stop=threading.Event(), from_beginning=True, until_end=True))


@pytest.mark.parametrize("form", ["json", "avro", "confluent"])
def test_records_of_every_format_are_heard_once_each(kafka, annotations, form):
    publish(kafka, [*annotations[:40], *annotations[:10]], form)
    found = heard(kafka)
    assert sorted((r["object_id"], r["source_id"], r["band"]) for r in found) == sorted(
        (a.record["object_id"], a.record["source_id"], a.record["band"]) for a in annotations[:40]
    )


def test_what_is_no_annotation_is_passed_over(kafka, annotations):
    publish(kafka, annotations[:3])
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    for value, tags in [(b"noise", []), (b"noise", [("_format", b"avro")]), (b"[1]", [("_format", b"json")])]:
        producer.produce("classifications", value, headers=tags)
    producer.flush()
    assert len(heard(kafka)) == 3


def test_only_what_is_wanted_is_heard(kafka, annotations):
    publish(kafka, annotations)
    everything = [a.record for a in annotations]
    label = next(r["label"] for r in everything if r["label"])
    found = heard(kafka, Wanted(label=label, min_probability=0.6))
    expected = [r for r in everything if r["label"] == label and r["probability"] >= 0.6]
    assert len(found) == len(expected) > 0
    star = everything[0]
    near = heard(kafka, Wanted(cone=(star["ra"], star["dec"], 0.001)))
    assert {r["object_id"] for r in near} == {star["object_id"]}


@given(RA, DEC, RA, DEC)
def test_the_angle_between_places_is_that_of_their_vectors(ra, dec, other_ra, other_dec):
    def vector(a, d):
        a, d = math.radians(a), math.radians(d)
        return np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])

    one, other = vector(ra, dec), vector(other_ra, other_dec)
    expected = math.degrees(math.atan2(np.linalg.norm(np.cross(one, other)), one @ other))
    assert separation_deg(ra, dec, other_ra, other_dec) == pytest.approx(expected, abs=1e-6)


def test_the_command_prints_a_line_or_the_record(kafka, annotations, capsys, monkeypatch):
    monkeypatch.setattr(commands, "stop_on_signal", lambda stop: None)  # this process is pytest's
    publish(kafka, annotations[:5])
    words = ["listen", "--from-beginning", "--until-end", "--set", f"kafka.bootstrap_servers={kafka}"]
    words += ["--set", 'kafka.topics=["alerts"]']
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(told(a.record) for a in annotations[:5])
    assert main([*words, "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {r["source_id"] for r in records} == {a.record["source_id"] for a in annotations[:5]}


@pytest.mark.parametrize("words", [["--cone", "1,2"], ["--cone", "1,99,1"], ["--min-probability", "2"]])
def test_what_cannot_be_wanted_is_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["listen", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_a_message_without_a_format_is_none():
    assert decode(b"{}", {}) is None
