"""What a batch may hold at a time: bounds on epochs and records that change nothing of what comes out."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import pipeline as pipeline_module
from broker.alert import EPOCH
from broker.pipeline import MAX_CHUNK_EPOCHS, MAX_HELD_EPOCHS, MAX_RECORDS, Pipeline
from broker.state.light_curve import LightCurve
from broker.state.store import MemoryStore
from tests.broker.epochs import alert, epoch
from tests.broker.streams import annotator, packets, pipeline, simulated, timeless

MESSAGES = packets([a.payload for a in simulated()][:120])
NONE = 10**9


def annotate(line, store, messages):
    """All batches of a stream that was polled at once."""
    batches = []
    read = line.read(messages)
    while read:
        batch = line.process(read)
        assert batch.packets > 0
        store.commit(batch.curves, batch.offsets)
        batches.append(batch)
        read = read[batch.packets :]
    return batches


@pytest.fixture(scope="module")
def unbounded():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAX_CHUNK_EPOCHS", "MAX_HELD_EPOCHS", "MAX_RECORDS"):
            patch.setattr(pipeline_module, name, NONE)
        store = MemoryStore()
        (batch,) = annotate(pipeline(store), store, MESSAGES)
    return batch, store


@settings(max_examples=10, deadline=None)
@given(
    chunk=st.sampled_from([0, 1, 7, 30, 500, NONE]),
    held=st.sampled_from([0, 1, 50, 400, NONE]),
    records=st.sampled_from([0, 1, 25, NONE]),
)
def test_any_bounds_give_the_same_records(unbounded, chunk, held, records):
    whole, whole_store = unbounded
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_module, "MAX_CHUNK_EPOCHS", chunk)
        patch.setattr(pipeline_module, "MAX_HELD_EPOCHS", held)
        patch.setattr(pipeline_module, "MAX_RECORDS", records)
        store = MemoryStore()
        batches = annotate(pipeline(store), store, MESSAGES)
    assert timeless([a for b in batches for a in b.annotations]) == timeless(whole.annotations)
    assert sum(b.packets for b in batches) == len(MESSAGES)
    assert sum(b.used for b in batches) == whole.used
    assert batches[-1].offsets == whole.offsets
    assert {k: c.epochs.tobytes() for k, c in store._curves.items()} == {
        k: c.epochs.tobytes() for k, c in whole_store._curves.items()
    }
    for batch in batches:
        assert len(batch.annotations) <= records + 6  # the bands of one alert


def long_curve(n: int) -> LightCurve:
    epochs = np.zeros(n, EPOCH)
    epochs["source_id"] = epochs["exposure"] = np.arange(1, n + 1)
    epochs["mjd"], epochs["mag"], epochs["mag_err"], epochs["band"] = np.arange(n), 15.0, 0.01, b"g"
    return LightCurve(epochs)


class Scripted:
    """A decoder that makes an alert of each packet's number, of as many objects as there are names."""

    def __init__(self, n_before: int, n_objects: int = 1) -> None:
        self.n_before, self.n_objects = n_before, n_objects

    def read(self, packet):
        n = packet.origin.offset
        return alert(epoch(self.n_before + 1 + n), object_id=f"star{n % self.n_objects}")


def run_without_scoring(line: Pipeline, store, messages):
    """Peak of what Python and NumPy held, and the chunks that would have been scored."""
    chunks = []

    def annotate_nothing(changed):
        chunks.append(sum(series.time.size for _, series in changed))
        if changed:
            np.concatenate([series.time for _, series in changed])
        return []

    line._annotator.annotate = annotate_nothing
    tracemalloc.start()
    try:
        batches = annotate(line, store, messages)
        return tracemalloc.get_traced_memory()[1], chunks, batches
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("n_before", "n_alerts"), [(30_000, 300), (0, 3_000)])
def test_memory_does_not_grow_with_alerts_times_epochs(n_before, n_alerts):
    store = MemoryStore()
    store.commit({"ztf:star0": long_curve(n_before)}, {})
    line = Pipeline(Scripted(n_before), annotator(), store)
    peak, chunks, batches = run_without_scoring(line, store, packets([b""] * n_alerts))
    assert sum(batch.used for batch in batches) == n_alerts
    assert sum(chunks) > 4_500_000  # epochs to score, of 24 bytes each and more: 100 MB
    assert max(chunks) <= MAX_CHUNK_EPOCHS + n_before + n_alerts
    assert peak < 60 * 2**20


def test_a_batch_is_full_before_its_light_curves_take_too_much_memory(monkeypatch):
    assert MAX_HELD_EPOCHS * EPOCH.itemsize <= 200 * 10**6  # what the docs promise
    monkeypatch.setattr(pipeline_module, "MAX_HELD_EPOCHS", 20_000)
    n_epochs, n_objects = 3_000, 30
    store = MemoryStore()
    curve = long_curve(n_epochs)
    store.commit({f"ztf:star{i}": curve for i in range(n_objects)}, {})
    line = Pipeline(Scripted(n_epochs, n_objects), annotator(), store)
    _, _, batches = run_without_scoring(line, store, packets([b""] * n_objects))
    assert [batch.used for batch in batches] == [7, 7, 7, 7, 2]
    for batch in batches:
        assert sum(curve.epochs.size for curve in batch.curves.values()) <= 20_000 + n_epochs + 1


def test_a_batch_has_a_bounded_number_of_records(monkeypatch):
    assert MAX_RECORDS <= 10_000  # of 10 kB: what the docs promise
    monkeypatch.setattr(pipeline_module, "MAX_RECORDS", 10)
    store = MemoryStore()
    batches = annotate(Pipeline(Scripted(0), annotator(), store), store, packets([b""] * 50))
    assert [len(batch.annotations) for batch in batches] == [11, 11, 11, 11, 6]
