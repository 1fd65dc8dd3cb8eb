"""Framings, and whatever else may come over the wire."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Alert
from broker.errors import AlertError, TransientError, UnknownSchemaError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from tests.broker.packets import (
    CANDIDATE,
    DIA_SOURCE,
    LSST_SCHEMA,
    ZTF_SCHEMA,
    Schemas,
    candidate,
    confluent,
    container,
    dia_source,
    forced_lsst,
    forced_ztf,
    lsst_alert,
    lsst_schema,
    outcome,
    packet,
    record,
    upper_limit,
    ztf_alert,
)

ZTF = container(
    ztf_alert(candidate(), [candidate(fid=2), upper_limit()], fp_hists=[forced_ztf(), forced_ztf(2.0)])
)
LSST = confluent(
    lsst_alert(
        dia_source(),
        [dia_source(diaSourceId=1), dia_source(band="g", ssObjectId=3)],
        prvDiaForcedSources=[forced_lsst(), forced_lsst(1)],
    )
)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(Schemas({1100: LSST_SCHEMA}), VettingRules())


def refusal(decoder: Decoder, payload: bytes) -> str:
    with pytest.raises(AlertError) as refused:
        decoder.read(packet(payload))
    assert str(refused.value)
    return refused.value.reason


VOTE = record("vote", {"candidate": "string"})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"{}", "bad_magic"),
        (b"Obj\x02" + ZTF[4:], "bad_magic"),
        (b"Obj\x01", "truncated"),
        (b"\x00\x00\x00", "truncated"),
        (b"\x00\x00\x00\x04\x4c", "truncated"),
        (b"\x00\x00\x00\x04\x4d" + LSST[5:], "unknown_schema_id"),
        (b"\x00\xff\xff\xff\xff" + LSST[5:], "unknown_schema_id"),
        (ZTF[:-1], "truncated"),
        (ZTF[:-17] + ZTF[-16:], "truncated"),
        (ZTF[:-16] + bytes(16), "corrupt"),
        (ZTF + b"\x00", "corrupt"),
        (container(), "truncated"),
        (container(ztf_alert(candidate()), ztf_alert(candidate())), "corrupt"),
        (container({"a": 1}, schema=record("reading", {"a": "long"})), "schema_not_an_alert"),
        (container({"candidate": "Obama"}, schema=VOTE), "schema_not_an_alert"),
        (b"Obj\x01\x02\x16avro.schema\x04{}\x00" + bytes(16), "bad_schema"),
        (b"Obj\x01\x02\x16avro.schema\x04{{\x00" + bytes(16), "bad_schema"),
        (b"Obj\x01\x00" + bytes(16), "bad_schema"),
    ],
)
def test_what_is_no_alert_is_refused_by_reason(decoder, payload, reason):
    assert refusal(decoder, payload) == reason


def test_messages_by_schema_id_need_a_registry():
    assert refusal(Decoder(None, VettingRules()), LSST) == "no_registry"


def test_a_message_over_the_limit_is_not_looked_at():
    decoder = Decoder(None, VettingRules(max_packet_bytes=len(ZTF) - 1))
    assert refusal(decoder, ZTF) == "too_large"


def test_fifty_megabytes_of_noise_or_of_an_alert_are_dealt_with(decoder):
    noise = random.Random(0).randbytes(50 * 2**20)
    assert refusal(decoder, b"Obj\x01" + noise) in {"truncated", "corrupt", "too_large"}
    assert refusal(decoder, b"Obj\x01\x00" + noise) == "bad_schema"  # which names no entry, so no schema
    cutout = bytes(50 * 2**20)
    assert isinstance(decoder.read(packet(container(ztf_alert(candidate(), cutoutScience=cutout)))), Alert)


def test_a_container_may_be_deflated_and_does_not_inflate_without_bound(decoder):
    alert = ztf_alert(candidate(), cutoutScience=bytes(2**20))
    bomb = container(alert, codec="deflate")
    assert isinstance(decoder.read(packet(bomb)), Alert)
    small = Decoder(None, VettingRules(max_packet_bytes=2**16))
    assert len(bomb) < 2**16
    assert refusal(small, bomb) == "too_large"
    assert refusal(decoder, bomb[:-40] + bytes(24) + bomb[-16:]) in {"corrupt", "truncated"}


def test_an_unknown_compression_is_named(decoder):
    with pytest.raises(AlertError, match="'bzip2'") as refused:
        decoder.read(packet(container(ztf_alert(candidate()), codec="bzip2")))
    assert refused.value.reason == "unsupported_codec"


def test_either_survey_comes_in_either_framing():
    decoder = Decoder(Schemas({1: ZTF_SCHEMA}), VettingRules())
    in_container = container(lsst_alert(dia_source()), schema=LSST_SCHEMA)
    framed = confluent(ztf_alert(candidate()), ZTF_SCHEMA, schema_id=1)
    assert [decoder.read(packet(p)).survey for p in (in_container, framed)] == ["lsst", "ztf"]


def test_alternating_headers_are_each_read_by_their_own_schema(decoder):
    """Schemas of one length that differ in the order of two fields of one type."""
    fields = ZTF_SCHEMA["fields"][3]["type"]["fields"]
    swapped = [{"ra": fields[9], "dec": fields[8]}.get(field["name"], field) for field in fields]
    turned = record("alert", {field["name"]: field["type"] for field in ZTF_SCHEMA["fields"]})
    turned["fields"][3] = {
        "name": "candidate",
        "type": {"type": "record", "name": "candidate", "fields": swapped},
    }
    alert = ztf_alert(candidate(ra=10.0, dec=20.0))
    one, other = container(alert), container(alert, schema=turned)
    assert len(one) == len(other)
    for payload in (one, other, one, other):
        read = decoder.read(packet(payload))
        assert (read.ra, read.dec) == (10.0, 20.0)


WITHOUT_OBJECT = {name: kind for name, kind in DIA_SOURCE.items() if name != "diaObjectId"}
TWO_FIELDS = record("alert", {"diaSource": record("d", {"diaSourceId": "long", "diaObjectId": "long"})})


def test_a_schema_by_which_a_message_ends_early_is_not_its_own():
    """Its first bytes can be read by many a schema, as an alert without an object: none is passed over."""
    decoder = Decoder(Schemas({1100: TWO_FIELDS}), VettingRules())
    for reason in (None, "ddf_cosmos"):
        payload = confluent(lsst_alert(dia_source(), observation_reason=reason))
        assert refusal(decoder, payload) == "corrupt"


def test_bytes_behind_a_record_are_not_of_its_schema(decoder):
    assert refusal(decoder, LSST + b"\x00") == "corrupt"
    assert refusal(decoder, LSST[:-1]) == "truncated"


def test_the_schema_of_another_survey_under_the_id_is_no_reason_to_pass_alerts_over():
    decoder = Decoder(Schemas({1100: ZTF_SCHEMA}), VettingRules())
    assert refusal(decoder, LSST) in {"corrupt", "truncated"}


def test_a_schema_without_what_every_alert_is_known_by_is_no_alerts():
    """Each alert would be passed over: as one without object, of a private programme, without a star."""
    with pytest.raises(UnknownSchemaError, match="schema of neither"):
        Decoder(Schemas({1100: lsst_schema(WITHOUT_OBJECT)}), VettingRules()).read(packet(LSST))
    for missing in ("programid", "distnr", "magnr"):
        fields = {name: kind for name, kind in CANDIDATE.items() if name != missing}
        schema = record("alert", {"objectId": "string", "candidate": record("candidate", fields)})
        alert = container(ztf_alert(candidate()), schema=schema)
        assert refusal(Decoder(None, VettingRules()), alert) == "schema_not_an_alert"


def test_the_registry_is_asked_once_per_schema():
    registry = Schemas({1100: LSST_SCHEMA})
    decoder = Decoder(registry, VettingRules())
    for _ in range(3):
        decoder.read(packet(LSST))
    assert registry.asked == [1100]


def test_a_registry_that_is_away_is_asked_again():
    class Away(Schemas):
        def schema(self, schema_id: int) -> object:
            if not self.asked:
                self.asked.append(schema_id)
                raise TransientError("away")
            return super().schema(schema_id)

    decoder = Decoder(Away({1100: LSST_SCHEMA}), VettingRules())
    with pytest.raises(TransientError):
        decoder.read(packet(LSST))
    assert isinstance(decoder.read(packet(LSST)), Alert)


def test_headers_of_strangers_do_not_pile_up(decoder):
    for i in range(200):
        decoder.read(packet(container(ztf_alert(candidate()), metadata={"n": str(i)})))
    assert len(decoder._by_header) <= 64


DECODER = Decoder(Schemas({1100: LSST_SCHEMA}), VettingRules())


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from([ZTF, LSST]), st.randoms(use_true_random=False))
def test_a_damaged_packet_is_an_alert_or_skipped_or_refused(payload: bytes, dice: random.Random):
    hurt = bytearray(payload)
    first = payload.find(b"0123456789abcdef") if payload is ZTF else 0  # mostly behind the header
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(first if dice.random() < 0.9 else 0, len(hurt))
        match dice.randrange(4):
            case 0:
                hurt[place] = dice.randrange(256)
            case 1:
                hurt[place] ^= 1 << dice.randrange(8)
            case 2:
                del hurt[place : place + dice.randrange(1, 30)]
            case _:
                hurt[place:place] = dice.randbytes(dice.randrange(1, 12))
        if len(hurt) <= first:
            break
    assert outcome(DECODER, packet(bytes(hurt)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"Obj\x01", b"\x00\x00\x00\x04\x4c"]))
def test_noise_is_an_alert_or_skipped_or_refused(noise, start):
    assert outcome(DECODER, packet(start + noise))
