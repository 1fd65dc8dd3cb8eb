"""Records of an object: what is written is read back, and an epoch costs a tail and not the whole curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import FatalError
from broker.state.light_curve import LightCurve, merge
from broker.state.object_record import (
    SEALED_EPOCHS,
    ObjectNote,
    curve_of,
    note_of,
    records_of,
    sealed_key,
    tail_key,
)
from tests.broker.epochs import alert, epoch
from tests.broker.epochs import curve_of as made_curve

KEY = "ztf:star"


def stored(log: dict[bytes, bytes]) -> LightCurve:
    if tail_key(KEY) not in log:
        return LightCurve.empty()
    return curve_of("here", KEY, log[tail_key(KEY)], log.get(sealed_key(KEY)))


@given(
    st.lists(
        st.tuples(st.integers(1, 3 * SEALED_EPOCHS), st.integers(0, 40), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_sealing_never_changes_what_is_read_back(steps):
    """Appends, corrections of old epochs and withdrawals through the records equal the same in memory."""
    log: dict[bytes, bytes] = {}
    memory, next_id = LightCurve.empty(), 1
    for n_new, corrected, withdraws in steps:
        news = [epoch(next_id + i) for i in range(n_new)]
        next_id += n_new
        one = alert(
            news[0],
            *news[1:],
            epoch(max(1, corrected), mag=10.0 + next_id),
            withdrawn=np.array([corrected + 1] if withdraws else [], np.int64),
        )
        log |= records_of(KEY, merge(stored(log), one)[0], ObjectNote())
        memory, _ = merge(LightCurve(memory.epochs), one)
        assert stored(log).epochs.tobytes() == memory.epochs.tobytes()


def test_a_light_curve_that_shrinks_below_a_seal_is_read_back():
    log = records_of(KEY, made_curve(*range(1, 100)), ObjectNote())
    log |= records_of(KEY, made_curve(1, 2, 3), ObjectNote())
    assert stored(log).epochs["source_id"].tolist() == [1, 2, 3]


def test_an_epoch_of_a_long_light_curve_costs_no_more_than_2200_bytes():
    """At 1,000 epochs, on average over 64 alerts that add one each: keys and values, before compression."""
    curve = made_curve(*range(1, 1001))
    log = records_of(KEY, curve, ObjectNote())
    written = 0
    for number in range(1001, 1065):
        curve, _ = merge(stored(log), alert(epoch(number)))
        records = records_of(KEY, curve, ObjectNote())
        written += sum(len(key) + len(value) for key, value in records.items())
        log |= records
    assert written / 64 < 2200
    assert stored(log).epochs.size == 1064


@given(
    seen=st.integers(0, 2**62),
    derivation=st.binary(min_size=16, max_size=16),
    search=st.binary(max_size=300),
    n=st.integers(1, 200),
)
def test_what_is_noted_is_read_back_beside_the_epochs(seen, derivation, search, n):
    note, curve = ObjectNote(seen, derivation, search), made_curve(*range(1, n + 1))
    log = records_of(KEY, curve, note)
    assert note_of(log[tail_key(KEY)]) == note
    assert stored(log).epochs.tobytes() == curve.epochs.tobytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda tail, sealed: (tail[:10], sealed),
        lambda tail, sealed: (tail[:-1], sealed),
        lambda tail, sealed: (b"\x09" + tail[1:], sealed),
        lambda tail, sealed: (tail, None),
        lambda tail, sealed: (tail, sealed[:-40]),
        lambda tail, sealed: (tail, b"\x09" + sealed[1:]),
        lambda tail, sealed: (tail[:4] + b"\xff\xff\xff\x7f" + tail[8:], sealed),
    ],
)
def test_damage_is_told(damage):
    log = records_of(KEY, made_curve(*range(1, 100)), ObjectNote())
    tail, sealed = damage(log[tail_key(KEY)], log[sealed_key(KEY)])
    with pytest.raises(FatalError, match=f"the store here is damaged at {KEY}"):
        curve_of("the store here", KEY, tail, sealed)
