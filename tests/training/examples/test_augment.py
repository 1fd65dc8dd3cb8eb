import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import SettingsError
from training.examples.augment import Kind, Sampling, augmented
from training.imitations.damped_random_walk import damped_random_walk

EVERYTHING = Sampling(
    truncations=4, first_epochs=(10, 20), shuffled=1.0, constant=1.0, damped_walk=1.0, seed=3
)


def star(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return np.sort(rng.uniform(0, 500, n)), rng.normal(15, 1, n), rng.uniform(0.01, 0.02, n)


def made(n: int, sampling: Sampling = EVERYTHING, number: int = 0):
    return list(augmented(star(n), number, sampling))


@given(st.integers(11, 300))
def test_a_prefix_is_the_first_epochs_and_a_thinned_curve_a_part_of_them_in_order(n):
    time, mag, err = star(n)
    for kind, (t, m, e) in made(n):
        assert 10 <= len(t) <= n
        if kind in {Kind.PREFIX, Kind.FULL, Kind.FIRST}:
            assert (t == time[: len(t)]).all()
            assert (m == mag[: len(t)]).all()
        assert np.isin(t, time).all()
        assert (np.diff(t) > 0).all()
        assert np.isin(e, err).all()
        if kind is Kind.WINDOW:
            start = np.searchsorted(time, t[0])
            assert (t == time[start : start + len(t)]).all()
        if kind in {Kind.THINNED, Kind.WINDOW}:
            assert (m == mag[np.searchsorted(time, t)]).all()
        if kind is Kind.SHUFFLED:
            assert sorted(m) == sorted(mag[np.searchsorted(time, t)])


def test_first_epochs_are_made_only_where_there_are_more():
    lengths = [len(t) for kind, (t, _, _) in made(15, Sampling(first_epochs=(10, 15, 20)))]
    assert lengths == [15, 10]


def test_a_light_curve_that_is_too_short_is_shown_whole_only():
    assert [kind for kind, _ in made(10)] == [Kind.FULL]


def test_examples_are_the_same_whenever_they_are_made_and_differ_between_stars():
    first, again, other = made(50), made(50), made(50, number=1)
    assert all((a[1][1] == b[1][1]).all() for a, b in zip(first, again, strict=True))
    assert any(len(a[1][1]) != len(b[1][1]) for a, b in zip(first, other, strict=True))


def test_a_constant_star_scatters_by_its_errors():
    scatter = [
        np.std((m - m.mean()) / e)
        for i in range(200)
        for kind, (_, m, e) in made(200, number=i)
        if kind is Kind.CONSTANT and len(m) > 50
    ]
    assert np.median(scatter) == pytest.approx(1.0, abs=0.1)


def test_a_damped_random_walk_is_stationary_and_forgets():
    rng = np.random.default_rng(0)
    time = np.array([0.0, 1.0, 100_000.0])
    walks = np.array([damped_random_walk(rng, time) for _ in range(4000)])
    first, last = walks[:, 0], walks[:, 2]
    assert last.std() == pytest.approx(first.std(), rel=0.06)
    assert abs(np.corrcoef(first, last)[0, 1]) < 0.06  # 100,000 d are many time scales
    assert np.corrcoef(first, walks[:, 1])[0, 1] > 0.97  # one day is none


@pytest.mark.parametrize("wrong", [{"truncations": -1}, {"min_epochs": 0}, {"shuffled": 1.5}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Sampling(**wrong)
