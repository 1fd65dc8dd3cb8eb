"""The photometry record: an alert is the same after the way through a topic, and noise is a dead letter's."""

from __future__ import annotations

import io
from dataclasses import fields, replace

import fastavro
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import EPOCH, Arrival, Origin, Packet
from broker.errors import AlertError
from broker.photometry.partitioner import partition_of
from broker.photometry.record import SEED, PhotometryReader, encode
from schemas.photometry import photometry_schema
from tests.broker.epochs import alert, epoch, forced_epoch
from tests.broker.streams import decoder, packets, simulated

N = 8
PREFIX_BYTES = 10


def message(payload: bytes, key: str = "ztf:star", n_partitions: int = N) -> Packet:
    return Packet(payload, Origin(topic="photometry", partition=partition_of(key, n_partitions), offset=7))


def read(payload: bytes, key: str = "ztf:star"):
    return PhotometryReader(N).read(message(payload, key))


def changed(payload: bytes, **values) -> bytes:
    """The record with other values in some fields."""
    schema = fastavro.parse_schema(photometry_schema())
    record = fastavro.schemaless_reader(io.BytesIO(payload[PREFIX_BYTES:]), schema, None)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, {**record, **values})
    return payload[:PREFIX_BYTES] + out.getvalue()


def assert_same(one, other):
    for field in fields(one):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype
            assert ours.tobytes() == theirs.tobytes(), field.name
        else:
            assert ours == theirs, field.name


ROWS = st.integers(0, 4)


@given(n_history=ROWS, n_forced=ROWS, n_withdrawn=ROWS, wins=st.booleans(), data=st.data())
def test_an_alert_comes_out_as_it_went_in(n_history, n_forced, n_withdrawn, wins, data):
    values = st.floats(width=32, allow_infinity=False)
    made = alert(
        epoch(9, mag=data.draw(values), mag_err=data.draw(values)),
        *(epoch(n + 1, band="r") for n in range(n_history)),
        withdrawn=np.arange(n_withdrawn, dtype=np.int64) - 2**62,
        forced=[forced_epoch(n + 1) for n in range(n_forced)],
        forced_wins=wins,
    )
    origin = data.draw(
        st.sampled_from([Origin(file="a.avro", offset=3), Origin(topic="t", partition=2, offset=2**40)])
    )
    arrival = Arrival(origin, data.draw(st.none() | st.integers(0, 2**41)), data.draw(st.integers(0, 2**51)))
    made = replace(made, arrival=arrival, vetting="v" * 32)
    assert_same(read(encode(made)), made)


def test_alerts_of_both_surveys_come_out_as_they_went_in():
    for packet in packets([a.payload for a in simulated()][:60]):
        made = decoder().read(packet)
        assert_same(read(encode(made), made.key), made)


def test_a_seed_has_epochs_and_no_detection_of_its_own():
    whole = alert(epoch(1), epoch(2), epoch(3))
    seed = replace(whole, detection=np.empty(0, EPOCH))
    assert_same(read(encode(seed, verdict=SEED)), seed)


def test_a_used_alert_without_a_detection_is_refused():
    with pytest.raises(AlertError, match="verdict 'used' on 0 detections"):
        read(encode(replace(alert(epoch(1)), detection=np.empty(0, EPOCH))))


def test_the_first_bytes_name_the_schema_as_avro_says():
    """Two bytes of a marker and CRC-64-AVRO of the canonical form; the specification gives that of "int"."""
    assert encode(alert(epoch(1)))[:2] == b"\xc3\x01"
    assert (
        fastavro.schema.fingerprint('"int"', "CRC-64-AVRO") == 0x7275D51A3F395C8F.to_bytes(8, "little").hex()
    )


def test_columns_that_came_later_are_left_out_and_those_that_are_missing_are_zero():
    made = alert(epoch(5, mag=14.5))
    older_and_newer = np.dtype([("mjd", "<f8"), ("airmass", "<f4"), ("mag", "<f4"), ("source_id", "<i8")])
    rows = np.zeros(1, older_and_newer)
    rows["mjd"], rows["airmass"], rows["mag"], rows["source_id"] = 59_005.0, 1.2, 14.5, 5
    layout = "mjd:<f8 airmass:<f4 mag:<f4 source_id:<i8"
    (found,) = read(changed(encode(made), layout=layout, epochs=rows.tobytes())).detection
    assert (found["mjd"], found["mag"], found["source_id"]) == (59_005.0, 14.5, 5)
    assert (found["exposure"], found["band"], found["withdrawn"]) == (0, b"", False)


@pytest.mark.parametrize(
    "values",
    [
        {"layout": ""},
        {"layout": "mag"},
        {"layout": "mag:O"},
        {"layout": "mag:<U4"},
        {"layout": "mag:(1000000000,)f8"},
        {"layout": "x:<f8 " * 2000},
        {"layout": "mag:f4:3:4"},
        {"layout": "mag:<f4 mag:<f4"},
        {"layout": "band:<f4"},
        {"epochs": b"x"},
        {"n_history": 5},
        {"n_history": -1},
        {"n_detections": 2},
        {"withdrawn": b"abc"},
        {"time_scale": "TT"},
        {"verdict": "maybe"},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_is_a_dead_letter(values):
    with pytest.raises(AlertError) as refused:
        read(changed(encode(alert(epoch(1))), **values))
    assert refused.value.reason == "bad_photometry"


@given(noise=st.binary(max_size=200), keep=st.integers(0, 300))
def test_noise_and_cut_records_are_dead_letters(noise, keep):
    whole = encode(alert(epoch(1), epoch(2)))
    for payload in (noise, whole[:keep], whole[:PREFIX_BYTES] + noise, whole + b"\0"):
        if payload != whole:
            with pytest.raises(AlertError) as refused:
                read(payload)
            assert refused.value.reason in ("bad_photometry", "wrong_partition")


def test_a_record_in_a_partition_where_its_object_does_not_live_is_refused():
    payload = encode(alert(epoch(1)))
    at = partition_of("ztf:star", N)
    strange = Packet(payload, Origin(topic="photometry", partition=(at + 1) % N))
    with pytest.raises(AlertError, match=f"lives in partition {at} of {N}, this is {(at + 1) % N}"):
        PhotometryReader(N).read(strange)
