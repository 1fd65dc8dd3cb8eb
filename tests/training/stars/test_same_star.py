import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.stars.folds import folds, stratified_rank
from training.stars.same_star import connected_stars

ARCSEC = 1.0 / 3600.0
NOWHERE = np.nan


def stars_of(ids, ra, dec, links=None):
    columns = [np.array(ids)] + ([] if links is None else [np.array(links)])
    return connected_stars(columns, np.array(ra, float), np.array(dec, float))


def test_four_arcsec_apart_is_one_star_and_six_are_two():
    star = stars_of(["a", "b", "c"], [10.0, 10.0, 10.0], [0.0, 4 * ARCSEC, 10 * ARCSEC])
    assert star[0] == star[1] != star[2]


def test_positions_match_across_zero_hours_and_near_the_pole():
    wrap = stars_of(["a", "b"], [359.9999, 0.0001], [-30.0, -30.0])
    assert wrap[0] == wrap[1]
    pole = stars_of(["a", "b"], [0.0, 180.0], [90.0 - ARCSEC, 90.0 - ARCSEC])
    assert pole[0] == pole[1]


def test_a_link_and_a_shared_id_join_and_a_chain_of_them_too():
    star = stars_of(
        ["eros1", "OGLE-7", "OGLE-7", "other"], [NOWHERE] * 4, [NOWHERE] * 4, links=["OGLE-7", "", "", ""]
    )
    assert star[0] == star[1] == star[2] != star[3]


def test_stars_without_id_and_position_stay_apart():
    assert len(set(stars_of(["", "", ""], [NOWHERE] * 3, [NOWHERE] * 3))) == 3


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=200),
    st.integers(0, 2**32 - 1),
)
def test_no_star_is_ever_in_two_folds(rows, seed):
    star, stratum = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    fold = folds(star, stratum, count=3, seed=seed)
    assert all(len(set(fold[star == each])) == 1 for each in set(star))
    assert set(fold) <= {0, 1, 2}


@given(st.integers(0, 2**32 - 1))
def test_every_class_is_shared_out_in_the_same_fractions(seed):
    stratum = np.repeat([0, 1], [1000, 50])
    fold = folds(np.arange(1050), stratum, count=5, seed=seed)
    for value, n in ((0, 1000), (1, 50)):
        counts = np.bincount(fold[stratum == value], minlength=5)
        assert (np.abs(counts - n / 5) <= 1).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_a_small_share_of_the_order_has_every_class_in_proportion(seed, share):
    stratum = np.repeat([0, 1], [1000, 50])
    place = stratified_rank(np.arange(1050), stratum, seed=seed)
    assert place.min() >= 0.0
    assert place.max() < 1.0
    for value, n in ((0, 1000), (1, 50)):
        assert abs((place[stratum == value] < share).sum() - share * n) <= 1
