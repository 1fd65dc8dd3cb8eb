import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.units import days_of, factor_of, unit_in, units_in
from training.errors import TrainingError


@pytest.mark.parametrize(
    ("key", "unit", "factor"),
    [
        ("time", "d", 1.0),
        ("time", "MJD", 1.0),
        ("time", "s", 1.0 / 86400.0),
        ("time", " [hours] ", 1.0 / 24.0),
        ("time", "yr", 365.25),
        ("mag", "mag(AB)", 1.0),
        ("err", "mmag", 0.001),
        ("ra", "hourangle", 15.0),
        ("dec", "rad", 180.0 / np.pi),
        ("dec", "", 1.0),
    ],
)
def test_units_of_the_kind_are_converted(key, unit, factor):
    assert factor_of(key, unit, "stars.csv: x") == pytest.approx(factor, rel=1e-14)


@pytest.mark.parametrize(("key", "unit"), [("mag", "mJy"), ("err", "d"), ("time", "mag"), ("ra", "pix")])
def test_other_units_are_refused(key, unit):
    with pytest.raises(TrainingError, match=f"stars.csv: x is in '{unit}', where .* convert"):
        factor_of(key, unit, "stars.csv: x")


@given(st.datetimes(datetime.datetime(1890, 1, 1), datetime.datetime(2100, 1, 1)))
def test_moments_are_modified_julian_dates_to_the_microsecond(moment):
    origin = datetime.datetime(1858, 11, 17)
    exact = (moment - origin) / datetime.timedelta(days=1)
    (day,) = days_of(np.array([moment], "datetime64[us]"))
    assert day == pytest.approx(exact, abs=1e-11)


def test_moments_of_any_resolution_durations_and_none():
    for unit in ("D", "h", "m", "s", "ms", "us", "ns"):
        assert days_of(np.array(["2000-01-01"], f"datetime64[{unit}]")).tolist() == [51544.0]
    assert days_of(np.array([36, 12], "timedelta64[h]")).tolist() == [1.5, 0.5]
    assert np.isnan(days_of(np.array(["NaT"], "datetime64[ns]"))).all()


@pytest.mark.parametrize(
    ("name", "unit"),
    [("time [s]", "s"), ("Mag (mmag)", "mmag"), ("f[mJy]", "mJy"), ("mag (PSF)", None), ("time", None)],
)
def test_a_unit_in_a_name_is_one_and_words_are_none(name, unit):
    assert unit_in(name) == unit


@pytest.mark.parametrize(
    "unit",
    ["e-/s", "electron s-1", "ct/s", "ADU/s", "erg/s/cm2", "erg s-1 cm-2", "W/m^2", "ppm", "%", "dex", "DN"],
)
def test_brightnesses_that_are_no_magnitudes_are_known(unit):
    assert unit_in(f"flux [{unit}]") == unit
    with pytest.raises(TrainingError, match="where magnitudes are needed"):
        factor_of("mag", unit, "flux")


@pytest.mark.parametrize("name", ["time [HJD-2450000]", "time (UT)", "err (1 sigma)", "mag (aperture 3)"])
def test_what_else_is_said_in_brackets_is_no_unit(name):
    assert unit_in(name) is None


def test_units_are_found_as_astropy_writes_them():
    lines = [
        "# %ECSV 1.0",
        "# datatype:",
        "# - {name: star, datatype: string}",
        "# - {name: 'hjd', unit: d, datatype: float64, description: 'name: of it'}",
        "# - name: flux",
        "#   unit: erg / (s cm2)",
        "# meta: !!omap",
        "# - {name: hjd, unit: s}",
    ]
    assert units_in(lines) == {"hjd": "d", "flux": "erg / (s cm2)"}
