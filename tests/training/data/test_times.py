"""Times that cannot show the periods searched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.light_curves import LightCurves, offsets_of
from training.data.read import read_light_curves
from training.data.times import check_times
from training.errors import TrainingError

RNG = np.random.default_rng(2)
FINE = [np.sort(RNG.uniform(58000.0, 58900.0, 60)) for _ in range(3)]


def check(times, *, single=False, refuse=True):
    """Warnings about light curves named V0, V1, ..."""
    said = []
    counts = np.array([len(time) for time in times], np.int64)
    time = np.concatenate(times).astype(np.float64)
    curves = LightCurves(time, np.full_like(time, 15.0), np.full_like(time, 0.1), offsets_of(counts))
    names = np.array([f"V{k}" for k in range(len(times))])
    check_times("stars.csv", curves, names, said.append, single=single, refuse=refuse)
    return said


def test_fine_times_are_nothing_to_speak_of():
    assert check(FINE) == []
    assert check([time + 2400000.5 for time in FINE]) == []
    assert check([np.round(time, 2) for time in FINE]) == []


@pytest.mark.parametrize(
    ("step", "origin"), [(0.1, 0.0), (0.1, 2400000.5), (0.125, 0.03), (0.25, 0.0), (1 / 3, 0.2), (1.0, 0.5)]
)
def test_a_file_on_a_coarse_grid_is_refused_by_its_step(step, origin):
    times = [np.unique(np.round((time - 58000.0) / step)) * step + 58000.0 + origin for time in FINE]
    with pytest.raises(TrainingError, match=rf"stars\.csv: its times lie on a grid of {step:.4g} d"):
        check(times)
    assert "grid" in check(times, refuse=False)[0]


def test_one_coarse_star_among_others_is_named():
    (said,) = check([FINE[0], np.unique(np.round(FINE[1], 1)), FINE[2]])
    assert "the times of 1 of 3 light curves lie on a grid" in said
    assert said.endswith(": V1")


def test_shorter_light_curves_show_that_a_file_is_not_rounded():
    plates = np.unique(np.round(FINE[1], 1))
    (said,) = check([FINE[0][:5], plates, FINE[2][:3]])
    assert "the times of 1 of 3 light curves lie on a grid" in said
    with pytest.raises(TrainingError, match=r"grid of 0\.1 d"):  # they are rounded, too, or even, or too few
        check([np.round(FINE[0][:5], 1), plates, np.arange(3.0), FINE[2][:2]])


def test_nights_at_about_the_same_hour_and_even_spacing_are_no_rounding():
    nightly = [np.arange(60) + 58000.0 + RNG.uniform(-0.02, 0.02, 60) for _ in range(2)]
    assert check(nightly) == []
    assert check([np.arange(30.0), 58000.0 + np.arange(40.0) * 0.25]) == []
    few = np.cumsum([1.0, 3.0, 1.0, 2.0, 1.0, 5.0, 1.0, 2.0, 1.0, 4.0, 2.0])
    assert check([few[:9]]) == []
    assert check([few])[0].endswith(": V0")  # too few to refuse a file for


@pytest.mark.parametrize(("origin", "minutes"), [(2400000.5, 360.0), (0.0, 5.6), (-48000.0, 1.4)])
def test_single_precision_that_cannot_hold_a_minute_is_refused_by_value(origin, minutes):
    times = [(time + origin).astype(np.float32) for time in FINE]
    for declared in (True, False):  # the type itself, or numbers that went through it
        with pytest.raises(TrainingError, match=f"steps of {minutes:g} minutes|grid of 0.25 d"):
            check(times, single=declared)


def test_single_precision_that_was_written_out_is_known_and_three_decimals_are_not_it():
    written = [np.array([float(str(value)) for value in time.astype(np.float32)]) for time in FINE]
    assert (written[0] != written[0].astype(np.float32)).any()
    with pytest.raises(TrainingError, match=r"steps of 5\.6 minutes"):
        check(written)
    for decimals in (2, 3, 4):
        assert check([np.round(time, decimals) for time in FINE]) == []


@pytest.mark.parametrize("step", [1 / 16, 1 / 32, 1 / 64, 1 / 96, 1 / 128, 0.0625 * 3, 30 / 1440])
def test_times_taken_every_so_often_are_as_they_were_taken(step):
    even = [58000.5 + np.arange(200) * step, 54953.0 + np.arange(300) * step]
    gaps = [58000.0 + np.sort(RNG.choice(4000, 200, replace=False)) * step] if step < 0.1 else []
    assert check(even + gaps) == []


def test_single_precision_near_zero_is_fine():
    assert check([(time - 58000.0).astype(np.float32) for time in FINE], single=True) == []


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_an_npz_is_looked_at_by_its_type(tmp_path, kind):
    time = (np.concatenate(FINE) + 2400000.5).astype(kind)
    np.savez(
        tmp_path / "stars.npz", time=time, mag=time * 0 + 15, err=time * 0 + 0.1, offsets=[0, 60, 120, 180]
    )
    if kind is np.float64:
        assert len(read_light_curves(tmp_path / "stars.npz").curves) == 3
    else:
        with pytest.raises(TrainingError, match=r"too coarse for periods from 0\.03 d on.*double precision"):
            read_light_curves(tmp_path / "stars.npz")


@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.2, 0.25, 0.5, 1.0, 2.0]), st.floats(-8000.0, 4000.0)
)
def test_a_grid_is_found_wherever_it_begins_and_one_time_beside_it_ends_it(seed, step, origin):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice(3000, 40, replace=False)) * step + origin
    with pytest.raises(TrainingError, match="lie on a grid"):
        check([time])
    time[20] += 0.041
    assert check([time]) == []
