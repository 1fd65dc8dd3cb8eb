"""Points without information: which they are, and where they are left out without asking."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.bad_points import unusable
from training.data.read import read_light_curves
from training.errors import TrainingError

N = 40
RNG = np.random.default_rng(5)
TIME = np.sort(RNG.uniform(58000.0, 58900.0, N))


def write(path, mag, err, *, time=TIME, star=None):
    """Write points as the suffix of the file says."""
    star = np.full(len(mag), "V1") if star is None else star
    if path.suffix == ".npz":
        offsets = np.concatenate([[0], np.cumsum([np.sum(star == name) for name in dict.fromkeys(star)])])
        np.savez(path, time=time, mag=mag, err=err, offsets=offsets, object_id=list(dict.fromkeys(star)))
        return path
    with path.open("w", newline="") as file:
        rows = zip(star.tolist(), time.tolist(), mag.tolist(), err.tolist(), strict=True)
        csv.writer(file).writerows([("object_id", "time", "mag", "err"), *rows])
    return path


def left(path, **options):
    return read_light_curves(path, **options).curves.n_epochs.tolist()


@pytest.mark.parametrize("suffix", ["npz", "csv"])
@pytest.mark.parametrize(
    ("mag", "err", "reason"),
    [
        (18.5, 99.99, "large err"),
        (18.5, 1.0, "large err"),
        (88.888, 0.02, "mag"),
        (50.0, 0.02, "mag"),
        (35.001, 0.02, "mag"),
        (-9.99, 0.02, "mag"),
        (-5.001, 0.02, "mag"),
        (0.0, 0.02, "mag 0"),
        (-0.0, 0.02, "mag 0"),
    ],
)
def test_a_point_without_information_is_refused_or_left_out_and_counted(tmp_path, suffix, mag, err, reason):
    mags, errs = 16.0 + RNG.normal(0.0, 0.1, N), np.full(N, 0.02)
    mags[[3, 20]], errs[[3, 20]] = mag, err
    path = write(tmp_path / f"stars.{suffix}", mags, errs)
    place = "line 5" if suffix == "csv" else "light curve V1 point 4"
    with pytest.raises(TrainingError, match=f"{place}: {'err' if reason == 'large err' else 'mag'} must"):
        read_light_curves(path)
    stars = read_light_curves(path, skip_bad_rows=True)
    assert stars.curves.n_epochs.tolist() == [N - 2]
    assert stars.left_out == {reason: 2}
    known = write(tmp_path / f"css_sss_V.{suffix}", mags, errs)
    assert read_light_curves(known).left_out == {reason: 2}


@pytest.mark.parametrize(("mag", "err"), [(35.0, 0.02), (-5.0, 0.02), (16.0, 0.999), (16.0, 1e-9)])
def test_what_is_just_possible_is_believed(tmp_path, mag, err):
    mags, errs = np.full(N, 16.0), np.full(N, 0.02)
    mags[7], errs[7] = mag, err
    assert left(write(tmp_path / "stars.csv", mags, errs)) == [N]


def test_zeros_are_honest_where_the_magnitudes_are_about_a_median(tmp_path):
    about_zero = RNG.normal(0.0, 0.2, N)
    about_zero[[1, 2, 3]] = 0.0
    assert left(write(tmp_path / "stars.csv", about_zero, np.full(N, 0.02))) == [N]
    bright = np.full(N, 4.9)
    bright[3] = 0.0
    assert left(write(tmp_path / "bright.csv", bright, np.full(N, 0.02))) == [N]
    two = write(
        tmp_path / "two.csv",
        np.concatenate([about_zero, np.where(np.arange(N) % 3, 0.0, 16.0)]),  # more zeros than magnitudes
        np.full(2 * N, 0.02),
        time=np.tile(TIME, 2),
        star=np.repeat(["sub", "V2"], N),
    )
    stars = read_light_curves(two, skip_bad_rows=True)
    assert dict(zip(stars.columns["object_id"], stars.curves.n_epochs, strict=True)) == {"sub": N, "V2": 14}


def test_magnitudes_that_repeat_are_no_sign_of_anything(tmp_path):
    outburst = np.where(np.arange(N) < 30, 19.5, 12.0)
    assert left(write(tmp_path / "nova.csv", outburst, np.full(N, 0.1))) == [N]


def test_other_faults_of_a_public_survey_are_not_forgiven(tmp_path):
    time = TIME.copy()
    time[4] = np.nan
    path = write(tmp_path / "eros1_R.csv", np.full(N, 16.0), np.full(N, 0.02), time=time)
    with pytest.raises(TrainingError, match="line 6: time must be a finite number"):
        read_light_curves(path)


@pytest.mark.parametrize("suffix", ["npz", "csv"])
@pytest.mark.parametrize("stray", [2458100.5, 0.0, -9999.0])
def test_a_stray_time_is_named_or_left_out(tmp_path, suffix, stray):
    time = TIME.copy()
    time[10] = stray
    path = write(tmp_path / f"stars.{suffix}", np.full(N, 16.0), np.full(N, 0.02), time=time)
    with pytest.raises(TrainingError, match=r"(line 12|point 11): time is more than a century from .*JD"):
        read_light_curves(path)
    stars = read_light_curves(path, skip_bad_rows=True)
    assert stars.left_out == {"stray time": 1}
    assert np.ptp(stars.curves.time) < 900.0


@pytest.mark.parametrize(
    "time",
    [
        (TIME - 40587.0) * 86400.0,  # Unix seconds
        (TIME - 40587.0) * 86400e3,  # milliseconds
        (TIME - 58000.0) * 86400.0,  # seconds from the first night
        np.where(np.arange(N) % 2, TIME, TIME + 2400000.5),  # half JD, half MJD
    ],
    ids=["unix", "milliseconds", "seconds", "two scales"],
)
def test_times_that_are_not_in_days_of_one_scale_are_told_as_such(tmp_path, time):
    path = write(tmp_path / "stars.csv", np.full(N, 16.0), np.full(N, 0.02), time=time)
    with pytest.raises(TrainingError, match=r"time must be in days, all .* one scale \(seconds / 86400; JD"):
        read_light_curves(path)
    with pytest.raises(TrainingError, match=f"no usable row: all {N} are bad"):
        read_light_curves(path, skip_bad_rows=True)


def test_plates_of_a_century_and_light_curves_on_scales_of_their_own_are_read(tmp_path):
    plates = np.sort(RNG.uniform(2411000.5, 2447892.5, 2 * N))
    star = np.repeat(["plates", "now"], [2 * N, N])
    time = np.concatenate([plates, TIME])
    path = write(tmp_path / "stars.csv", np.full(3 * N, 12.0), np.full(3 * N, 0.1), time=time, star=star)
    assert left(path) == [2 * N, N]


values = st.one_of(
    st.floats(-200.0, 200.0), st.sampled_from([0.0, 1.0, -5.0, 35.0, np.nan, np.inf, 99.999, 2458000.0])
)


@given(st.lists(st.tuples(values, values, values, st.integers(0, 2)), min_size=1, max_size=30))
def test_every_point_is_judged_and_those_that_pass_are_measurements(points):
    time, mag, err, curve = (np.array(column) for column in zip(*points, strict=True))
    broken = unusable(time.astype(float), mag.astype(float), err.astype(float), curve)
    passed = ~np.logical_or.reduce(list(broken.values()))
    assert np.isfinite(time[passed]).all()
    assert ((mag[passed] >= -5.0) & (mag[passed] <= 35.0)).all()
    assert ((err[passed] > 0.0) & (err[passed] < 1.0)).all()
    for number in np.unique(curve[passed]):
        own = passed & (curve == number)
        if (mag[own] == 0.0).any() and (mag[own] != 0.0).all():
            raise AssertionError
        assert not ((mag[own] == 0.0).any() and (mag[own] > 5.0).sum() > own.sum() / 2)


@given(st.integers(0, 2**32 - 1))
def test_the_verdict_on_a_point_does_not_depend_on_the_order_of_the_rows(seed):
    rng = np.random.default_rng(seed)
    curve = rng.integers(0, 4, 60)
    time = rng.choice([58000.0, 2458000.5, 0.0], 60, p=[0.9, 0.05, 0.05]) + rng.uniform(0, 500, 60)
    mag = np.where(rng.random(60) < 0.2, 0.0, rng.choice([0.1, 16.0], 4)[curve])
    err = rng.choice([0.02, 1.5], 60)
    order = rng.permutation(60)
    one = unusable(time, mag, err, curve)
    other = unusable(time[order], mag[order], err[order], curve[order])
    for reason, rows in one.items():
        assert rows[order].tolist() == other[reason].tolist(), reason
