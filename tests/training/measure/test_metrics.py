import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.measure.metrics import (
    accuracy,
    bootstrap_error,
    calibration_error,
    calibration_noise,
    class_scores,
    confusion_matrices,
    confusion_matrix,
    mcc,
    mccs,
    scaled_mcc,
    scaled_mccs,
    standard_error,
)

confusions = st.integers(2, 6).flatmap(lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 50)))


def triple_sum(c: np.ndarray) -> float:
    """Eq. 9 of Kim et al. (2021), written out as it is printed."""
    k = range(len(c))
    numerator = sum(int(c[a, a] * c[b, d] - c[a, b] * c[d, a]) for a in k for b in k for d in k)
    rows = sum(float(sum(c[a, b] for b in k)) * sum(int(c[d, e]) for d in k if d != a for e in k) for a in k)
    columns = sum(
        float(sum(c[b, a] for b in k)) * sum(int(c[e, d]) for d in k if d != a for e in k) for a in k
    )
    return numerator / np.sqrt(rows) / np.sqrt(columns) if rows and columns else 0.0


@given(confusions)
def test_mcc_is_the_triple_sum_of_the_paper(confusion):
    assert mcc(confusion) == pytest.approx(triple_sum(confusion), abs=1e-12)


def test_metrics_agree_with_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 5, 400)
    predicted = np.where(rng.random(400) < 0.7, truth, rng.integers(0, 5, 400))
    confusion = confusion_matrix(truth, predicted, 5)
    assert (confusion == peer.confusion_matrix(truth, predicted)).all()
    assert mcc(confusion) == pytest.approx(peer.matthews_corrcoef(truth, predicted), abs=1e-12)
    assert accuracy(confusion) == pytest.approx(peer.accuracy_score(truth, predicted))
    precision, recall, f1, n = peer.precision_recall_fscore_support(truth, predicted)
    for k, score in enumerate(class_scores(confusion)):
        assert (score.precision, score.recall, score.f1) == pytest.approx((precision[k], recall[k], f1[k]))
        assert score.n == n[k]


def test_repeats_at_once_agree_with_scikit_learn_one_by_one():
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 5, (6, 300))
    predicted = np.where(
        rng.random((6, 300)) < np.linspace(0.0, 1.0, 6)[:, None], truth, rng.integers(0, 5, 300)
    )
    truth[1] = np.minimum(truth[1], 3)  # a class without stars
    predicted[2] = np.minimum(predicted[2], 2)  # classes without answers
    predicted[3] = 4  # one answer only: by convention 0
    confusion = confusion_matrices(truth, predicted, 5)
    assert confusion.shape == (6, 5, 5)
    for repeat, matrix in enumerate(confusion):
        expected = peer.confusion_matrix(truth[repeat], predicted[repeat], labels=range(5))
        assert (matrix == expected).all()
    expected = np.array([peer.matthews_corrcoef(*pair) for pair in zip(truth, predicted, strict=True)])
    assert mccs(confusion) == pytest.approx(expected, abs=1e-12)
    assert scaled_mccs(confusion) == pytest.approx((1.0 + expected) / 2.0, abs=1e-12)
    assert mccs(confusion)[3] == 0.0
    assert mccs(confusion)[5] == pytest.approx(1.0, abs=1e-15)


def test_a_perfect_classifier_has_mc_one_a_reversed_pair_zero_and_a_constant_one_half():
    assert scaled_mcc(np.diag([3, 4, 5])) == 1.0
    assert scaled_mcc(np.array([[0, 4], [4, 0]])) == 0.0
    assert scaled_mcc(np.array([[4, 0], [7, 0]])) == 0.5


def test_ratios_without_a_denominator_are_none():
    never_there = class_scores(np.array([[2, 0], [0, 0]]))[1]
    assert (never_there.n, never_there.precision, never_there.recall, never_there.f1) == (0, None, None, None)


def test_standard_error_is_sigma_over_root_n():
    assert standard_error(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(np.sqrt(5.0 / 3.0) / 2.0)


def test_bootstrap_error_of_two_classes_is_near_its_binomial_value():
    # Balanced truth and balanced symmetric errors at rate q: Mc is nearly 1 - q, so its error is binomial.
    rng = np.random.default_rng(0)
    truth = np.arange(2000) % 2
    predicted = np.where(rng.random(2000) < 0.1, 1 - truth, truth)
    assert bootstrap_error(truth, predicted, 2) == pytest.approx(np.sqrt(0.1 * 0.9 / 2000), rel=0.2)


def test_light_curves_of_one_star_are_no_independent_witnesses():
    rng = np.random.default_rng(0)
    truth = np.arange(500) % 2
    predicted = np.where(rng.random(500) < 0.1, 1 - truth, truth)
    once = np.sqrt(0.1 * 0.9 / 500)
    four = [np.repeat(each, 4) for each in (truth, predicted, np.arange(500))]  # bands that always agree
    assert bootstrap_error(four[0], four[1], 2, star=four[2]) == pytest.approx(once, rel=0.2)
    assert bootstrap_error(four[0], four[1], 2) == pytest.approx(once / 2, rel=0.2)


def test_calibration_error_of_known_cases():
    half_right = np.arange(300) % 2 == 0
    assert calibration_error(np.full(300, 0.5), half_right) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(np.full(300, 0.9), half_right) == pytest.approx(0.4, abs=1e-12)


@pytest.mark.parametrize("n", [100, 2000])
def test_calibration_noise_is_the_error_of_labels_drawn_with_the_stated_probabilities(n):
    rng = np.random.default_rng(3)
    probability = rng.beta(5.0, 1.5, n)
    drawn = [calibration_error(probability, rng.random(n) < probability) for _ in range(2000)]
    assert calibration_noise(probability) == pytest.approx(np.mean(drawn), rel=0.04)
    assert calibration_noise(np.ones(n)) == 0.0
