"""Arrays with units and dates: converted to days and magnitudes, or refused."""

import numpy as np
import pandas as pd
import pytest

from training import light_curve_features
from training.errors import SettingsError, TrainingError
from training.examples.array_points import gather

RNG = np.random.default_rng(6)
TIME = np.sort(58000.0 + RNG.choice(500, 40, replace=False) + RNG.uniform(-0.2, 0.2, 40))
MAG = 16.0 + 0.3 * np.sin(2.0 * np.pi * TIME / 0.61)
ERR = np.full(40, 0.02)
MOMENTS = np.datetime64("1858-11-17T00:00:00", "ns") + (TIME * 86400e9).astype("timedelta64[ns]")


@pytest.fixture(scope="module")
def expected():
    return light_curve_features([(TIME, MAG, ERR)])


def assert_same(curve, expected):
    made = light_curve_features([curve])
    assert made.n_epochs.tolist() == [40]
    assert made.period[0] == pytest.approx(expected.period[0], rel=1e-6)
    assert made.amplitude[0] == pytest.approx(expected.amplitude[0], rel=1e-6)
    assert made.stetson_k[0] == pytest.approx(expected.stetson_k[0], rel=1e-6)


@pytest.mark.parametrize(
    "time",
    [
        MOMENTS,
        np.ma.masked_array(MOMENTS),
        pd.Series(MOMENTS),
        pd.Series(MOMENTS).dt.tz_localize("UTC").dt.tz_convert("America/Lima"),
        pd.DatetimeIndex(MOMENTS),
        pd.DatetimeIndex(MOMENTS, tz="UTC"),
        list(MOMENTS.astype("datetime64[us]")),
        MOMENTS - np.datetime64("2017-01-01"),
        pd.Series(MOMENTS) - pd.Timestamp("2017-01-01"),
        pd.Series(TIME, dtype="Float64"),
        pd.Series(TIME, index=[f"row {k}" if k else "unit" for k in range(40)]),
    ],
    ids=[
        "datetime64",
        "masked",
        "series",
        "zone",
        "index",
        "UTC",
        "list",
        "durations",
        "differences",
        "Float64",
        "named",
    ],
)
def test_dates_and_durations_are_days(time, expected):
    assert_same((time, MAG, ERR), expected)


def test_dates_in_a_list_keep_their_unit_and_complex_numbers_are_none():
    hours = np.datetime64("2018-03-01", "h") + np.arange(40).cumsum().astype("timedelta64[h]")
    _, survey = gather([(list(hours), MAG, ERR)])
    assert survey.curves.time == pytest.approx(58178.0 + np.arange(40).cumsum() / 24.0, abs=1e-9)
    with pytest.raises(SettingsError, match="mag holds complex numbers"):
        light_curve_features([(TIME, MAG + 0.1j, ERR)])


def test_a_date_that_is_missing_or_masked_is_left_out():
    moments = MOMENTS.copy()
    moments[0] = np.datetime64("NaT")
    masked = np.ma.masked_array(moments, mask=np.arange(40) < 3)
    assert light_curve_features([(moments, MAG, ERR), (masked, MAG, ERR)]).n_epochs.tolist() == [39, 37]


def test_quantities_and_moments_of_astropy(expected):
    units = pytest.importorskip("astropy.units")
    times = pytest.importorskip("astropy.time")
    tables = pytest.importorskip("astropy.table")
    masked = pytest.importorskip("astropy.utils.masked")
    mag = MAG * units.mag
    for time in (
        TIME * units.d,
        (TIME * units.d).to(units.s),
        (TIME * units.d).to(units.yr),
        times.Time(TIME, format="mjd"),
        times.Time(TIME + 2400000.5, format="jd"),
        times.Time(TIME, format="mjd") - times.Time(57000.0, format="mjd"),
        tables.Column(TIME * 24.0, unit="h"),
        tables.Column(TIME),
        tables.MaskedColumn(TIME, unit="d"),
    ):
        assert_same((time, mag, (ERR * 1000.0) * units.mmag), expected)
    assert_same((TIME, MAG * units.ABmag, ERR * units.mag), expected)
    hidden = masked.Masked(MAG * units.mag, mask=np.arange(40) < 2)
    columns = tables.MaskedColumn(MAG, unit="mag", mask=np.arange(40) < 2)
    moments = times.Time(TIME, format="mjd")
    moments[:2] = np.ma.masked
    made = light_curve_features([(TIME, hidden, ERR), (TIME, columns, ERR), (moments, MAG, ERR)])
    assert made.n_epochs.tolist() == [38, 38, 38]
    with pytest.raises(TrainingError, match="light curve 0: mag is in 'mJy', where magnitudes are needed"):
        light_curve_features([(TIME, MAG * units.mJy, ERR)])
    with pytest.raises(TrainingError, match="time is in 'mag', where days are needed"):
        light_curve_features([(MAG * units.mag, TIME, ERR)])
    with pytest.raises(TrainingError, match="mag holds times"):
        light_curve_features([(TIME, times.Time(TIME, format="mjd"), ERR)])
    with pytest.raises(SettingsError, match="three arrays of numbers"):
        light_curve_features([([value * units.s for value in TIME], MAG, ERR)])


