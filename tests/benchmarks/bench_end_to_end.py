"""Alerts per second through the whole pipeline without a broker, every object with a past.

The peer is what a consumer cannot do without: reading the same packets with fastavro, and nothing else.
"""

from __future__ import annotations

import io
import statistics
import threading
import time
from collections.abc import Callable, Sequence

import fastavro

from broker.alert import Packet
from broker.classify.encoding import encoder
from broker.registry.schema_registry import open_registry
from broker.state.light_curve import LightCurve, merge
from broker.state.store import MemoryStore
from tests.broker.streams import SCHEMAS, ListSink, Topic, decoder, packets, pipeline, run_stage, simulated

N_OBJECTS, SEED = 60, 11
SEEDED_FRACTION = 0.7
ROUNDS = 5


def seeded_store(past: Sequence[Packet]) -> MemoryStore:
    """Store of light curves as the packets of the past leave them."""
    curves: dict[str, LightCurve] = {}
    read = decoder()
    for packet in past:
        alert = read.read(packet)
        curves[alert.key], _ = merge(curves.get(alert.key, LightCurve.empty()), alert)
    store = MemoryStore()
    store.commit(curves, {})
    return store


def with_fastavro(present: Sequence[Packet]) -> None:
    """Read every packet with fastavro."""
    registry = open_registry(str(SCHEMAS))
    schemas = {}
    for packet in present:
        if packet.payload.startswith(b"Obj"):
            next(fastavro.reader(io.BytesIO(packet.payload)))
        else:
            number = int.from_bytes(packet.payload[1:5], "big")
            if number not in schemas:
                schemas[number] = fastavro.parse_schema(registry.schema(number))
            fastavro.schemaless_reader(io.BytesIO(packet.payload[5:]), schemas[number], None)


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    function()
    return time.process_time() - started


def main() -> None:
    """Print the table."""
    stream = packets([a.payload for a in simulated(N_OBJECTS, SEED)])
    split = int(SEEDED_FRACTION * len(stream))
    past, present = stream[:split], stream[split:]
    encode = encoder("json")
    lengths: list[int] = []

    def ours() -> None:
        store, sink, topic = seeded, ListSink(), Topic(present, batch_size=512)
        counts = run_stage(topic, pipeline(store), store, sink, stop=threading.Event())
        for annotation in sink.annotations:
            encode(annotation.record)
        assert counts.alerts_in == len(present)
        assert counts.alerts_dead.total() == 0
        lengths[:] = [a.record["n_epochs"] for a in sink.annotations]

    seeded = seeded_store(past)
    ours()  # compiles the kernels
    with_fastavro(present)
    our_s, their_s = [], []
    for _ in range(ROUNDS):
        seeded = seeded_store(past)
        our_s.append(cpu_seconds(ours))
        their_s.append(cpu_seconds(lambda: with_fastavro(present)))
    ratios = [a / b for a, b in zip(our_s, their_s, strict=True)]
    rate, bare = len(present) / statistics.median(our_s), len(present) / statistics.median(their_s)
    print(f"{len(present):,} alerts of {N_OBJECTS} simulated objects with a past; {len(lengths):,} records,")
    print(f"median {statistics.median(lengths):.0f} epochs; one core, CPU time, median of {ROUNDS} rounds\n")
    print("| what | alerts/s | CPU time over fastavro's |")
    print("|---|---|---|")
    print(f"| fastavro: read the packets, nothing else | {bare:,.0f} | 1 |")
    print(
        f"| varstream: read, merge, 16 features, score, record | {rate:,.0f} | "
        f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f}) |"
    )


if __name__ == "__main__":
    main()
