import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from tests.training.loop import Stars, fit_one_cycle_alone, one_network
from training.errors import SettingsError, TrainingError
from training.examples.augment import Kind
from training.network.batch import Batch, oversampled
from training.network.loss import class_weights, partial_cross_entropy
from training.network.networks import Networks, as_scores, predict
from training.network.one_cycle import OneCycle, fit_one_cycle
from training.network.paper_sgd import Plateau, fit_plateau
from training.network.temperature import fit_temperature, fitted_to, softmax
from training.progress import QUIET

CALM = OneCycle(training_epochs=3, batch=512, peak_rate=3e-3, input_noise=0.0, label_smoothing=0.0)


def gaussians(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of equal weight, unit Gaussians at +1 and -1 in the first of 16 dimensions."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    scores = rng.normal(size=(n, 16))
    scores[:, 0] += 2.0 * label - 1.0
    return scores, label[:, None] == np.arange(2)


def stacked(n: int, *seeds: int) -> Batch:
    scores, allowed = zip(*(gaussians(n, seed) for seed in seeds), strict=True)
    return Batch.stack(scores, allowed)


def accuracy(networks: Networks, scores: np.ndarray, allowed: np.ndarray) -> float:
    return float((predict(networks, as_scores(scores))[0].argmax(axis=1) == allowed.argmax(axis=1)).mean())


def test_one_cycle_reaches_the_bayes_accuracy_of_two_gaussians():
    networks = Networks.random(2, [0])
    fit_one_cycle(networks, stacked(20_000, 1), CALM, seeds=[0], progress=QUIET)
    unseen, truth = gaussians(20_000, 2)
    # no classifier is right more often than Phi(1) = 0.841; the sampling error is 0.003
    assert accuracy(networks, unseen, truth) == pytest.approx(norm.cdf(1.0), abs=0.015)
    probability = softmax(predict(networks, as_scores(unseen))[0])[:, 1]
    assert np.abs(probability - expit(2.0 * unseen[:, 0])).mean() < 0.05  # the posterior, in closed form


def test_the_papers_loop_reaches_the_bayes_accuracy_too_and_keeps_its_best_training_epoch():
    networks = Networks.random(2, [0])
    history = fit_plateau(
        networks,
        stacked(8_000, 3),
        {"validation": stacked(4_000, 4)},
        Plateau(training_epochs=12, batch=512),
        seeds=[0],
        progress=QUIET,
    )
    reached = accuracy(networks, *gaussians(4_000, 4))
    assert reached == pytest.approx(norm.cdf(1.0), abs=0.025)
    best = history.mc["validation"][:, 0].max()
    assert best == pytest.approx((1 + (2 * reached - 1)) / 2, abs=0.01)  # Mc of a balanced pair
    assert history.mc["validation"].shape == history.rate.shape == (12, 1)


REPEATS = 5
SHORT = OneCycle(training_epochs=3, batch=32, input_noise=0.2, label_smoothing=0.1)


def unlike(repeat: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, allowed classes and weights of a repeat; every fifth example may be two of three classes."""
    rng = np.random.default_rng(repeat)
    label = rng.integers(0, 3, 110)
    scores = rng.normal(label[:, None] * 0.7, 1.0, (110, 16))
    allowed = label[:, None] == np.arange(3)
    allowed[::5] |= np.roll(allowed[::5], 1, axis=1)
    return scores, allowed, rng.uniform(0.5, 2.0, 110)


def fit_unlike(repeats: list[int], *, frozen: bool = False, settings: OneCycle = SHORT) -> Networks:
    """Fit in double precision, where a rounding does not grow to anything in a dozen steps."""
    examples = Batch.stack(*map(list, zip(*map(unlike, repeats), strict=True)))
    networks = Networks.random(3, repeats, widths=(12, 10, 8))
    double = Networks(
        {name: tensor.double() for name, tensor in networks.parameters.items()},
        {name: tensor.double() for name, tensor in networks.statistics.items()},
    )
    fit_one_cycle(
        double,
        Batch(examples.scores.double(), examples.allowed, examples.weights.double()),
        settings,
        seeds=[50 + repeat for repeat in repeats],
        progress=QUIET,
        frozen_statistics=frozen,
    )
    return double


def assert_same(found: Networks, row: int, expected: Networks, repeat: int) -> None:
    for mine, theirs in zip(found.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(mine[row], theirs[repeat], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", [None, 11], ids=["whole epochs", "steps that end within one"])
@pytest.mark.parametrize("frozen", [False, True], ids=["", "frozen statistics"])
def test_repeats_at_once_are_what_the_loop_makes_of_each_alone(frozen, steps):
    settings = OneCycle(training_epochs=3, steps=steps, batch=32, input_noise=0.2, label_smoothing=0.1)
    networks = fit_unlike(list(range(REPEATS)), frozen=frozen, settings=settings)
    initial = Networks.random(3, range(REPEATS), widths=(12, 10, 8))
    for repeat in range(REPEATS):
        scores, allowed, weights = (torch.from_numpy(array) for array in unlike(repeat))
        # in single precision first, as the engine is given them
        shown = Stars(scores.float().double(), allowed, (weights / weights.mean()).float().double())
        network = one_network(initial.weights(repeat)).double()
        fit_one_cycle_alone(network, shown, settings, seed=50 + repeat, frozen_statistics=frozen)
        state = network.state_dict()
        for name, tensor in (networks.parameters | networks.statistics).items():
            # a dozen steps: Adam's division makes 1e-16 in a gradient near zero visible
            torch.testing.assert_close(tensor[repeat], state[name], rtol=1e-7, atol=1e-7)


def test_a_repeat_does_not_depend_on_its_neighbours_nor_on_their_groups(monkeypatch):
    networks = fit_unlike(list(range(REPEATS)))
    for repeats in ([3], [4, 1]):
        others = fit_unlike(repeats)
        for row, repeat in enumerate(repeats):
            assert_same(others, row, networks, repeat)
    monkeypatch.setattr("training.network.networks.ROWS_AT_ONCE", 64)  # two at a time
    grouped = fit_unlike(list(range(REPEATS)))
    for repeat in range(REPEATS):
        assert_same(grouped, repeat, networks, repeat)


def test_a_repeat_without_numbers_is_told_and_leaves_the_others_untouched():
    examples, sound, spoilt = stacked(200, 1, 2, 3), *(Networks.random(2, [1, 2, 3]) for _ in range(2))
    settings = OneCycle(training_epochs=1)
    fit_one_cycle(sound, examples, settings, seeds=[1, 2, 3], progress=QUIET)
    examples.scores[1, 0, 0] = torch.nan
    with pytest.raises(TrainingError, match="loss became"):
        fit_one_cycle(spoilt, examples, settings, seeds=[1, 2, 3], progress=QUIET)
    for mine, theirs in zip(spoilt.tensors(), sound.tensors(), strict=True):
        assert (mine[[0, 2]] == theirs[[0, 2]]).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_what_the_processor_makes():
    examples = stacked(400, 1, 2)
    there = Batch(*(tensor.cuda() for tensor in (examples.scores, examples.allowed, examples.weights)))
    processor, gpu = (Networks.random(2, [1, 2], device=device) for device in ("cpu", "cuda"))
    settings = OneCycle(training_epochs=1, peak_rate=1e-3)
    fit_one_cycle(processor, examples, settings, seeds=[1, 2], progress=QUIET)
    fit_one_cycle(gpu, there, settings, seeds=[1, 2], progress=QUIET)
    assert gpu.device.type == "cuda"
    # Adam moves a weight by up to a rate a step, whatever the size of its gradient
    assert predict(gpu, there.scores) == pytest.approx(predict(processor, examples.scores), abs=0.05)


def test_the_same_seed_gives_the_same_weights():
    fits = []
    for _ in range(2):
        networks = Networks.random(2, [1])
        fit_one_cycle(networks, stacked(600, 5), OneCycle(training_epochs=2), seeds=[7], progress=QUIET)
        fits.append(networks.weights())
    assert all((fits[0][name] == fits[1][name]).all() for name in fits[0])


def test_loss_of_a_single_label_is_cross_entropy_and_of_a_coarse_one_the_summed_probability():
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    label = torch.arange(50) % 4
    single = torch.nn.functional.one_hot(label, 4).bool()
    expected = torch.nn.functional.cross_entropy(logits, label, reduction="none")
    torch.testing.assert_close(partial_cross_entropy(logits.T, single.T), expected)
    smooth = torch.nn.functional.cross_entropy(logits, label, reduction="none", label_smoothing=0.2)
    torch.testing.assert_close(partial_cross_entropy(logits.T, single.T, 0.2), smooth)
    pair = single | single.roll(1, dims=1)
    summed = -(torch.softmax(logits, 1) * pair).sum(1).log()
    torch.testing.assert_close(partial_cross_entropy(logits.T, pair.T), summed)
    repeats = partial_cross_entropy(torch.stack([logits.T, -logits.T]), torch.stack([pair.T, single.T]))
    torch.testing.assert_close(repeats[0], summed)
    opposite = torch.nn.functional.cross_entropy(-logits, label, reduction="none")
    torch.testing.assert_close(repeats[1], opposite)


def test_frozen_statistics_stay():
    networks = Networks.random(2, [0])
    before = networks.weights()
    settings = OneCycle(training_epochs=1)
    fit_one_cycle(networks, stacked(300, 6), settings, seeds=[0], progress=QUIET, frozen_statistics=True)
    after = networks.weights()
    assert all((after[k] == before[k]).all() for k in before if "running" in k)
    assert (after["fc1.weight"] != before["fc1.weight"]).any()


def test_examples_of_uneven_repeats_are_cut_to_the_shortest_and_weigh_one_on_average():
    rng = np.random.default_rng(1)
    scores = [rng.normal(size=(n, 16)) for n in (7, 5)]
    allowed = [rng.random((n, 3)) < 0.5 for n in (7, 5)]
    weights = [rng.uniform(1.0, 9.0, n) for n in (7, 5)]
    examples = Batch.stack(scores, allowed, weights)
    assert (len(examples), examples.n) == (2, 5)
    for repeat in range(2):
        assert examples.scores[repeat].numpy() == pytest.approx(scores[repeat][:5].T, rel=1e-6)
        assert (examples.allowed[repeat].numpy() == allowed[repeat][:5].T).all()
        kept = weights[repeat][:5]
        assert examples.weights[repeat].numpy() == pytest.approx(5.0 * kept / kept.sum(), rel=1e-6)
    assert (Batch.stack(scores, allowed).weights == 1).all()


def test_a_batch_is_each_repeats_own_examples():
    examples = stacked(6, 1, 2, 3)
    index = torch.tensor([[0, 5], [3, 3], [4, 1]])
    batch = examples.pick(index)
    for repeat, chosen in enumerate(index):
        assert (batch.scores[repeat] == examples.scores[repeat][:, chosen]).all()
        assert (batch.allowed[repeat] == examples.allowed[repeat][:, chosen]).all()
        assert (batch.weights[repeat] == examples.weights[repeat][chosen]).all()


def test_weights_of_classes_follow_their_numbers():
    allowed = np.repeat(np.eye(2, dtype=bool), [90, 10], axis=0)
    weights = class_weights(allowed, 1.0)
    assert weights[-1] / weights[0] == pytest.approx(9.0)  # eq. 12
    assert weights.mean() == pytest.approx(1.0)
    assert class_weights(allowed, 0.0) == pytest.approx(np.ones(100))


def drawn_from(logits: NDArray[np.float64], seed: int) -> NDArray[np.bool_]:
    """Labels, one for each row, drawn with the probabilities that the logits state."""
    drawn = np.random.default_rng([seed, 1]).random((len(logits), 1))
    label = (softmax(logits).cumsum(axis=1) > drawn).argmax(axis=1)
    allowed: NDArray[np.bool_] = label[:, None] == np.arange(logits.shape[1])
    return allowed


def test_temperature_recovers_by_how_much_logits_are_too_bold():
    honest = np.random.default_rng(8).normal(0.0, 2.0, (20_000, 3))
    temperature = fit_temperature(2.5 * honest, drawn_from(honest, 8))
    assert temperature == pytest.approx(2.5, rel=0.05)  # the standard error of the fit is about 1.5 per cent


def test_one_wrong_label_in_a_hundred_hardly_moves_the_temperature():
    """Of a wrong label a network is as sure as of a right one: the likelihood would ask for 1.20."""
    logits = np.random.default_rng(10).normal(0.0, 4.0, (20_000, 3))
    allowed = drawn_from(logits, 10)
    wrong = np.arange(20_000) % 100 == 0
    allowed[wrong] = logits[wrong].argmin(axis=1)[:, None] == np.arange(3)
    assert fit_temperature(logits, allowed) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(
    ("shortened", "n_first", "expected"),
    [
        (True, 200, {(Kind.FIRST, 20)}),
        (True, 199, {(Kind.FIRST, 10), (Kind.FIRST, 20), (Kind.FIRST, 40), (Kind.FULL, 20), (Kind.FULL, 90)}),
        (False, 200, {(Kind.FULL, 20), (Kind.FULL, 90)}),
    ],
)
def test_the_temperature_is_fitted_to_first_epochs_or_to_complete_light_curves(shortened, n_first, expected):
    of_twenty = [(Kind.FIRST, 20)] * n_first
    lengths = [(kind, n) for kind in Kind for n in ((20, 90) if kind == Kind.FULL else (10, 20, 40))]
    rest = [each for each in lengths if each != (Kind.FIRST, 20)] * 50
    kind, n_epochs = np.array(of_twenty + rest).T
    chosen = fitted_to(kind.astype(np.int8), n_epochs, shortened=shortened)
    assert set(zip(kind[chosen].tolist(), n_epochs[chosen].tolist(), strict=True)) == expected


def test_a_loss_that_is_no_number_ends_the_fit():
    examples = stacked(200, 9)
    examples.scores[:] = torch.inf
    with pytest.raises(TrainingError, match="loss became"):
        fit_one_cycle(Networks.random(2, [0]), examples, OneCycle(), seeds=[0], progress=QUIET)


@pytest.mark.parametrize("wrong", [{"training_epochs": 0}, {"batch": 1}, {"steps": 1}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        OneCycle(**wrong)


def test_over_sampling_keeps_every_example_and_makes_the_classes_equal():
    label = np.array([0] * 40 + [1] * 20 + [2] * 3)
    index = oversampled(label, 3, 40, seed=1)
    assert np.bincount(label[index]).tolist() == [40, 40, 40]
    assert set(index) == set(range(63))
    assert np.bincount(oversampled(label, 4, 40, seed=1)).sum() == 160  # a class without an example
    assert not np.array_equal(index, oversampled(label, 3, 40, seed=2))
