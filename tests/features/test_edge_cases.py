"""Light curves that make other programs fail, raise or loop, and what becomes of them here."""

from __future__ import annotations

import numpy as np
import pytest

import features
from features import FEATURE_NAMES

TOO_FEW, NO_BASELINE, DEGENERATE = ["TOO_FEW"], ["NO_BASELINE"], ["DEGENERATE"]
PATCHED = ["ERR_PATCHED"]

EXPECTED = {
    **{f"N={n}": TOO_FEW for n in range(8)},
    **{f"N={n}": [] for n in (8, 10, 19)},
    "constant mag": DEGENERATE,
    "constant mag, err None": DEGENERATE + PATCHED,
    "mag all 0 (flux-like)": DEGENERATE,
    "two-valued mag (1 outlier)": DEGENERATE,
    "majority at max mag: m<=median all, none above": DEGENERATE,
    "err None": PATCHED,
    "err all zero": PATCHED,
    "err 25% zero": PATCHED,
    "err 60% zero": PATCHED,
    "one NaN err": PATCHED,
    "one negative err": PATCHED,
    "one inf err": PATCHED,
    "one tiny err 1e-12": [],
    "one NaN mag": [],
    "one inf mag": [],
    "one NaN time": [],
    "one sentinel 99.999": None,  # a survey's sentinel is for its adapter to know: any finite features
    "one mag=0": [],
    "duplicated times (each twice, different mags)": [],
    "exact duplicate epochs (each twice)": [],
    "all times equal": NO_BASELINE,
    "T=0.5 d": NO_BASELINE,
    "times exactly integer days": [],
    "times exactly 0.5 d steps": [],
    "times at one phase of P=1 (t=int+.3)": [],
    "unsorted times": [],
    "JD offset 2.45e6": [],
    "same LC offset 0": [],
    "float32 time (JD 2.45e6)": [],
    "float32 mag": [],
    "N=10000 T=3000": [],
    "T=12000 d": [],
    "lists instead of arrays": [],
}


@pytest.fixture(scope="module")
def edge_cases(shared_data):
    with np.load(shared_data / "features" / "edge_cases.npz") as file:
        cases = {}
        for key in file:
            name, _, series = key.partition("|")
            cases.setdefault(name, {})[series] = file[key]
    return cases


def extract(case, **options):
    err = case["e"] if case["e"].size else np.full(case["t"].size, np.nan)
    return features.extract(case["t"], case["m"], err, [0, case["t"].size], **options)


@pytest.mark.parametrize("convention", ["refined", "kim2021"])
@pytest.mark.parametrize("name", EXPECTED)
def test_an_edge_case_has_its_status_and_finite_features_unless_blocked(edge_cases, name, convention):
    values, status, *_ = extract(edge_cases[name], convention=convention)
    blocked = bool(status[0] & features.BLOCKING)
    assert np.isfinite(values).all() != blocked
    assert np.isnan(values).all() == blocked
    if EXPECTED[name] is not None:
        assert features.status_names(status[0]) == EXPECTED[name]


def test_no_edge_case_is_left_out(edge_cases):
    assert set(edge_cases) == set(EXPECTED)


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("err None", "err all zero"),
        ("unsorted times", "lists instead of arrays"),
        ("one NaN mag", "one inf mag"),
        ("one NaN mag", "one NaN time"),
        ("one NaN err", "one negative err"),
        ("one NaN err", "one inf err"),
    ],
)
def test_cases_that_mean_the_same_have_the_same_features(edge_cases, name, same_as):
    values, other = (extract(edge_cases[case])[0] for case in (name, same_as))
    assert np.array_equal(values, other)


def test_a_repeated_epoch_counts_once(edge_cases):
    case = edge_cases["exact duplicate epochs (each twice)"]
    _, first = np.unique(case["t"], return_index=True)
    once = {series: array[first] for series, array in case.items()}
    assert np.array_equal(extract(case)[0], extract(once)[0])


def test_a_julian_date_costs_no_more_than_its_own_digits(edge_cases):
    julian, zero = (extract(edge_cases[name])[0][0] for name in ("JD offset 2.45e6", "same LC offset 0"))
    period = FEATURE_NAMES.index("period")
    assert julian[period] == pytest.approx(zero[period], rel=1e-9)
    assert julian == pytest.approx(zero, rel=1e-4)  # slopes between points 5 s apart, times good to 4e-5 s
