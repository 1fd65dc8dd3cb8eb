import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.groups import Part, split, star_groups

ARCSEC = 1.0 / 3600.0
NOWHERE = np.nan


def groups(ids, ra, dec, links=None):
    columns = [np.array(ids)] + ([] if links is None else [np.array(links)])
    return star_groups(columns, np.array(ra, float), np.array(dec, float))


def test_four_arcsec_apart_is_one_star_and_six_are_two():
    group = groups(["a", "b", "c"], [10.0, 10.0, 10.0], [0.0, 4 * ARCSEC, 10 * ARCSEC])
    assert group[0] == group[1] != group[2]


def test_positions_match_across_zero_hours_and_near_the_pole():
    wrap = groups(["a", "b"], [359.9999, 0.0001], [-30.0, -30.0])
    assert wrap[0] == wrap[1]
    pole = groups(["a", "b"], [0.0, 180.0], [90.0 - ARCSEC, 90.0 - ARCSEC])
    assert pole[0] == pole[1]


def test_a_link_and_a_shared_id_join_and_a_chain_of_them_too():
    group = groups(
        ["eros1", "OGLE-7", "OGLE-7", "other"], [NOWHERE] * 4, [NOWHERE] * 4, links=["OGLE-7", "", "", ""]
    )
    assert group[0] == group[1] == group[2] != group[3]


def test_stars_without_id_and_position_stay_apart():
    assert len(set(groups(["", "", ""], [NOWHERE] * 3, [NOWHERE] * 3))) == 3


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=200),
    st.integers(0, 2**32 - 1),
)
def test_no_star_is_ever_on_both_sides(rows, seed):
    group, stratum = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    part = split(group, stratum, validation=0.2, test=0.3, seed=seed)
    assert all(len(set(part[group == star])) == 1 for star in set(group))


@given(st.integers(0, 2**32 - 1))
def test_every_class_is_shared_out_in_the_same_fractions(seed):
    stratum = np.repeat([0, 1], [1000, 50])
    part = split(np.arange(1050), stratum, validation=0.1, test=0.2, seed=seed)
    for value, n in ((0, 1000), (1, 50)):
        counts = np.bincount(part[stratum == value], minlength=3)
        expected = n * np.array([0.7, 0.1, 0.2])
        assert (np.abs(counts - expected) <= 1).all()
    assert set(part) == set(Part)
