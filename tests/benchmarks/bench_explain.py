"""What it costs that every record names its reasons, and what one explanation takes.

The peer is the same work without them, in the same run. The way is the worker's without a broker, as in
`tests.benchmarks.bench_end_to_end`, with records of bands and of all bands.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

from broker.pipeline import Pipeline
from schemas.explanation.explainer import FULL
from tests.benchmarks.bench_end_to_end import N_OBJECTS, SEED, SEEDED_FRACTION, cpu_seconds, seeded_store
from tests.broker.explaining import background, explainer
from tests.broker.streams import ListSink, Topic, annotator, decoder, fusing, packets, run_stage, simulated

N_ALERTS = 250
ROUNDS = 5
CALLS = 10


def seconds_of(function: Callable[[], object]) -> float:
    """Median wall time of one call."""
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Print the tables."""
    stream = packets([a.payload for a in simulated(N_OBJECTS, SEED)])
    split = int(SEEDED_FRACTION * len(stream))
    past, present = stream[:split], stream[split : split + N_ALERTS]
    why = explainer()
    sink = ListSink()

    def annotate(*, explained: bool) -> None:
        sink.annotations.clear()
        store, topic = stores.pop(), Topic(present, batch_size=512)
        kinds = {"explainers": {"ztf": why, "lsst": why}} if explained else {}
        line = Pipeline(decoder(), annotator(fusing(), **kinds), store)
        run_stage(topic, line, store, sink, stop=threading.Event())

    stores = [seeded_store(past) for _ in range(2 + 2 * ROUNDS)]
    annotate(explained=False)  # compiles the kernels
    annotate(explained=True)
    plain, with_reasons = [], []
    for _ in range(ROUNDS):
        plain.append(cpu_seconds(lambda: annotate(explained=False)))
        with_reasons.append(cpu_seconds(lambda: annotate(explained=True)))
    records = [a.record for a in sink.annotations]
    n = sum(record["explanation"] is not None for record in records)
    ratios = [a / b for a, b in zip(with_reasons, plain, strict=True)]
    added_ms = 1e3 * statistics.median(a - b for a, b in zip(with_reasons, plain, strict=True)) / n
    print(f"{len(present):,} alerts of {N_OBJECTS} simulated objects with a past; {len(records):,} records,")
    print(f"{n:,} of them scored; one core, CPU time, median of {ROUNDS} rounds\n")
    print("| what | ms an alert | ratio |")
    print("|---|---|---|")
    ms_plain, ms_with = (1e3 * statistics.median(each) / len(present) for each in (plain, with_reasons))
    spread = f"x{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})"
    print(f"| records without reasons | {ms_plain:.2f} | 1 |")
    print(f"| the same with them (`output.explain`) | {ms_with:.2f} | {spread} |")
    print(f"\nThat is {added_ms:.1f} ms a scored record.\n")
    print(f"One explanation with {FULL.pairs} pairs of orders, as `varstream explain` gives, wall time:\n")
    print("| of | s | largest standard error |")
    print("|---|---|---|")
    rows = background()
    for name, views in (("one band", 1), ("all of two bands", 3), ("all of six bands", 7)):

        def explain(views: int = views) -> float:
            return float(why.explain(rows[:views], 0, fused=views > 1).errors.max())

        print(f"| {name} | {seconds_of(explain):.2f} | {explain():.2f} |")


if __name__ == "__main__":
    main()
