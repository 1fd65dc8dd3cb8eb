import numpy as np
import pytest
import torch
from rich.progress import Progress
from scipy.special import expit
from scipy.stats import norm

from training.calibrate import fit_temperature, softmax
from training.errors import SettingsError, TrainingError
from training.fit import OneCycle, check_examples, class_weights, fit_one_cycle, partial_cross_entropy
from training.network import Network, predict
from training.plateau import Examples, Plateau, fit_plateau

QUIET = Progress(disable=True)
CALM = OneCycle(
    training_epochs=3, batch=512, peak_rate=3e-3, input_noise=0.0, label_smoothing=0.0, dropout=0.0
)


def gaussians(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of equal weight, unit Gaussians at +1 and -1 in the first of 16 dimensions."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    scores = rng.normal(size=(n, 16))
    scores[:, 0] += 2.0 * label - 1.0
    return scores, label[:, None] == np.arange(2)


def accuracy(network: Network, scores: np.ndarray, allowed: np.ndarray) -> float:
    return float((predict(network, scores).argmax(axis=1) == allowed.argmax(axis=1)).mean())


def test_one_cycle_reaches_the_bayes_accuracy_of_two_gaussians():
    scores, allowed = gaussians(20_000, 1)
    network = Network(2)
    fit_one_cycle(network, scores, allowed, np.ones(len(scores)), CALM, seed=0, progress=QUIET)
    unseen, truth = gaussians(20_000, 2)
    # no classifier is right more often than Phi(1) = 0.841; the sampling error is 0.003
    assert accuracy(network, unseen, truth) == pytest.approx(norm.cdf(1.0), abs=0.015)
    probability = softmax(predict(network, unseen))[:, 1]
    assert np.abs(probability - expit(2.0 * unseen[:, 0])).mean() < 0.05  # the posterior, in closed form


def test_the_papers_loop_reaches_the_bayes_accuracy_too_and_keeps_its_best_training_epoch():
    scores, allowed = gaussians(8_000, 3)
    validation = Examples(*gaussians(4_000, 4))
    network, history = fit_plateau(
        Network(2),
        Examples(scores, allowed),
        validation,
        Plateau(training_epochs=12, batch=512),
        seed=0,
        progress=QUIET,
    )
    reached = accuracy(network, validation.scores, validation.allowed)
    assert reached == pytest.approx(norm.cdf(1.0), abs=0.025)
    assert max(history) == pytest.approx((1 + (2 * reached - 1)) / 2, abs=0.01)  # Mc of a balanced pair
    assert len(history) == 12


def test_the_same_seed_gives_the_same_weights():
    scores, allowed = gaussians(600, 5)
    fits = []
    for _ in range(2):
        torch.manual_seed(1)
        network = Network(2, dropout=0.2)
        settings = OneCycle(training_epochs=2)
        fit_one_cycle(network, scores, allowed, np.ones(600), settings, seed=7, progress=QUIET)
        fits.append(network.weights())
    assert all((fits[0][name] == fits[1][name]).all() for name in fits[0])


def test_loss_of_a_single_label_is_cross_entropy_and_of_a_coarse_one_the_summed_probability():
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    label = torch.arange(50) % 4
    single = torch.nn.functional.one_hot(label, 4).bool()
    expected = torch.nn.functional.cross_entropy(logits, label, reduction="none")
    torch.testing.assert_close(partial_cross_entropy(logits, single, 0.0), expected)
    smooth = torch.nn.functional.cross_entropy(logits, label, reduction="none", label_smoothing=0.2)
    torch.testing.assert_close(partial_cross_entropy(logits, single, 0.2), smooth)
    pair = single | single.roll(1, dims=1)
    summed = -(torch.softmax(logits, 1) * pair).sum(1).log()
    torch.testing.assert_close(partial_cross_entropy(logits, pair, 0.0), summed)


def test_frozen_statistics_stay():
    scores, allowed = gaussians(300, 6)
    network = Network(2)
    before = network.weights()
    settings = OneCycle(training_epochs=1)
    fit_one_cycle(
        network, scores, allowed, np.ones(300), settings, seed=0, progress=QUIET, frozen_statistics=True
    )
    after = network.weights()
    assert all((after[k] == before[k]).all() for k in before if "running" in k)
    assert (after["fc1.weight"] != before["fc1.weight"]).any()


def test_weights_of_classes_follow_their_numbers():
    allowed = np.repeat(np.eye(2, dtype=bool), [90, 10], axis=0)
    weights = class_weights(allowed, 1.0)
    assert weights[-1] / weights[0] == pytest.approx(9.0)  # eq. 12
    assert weights.mean() == pytest.approx(1.0)
    assert class_weights(allowed, 0.0) == pytest.approx(np.ones(100))


def test_temperature_recovers_by_how_much_logits_are_too_bold():
    rng = np.random.default_rng(8)
    honest = rng.normal(0.0, 2.0, (20_000, 3))
    drawn = (softmax(honest).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    allowed = drawn[:, None] == np.arange(3)
    temperature = fit_temperature(2.5 * honest, allowed, np.ones(20_000))
    assert temperature == pytest.approx(2.5, rel=0.03)  # the standard error of the fit is about one per cent


def test_one_class_only_is_refused_by_name():
    with pytest.raises(TrainingError, match="found only RRL_ab"):
        check_examples(np.tile([True, False], (100, 1)), ("RRL_ab", "RRL_c"))


def test_too_few_light_curves_are_refused():
    with pytest.raises(TrainingError, match="at least 32"):
        check_examples(np.eye(2, dtype=bool), ("RRL_ab", "RRL_c"))


def test_a_loss_that_is_no_number_ends_the_fit():
    scores, allowed = gaussians(200, 9)
    scores[:] = 1e30
    with pytest.raises(TrainingError, match="loss became"):
        fit_one_cycle(Network(2), scores * 1e10, allowed, np.ones(200), OneCycle(), seed=0, progress=QUIET)


@pytest.mark.parametrize("wrong", [{"training_epochs": 0}, {"batch": 1}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        OneCycle(**wrong)
