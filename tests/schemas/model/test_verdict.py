import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.model.verdict import published, verdicts, with_verdict

BELOW_A_HALF = np.float32(0.49999997)


def test_the_published_probability_decides_in_either_precision():
    """The single-precision number before a half is published as 0.5, which is not below 0.5."""
    assert np.nextafter(np.float32(0.5), np.float32(0.0)) == BELOW_A_HALF
    single = np.array([[BELOW_A_HALF, 0.4, 0.1], [0.4999998, 0.4, 0.1]], np.float32)
    for probabilities in (single, single.astype(np.float64)):
        said = verdicts(probabilities, np.ones(2, bool), limits=0.5)
        assert said.probability.tolist() == [0.5, 0.4999998]
        assert said.given.tolist() == [True, False]


def test_what_is_not_scored_has_no_class_no_probability_and_no_label():
    probabilities = np.array([[np.nan, np.nan], [0.2, 0.8]])
    said = verdicts(probabilities, np.array([False, True]), limits=0.0)
    assert said.best.tolist() == [2, 1]
    assert said.given.tolist() == [False, True]
    assert np.isnan(said.probability[0])
    nothing = verdicts(np.empty((0, 3)), np.empty(0, bool), limits=0.5)
    assert nothing.best.shape == nothing.given.shape == (0,)


def test_of_classes_that_are_published_as_equal_the_first_is_the_most_probable():
    """The second is more probable in the ninth decimal, which nobody is told."""
    single = np.array([[0.4, np.nextafter(np.float32(0.4), np.float32(1.0)), 0.2]], np.float32)
    assert single[0, 1] > single[0, 0]
    assert verdicts(single, np.ones(1, bool), limits=0.0).best.tolist() == [0]


def test_of_equal_classes_the_first_is_the_most_probable():
    assert verdicts(np.full((1, 4), 0.25), np.ones(1, bool), limits=0.5).best.tolist() == [0]


def test_each_light_curve_may_have_a_limit_of_its_own():
    said = verdicts(
        np.full((3, 2), 0.5), np.array([True, True, False]), limits=np.array([[0.5], [0.6], [0.1]])
    )
    assert said.given.tolist() == [True, False, False]


@given(
    arrays(np.float32, (5, 3), elements=st.floats(0.0, 1.0, width=32)),
    arrays(bool, 5),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_whoever_reads_the_published_probability_finds_the_same(probabilities, scored, limit):
    said = verdicts(probabilities, scored, limits=limit)
    for row in range(5):
        read = [round(value, 7) for value in probabilities[row].tolist()]
        assert said.given[row] == (scored[row] and max(read) >= limit)
        if scored[row]:
            assert said.probabilities[row].tolist() == read
            assert (said.best[row], said.probability[row]) == (read.index(max(read)), max(read))
        else:
            assert np.isnan(said.probabilities[row]).all()


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.9999999, 1e-7, 0.0, 1.0])
def test_a_published_probability_prints_with_the_digits_of_single_precision(value):
    single = float(np.float32(value))
    stated = float(published(single))
    assert stated == pytest.approx(single, abs=5e-8)
    assert len(f"{stated!r}".replace("e-07", "").partition(".")[2]) <= 7


@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("novel", [True, False])
@pytest.mark.parametrize("below", [True, False])
def test_the_status_says_what_kept_a_light_curve_from_a_label(scored, sure, novel, below):
    words = with_verdict(["ALIAS"], scored=scored, sure=sure, novel=novel, below_min_epochs=below)
    assert words[0] == "ALIAS"
    assert ("ABSTAINED" in words) == (scored and not sure)
    assert ("NOVEL" in words) == novel
    assert ("BELOW_MIN_EPOCHS" in words) == below


def test_a_class_is_given_from_its_own_limit_on():
    said = verdicts(
        np.array([[0.6, 0.4], [0.35, 0.65], [0.2, 0.8]]), np.ones(3, bool), limits=np.array([0.5, 0.7])
    )
    assert said.best.tolist() == [0, 1, 1]
    assert said.given.tolist() == [True, False, True]


@given(
    arrays(np.float32, (6, 4), elements=st.floats(0.0, 1.0, width=32)),
    arrays(bool, 6),
    arrays(np.float64, 6, elements=st.floats(0.0, 1.0) | st.just(float("nan"))),
    st.floats(0.0, 1.0),
)
def test_what_can_never_be_a_label_is_never_the_most_probable(probabilities, scored, novelty, novel_below):
    limits = [0.0, 0.2, 0.5, np.inf]
    said = verdicts(probabilities, scored, limits=limits, novelty=novelty, novel_below=novel_below)
    assert (said.best[scored] < 3).all()
    assert (said.best[~scored] == 4).all()
    assert said.probability[scored].tolist() == said.probabilities[scored, :3].max(axis=1).tolist()
    assert not (said.given & said.novel).any()
    assert (said.novel == (scored & (novelty < novel_below))).all()


def test_a_light_curve_whose_novelty_is_the_limit_is_not_novel():
    said = verdicts(
        np.full((3, 2), 0.5),
        np.array([True, True, False]),
        limits=0.0,
        novelty=np.array([0.03, 0.0299, 0.001]),
        novel_below=0.03,
    )
    assert said.novel.tolist() == [False, True, False]
    assert said.given.tolist() == [True, False, False]
    assert np.isnan(said.novelty[2])


def test_somebody_must_be_able_to_get_a_label():
    with pytest.raises(ValueError, match="no class can be a label"):
        verdicts(np.ones((1, 2)), np.ones(1, bool), limits=np.inf)
