"""Time per packet of decoding, as ratios to fastavro on the same packets in the same run.

Rows: kinds of packets, real ones where the folder of shared data is found, otherwise small ones made here.
Columns: the peer decodes the whole packet, with the schema parsed per message (`reader`, what a ZTF consumer
does) and known beforehand (`schemaless`); ours give the wanted columns (`record`), and the vetted alert
(`alert`, with total magnitudes and heliocentric times, which the peer does not compute). Agreement with
fastavro is checked on every packet before anything is timed.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import fastavro
import numpy as np

from broker.avro.columnar import ColumnarReader
from broker.avro.container import parse_block, parse_header
from broker.avro.schema import parse_json, parse_schema
from broker.ingest.decoder import Decoder, make_codec
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import Schema, SchemaRegistry, open_registry
from tests.broker import packets as made
from tests.broker.avro.by_fastavro import FastavroReader
from tests.conftest import data_folder

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Case:
    """A packet with its schema, ready for either way of reading."""

    payload: bytes
    parsed_schema: Schema
    reader: ColumnarReader
    by_fastavro: FastavroReader
    start: int
    stop: int


def prepare(payload: bytes, registry: SchemaRegistry, known: dict[bytes, tuple[object, ...]]) -> Case:
    """Find the schema of a packet and the bytes of its record."""
    if payload[0]:
        header = parse_header(payload)
        block = parse_block(payload, header.size, payload[len(header.prefix) : header.size])
        key, start, stop = header.prefix, block.start, block.stop
    else:
        key, start, stop = payload[:5], 5, len(payload)
    if key not in known:
        schema = (
            parse_json(header.schema_text, "header")
            if payload[0]
            else registry.schema(int.from_bytes(key[1:], "big"))
        )
        reader = make_codec(schema).reader
        assert isinstance(reader, ColumnarReader)
        known[key] = (
            fastavro.parse_schema(schema),
            reader,
            FastavroReader(parse_schema(schema), reader.projection),
        )
    return Case(payload, *known[key], start, stop)


def check(case: Case) -> None:
    """Assert that both ways give the same values."""
    ours = case.reader.read(case.payload, case.start, case.stop)
    theirs = case.by_fastavro.read(case.payload, case.start, case.stop)
    assert dict(ours.fields) == dict(theirs.fields)
    for name in ours.columns:
        np.testing.assert_array_equal(ours.columns[name], theirs.columns[name])


def seconds(work: Sequence[Callable[[], object]]) -> list[float]:
    """Best CPU time of each, in turns, so that a noisy neighbour meets all alike."""
    best = [float("inf")] * len(work)
    for _ in range(ROUNDS):
        for i, function in enumerate(work):
            started = time.process_time()
            function()
            best[i] = min(best[i], time.process_time() - started)
    return best


def measure(name: str, payloads: Sequence[bytes], registry: SchemaRegistry) -> str:
    """Return a row of the table."""
    known: dict[bytes, tuple[object, ...]] = {}
    cases = [prepare(payload, registry, known) for payload in payloads]
    decoder = Decoder(registry, VettingRules(programids=None))
    messages = [made.packet(payload) for payload in payloads]
    for case, message in zip(cases, messages, strict=True):
        check(case)
        decoder.read(message)

    def with_reader() -> None:
        for case in cases:
            if case.payload[0]:
                next(fastavro.reader(io.BytesIO(case.payload)))

    def with_schemaless() -> None:
        for case in cases:
            fastavro.schemaless_reader(
                io.BytesIO(case.payload[case.start : case.stop]), case.parsed_schema, None
            )

    def records() -> None:
        for case in cases:
            case.reader.read(case.payload, case.start, case.stop)

    def alerts() -> None:
        for message in messages:
            decoder.read(message)

    reader, schemaless, record, alert = (
        t / len(cases) * 1e6 for t in seconds([with_reader, with_schemaless, records, alerts])
    )
    peer = reader if payloads[0][0] else schemaless
    shown = f"{reader:.0f}" if payloads[0][0] else "-"
    size_kb = np.median([len(payload) for payload in payloads]) / 1e3
    return (
        f"| {name} | {len(cases)} | {size_kb:.0f} | {shown} | {schemaless:.0f} | {record:.1f} | {alert:.0f} "
        f"| x{schemaless / record:.0f} | x{peer / alert:.1f} |"
    )


def real_packets(folder: Path) -> Mapping[str, list[bytes]]:
    """Packets that the surveys sent, by kind."""
    kinds = {
        "ZTF 4.01, 4.02": "ztf/wire/*_v4*.avro",
        "ZTF 3.x": "ztf/wire/*_v3*.avro",
        "LSST 11.0, deep drilling": "lsst/wire_transcoded/real_ddf_id1100*.bin",
        "LSST 10.0, wide": "lsst/wire_transcoded/real_wfd*.bin",
        "LSST 7.x, with cutouts": "lsst/wire/real*.bin",
    }
    return {name: [path.read_bytes() for path in sorted(folder.glob(kind))] for name, kind in kinds.items()}


def made_packets() -> Mapping[str, list[bytes]]:
    """Packets under the test schemas: fewer unwanted fields than real ones, so smaller ratios."""
    rows = [made.candidate(candid=i) if i % 3 == 0 else made.upper_limit() for i in range(20)]
    sources = [made.dia_source(diaSourceId=i) for i in range(300)]
    return {
        "made, ZTF, 20 earlier": [made.container(made.ztf_alert(made.candidate(), rows))],
        "made, LSST, 300 earlier": [made.confluent(made.lsst_alert(made.dia_source(), sources))],
    }


def main() -> None:
    """Print the table."""
    registry: SchemaRegistry = made.Schemas({1100: made.LSST_SCHEMA})
    kinds = made_packets()
    package = importlib.util.find_spec("lsst.alert.packet")
    folder = data_folder() / "alerts"
    if folder.is_dir() and package is not None and package.origin is not None:
        registry, kinds = open_registry(str(Path(package.origin).parent)), real_packets(folder)
    print(
        "us of CPU per packet; ratios: schemaless to record, and what a consumer of fastavro pays to alert\n"
    )
    print("| packets | n | kB | fastavro reader | schemaless | record | alert | record | alert |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, payloads in kinds.items():
        print(measure(name, payloads, registry))


if __name__ == "__main__":
    main()
