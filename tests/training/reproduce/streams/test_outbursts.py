"""Copies of cataclysmic variables beside the stars: what is compared, and how."""

import dataclasses

import numpy as np
import pytest

from features import FEATURE_NAMES
from tests.training.reobserve.aperiodic.made_stars import dwarf_nova
from training.reobserve.ztf_and_lsst import LSST_LIKE, ZTF_LIKE
from training.reproduce.streams import outbursts
from training.reproduce.streams.outburst_looks import FEWEST_EPOCHS, NEAREST_D, WAYS, look, thinned
from training.reproduce.streams.outbursts import FEATURE_SETS, Looks, Others, apart, called, quartiles


@pytest.fixture(autouse=True)
def small_forests(monkeypatch):
    monkeypatch.setattr(outbursts, "TREES", 40)


@pytest.fixture(scope="module")
def alike() -> Looks:
    """Stars and copies of the same distribution."""
    rng = np.random.default_rng(0)
    stars, copies = rng.normal(0.0, 1.0, (2, 150, 16))
    return Looks(
        stars,
        copies,
        np.repeat(np.arange(75), 2),
        np.arange(150),
        np.full(150, 20),
        np.full(150, "outbursts"),
    )


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_a_star_is_thinned_to_epochs_of_its_own_and_copies_have_as_many(cadence):
    whole = dwarf_nova()
    seen = 0
    for seed in range(8):
        for pair in look(whole, cadence, np.random.default_rng(seed)).values():
            assert np.isin(pair.star[0], whole[0]).all()
            assert len(pair.star[0]) == len(pair.copy[0]) >= FEWEST_EPOCHS
            moved = pair.copy[0] - pair.star[0]
            assert 3.0 <= abs(moved[0]) <= 30.0
            assert np.ptp(moved) < 1e-9
            seen += 1
    assert seen > 4


def test_epochs_far_from_any_visit_are_left_out():
    rng = np.random.default_rng(4)
    whole = (np.concatenate([np.arange(0.0, 40.0), [5000.0]]), np.zeros(41), np.ones(41))
    for _ in range(20):
        chosen = thinned(whole, dataclasses.replace(ZTF_LIKE), rng)
        assert chosen is None or np.diff(chosen).min() > 0
    alone = (np.array([0.0, 4.0 * NEAREST_D * 365.0]), np.zeros(2), np.ones(2))
    assert thinned(alone, ZTF_LIKE, rng) is None


def test_what_is_alike_cannot_be_told_apart_and_what_differs_can(alike):
    moved = dataclasses.replace(alike, copies=alike.copies + 1.5)
    rows = apart(dict(zip(WAYS, (alike, moved), strict=True)))
    assert [row[0] for row in rows] == list(FEATURE_SETS)
    for _, same, other, where_both in rows:
        assert float(same) == pytest.approx(0.5, abs=0.12)  # 300 rows of 75 stars: 0.04 each way
        assert float(other) > 0.9
        assert where_both == other
    half = alike.take(alike.look < 75)
    for _, _, other, where_both in apart(dict(zip(WAYS, (half, moved), strict=True))):
        assert min(float(other), float(where_both)) > 0.9


def test_quartiles_differ_by_what_was_added(alike):
    moved = dataclasses.replace(alike, copies=alike.stars + 2.0)
    rows = quartiles(dict(zip(WAYS, (dataclasses.replace(alike, copies=alike.stars), moved), strict=True)))
    assert [row[0] for row in rows] == list(FEATURE_NAMES)
    table = np.array([[float(each) for each in row[1:]] for row in rows])
    assert (table[:, :3] == 0.0).all()
    assert table[:, 3:] == pytest.approx(np.full((16, 3), 2.0), rel=0.3)  # deciles of 150: 0.2


def test_stars_and_copies_are_asked_about_by_forests_that_have_not_seen_them(alike):
    rng = np.random.default_rng(3)
    others = Others(rng.normal(4.0, 1.0, (60, 16)), 1000 + np.arange(60), np.full(60, "QSO"))
    far = dataclasses.replace(alike, copies=rng.normal(4.0, 1.0, (150, 16)))
    rows = {row[:2]: float(row[2]) for row in called(dict(zip(WAYS, (alike, far), strict=True)), others)}
    assert rows["stars", "stars"] > 0.95
    assert rows["stars", f"{WAYS[0]} copies"] > 0.95
    assert rows["stars", f"{WAYS[1]} copies"] < 0.05
    assert rows[f"{WAYS[1]} copies", f"{WAYS[1]} copies"] == pytest.approx(150 / 210, abs=0.35)