class FakePint:
    """As pint's quantities look."""

    def __init__(self, magnitude, units):
        self.magnitude, self.units = magnitude, units


def test_quantities_of_pint(expected):
    time, err = FakePint(TIME * 24.0, "hour"), FakePint(ERR, "dimensionless")
    assert_same((time, FakePint(MAG, "magnitude"), err), expected)
    with pytest.raises(TrainingError, match="mag is in 'millijansky'"):
        light_curve_features([(TIME, FakePint(MAG, "millijansky"), ERR)])


def test_dates_are_no_magnitudes():
    for mag in (MOMENTS, pd.Series(MOMENTS), MOMENTS - MOMENTS[0]):
        with pytest.raises(TrainingError, match="mag holds dates or durations"):
            light_curve_features([(TIME, mag, ERR)])


def test_points_without_information(capsys, expected):
    err, mag = ERR.copy(), MAG.copy()
    err[::10], mag[::10] = 99.99, 19.0
    made = light_curve_features({"V1": (TIME, mag, err)})
    assert made.n_epochs.tolist() == [36]
    assert made.period.iloc[0] == pytest.approx(expected.period[0], rel=1e-4)
    assert (
        "4 points left out, the first of light curve 'V1': err must be below 1 mag" in capsys.readouterr().err
    )
    for value in (88.888, 50.0, -9.99, 0.0):
        mag[5] = value
        with pytest.raises(TrainingError, match=f"'V1': magnitude {value:g} of point 5 is no measurement"):
            light_curve_features({"V1": (TIME, mag, ERR)})
    honest = MAG - 16.0
    honest[3] = 0.0
    assert light_curve_features([(TIME, honest, ERR)]).n_epochs.tolist() == [40]


def test_times_on_two_scales_or_in_single_precision(capsys):
    stray = TIME.copy()
    stray[7] += 2400000.5
    with pytest.raises(TrainingError, match=r"time 24\d+\.\d+ of point 7 is no measurement.*a century"):
        light_curve_features([(stray, MAG, ERR)])
    with pytest.raises(TrainingError, match=r"seconds / 86400"):
        light_curve_features([((TIME - 40587.0) * 86400.0, MAG, ERR)])
    with pytest.raises(TrainingError, match="too coarse"):
        light_curve_features([((TIME + 2400000.5).astype(np.float32), MAG, ERR)])
    assert light_curve_features([((TIME - 58000.0).astype(np.float32), MAG, ERR)]).n_epochs.tolist() == [40]
    assert capsys.readouterr().err == ""
    light_curve_features({"coarse": (np.round(TIME, 1), MAG, ERR), "fine": (TIME, MAG, ERR)})
    assert "1 of 2 light curves lie on a grid of 0.1 d or coarser" in (said := capsys.readouterr().err)
    assert said.rstrip().endswith("coarse")


def test_seconds_are_not_to_be_left_out_but_a_stray_date_is():
    with pytest.raises(TrainingError, match=r"must be in days.*seconds / 86400") as error:
        light_curve_features([(TIME * 86400.0, MAG, ERR)])
    assert "leave such points out" not in str(error.value)
    stray = np.where(np.arange(40) == 3, TIME + 2400000.5, TIME)
    with pytest.raises(
        TrainingError, match=r"more than a century from.*: leave such points out, or make them"
    ):
        light_curve_features([(stray, MAG, ERR)])
    stray[3] = np.nan
    assert light_curve_features([(stray, MAG, ERR)]).n_epochs.tolist() == [39]
