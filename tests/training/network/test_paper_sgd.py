from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.training.loop import Stars, fit_plateau_alone, mc_of, one_network
from training.errors import SettingsError, TrainingError
from training.network.batch import Batch
from training.network.layers import Layers
from training.network.networks import Networks
from training.network.paper_sgd import History, Plateau, fit_plateau
from training.progress import QUIET

WIDTHS = (12, 10, 8)
N_CLASSES = 4
N_TRAINING, N_VALIDATION = 130, 60
REPEATS = 5
SHORT = Plateau(training_epochs=12, batch=32, patience=2, lowest_rate=3e-3)
"""The rate has two values, 0.1 and 0.01: it falls and returns within few training epochs. The last batch of
an epoch has two examples."""


def stars(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, allowed classes and weights of overlapping classes; a tenth may be a second class as well."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, N_CLASSES, n)
    scores = rng.normal(size=(n, 16))
    scores[:, :N_CLASSES] += 1.2 * (label[:, None] == np.arange(N_CLASSES))
    allowed = label[:, None] == np.arange(N_CLASSES)
    allowed[: n // 10] |= np.roll(allowed[: n // 10], 1, axis=1)
    return scores, allowed, rng.uniform(0.5, 2.0, n)


def stacked(repeats: list[int], n: int, part: int, dtype: torch.dtype = torch.float64) -> Batch:
    each = [stars(n, 10 * repeat + part) for repeat in repeats]
    examples = Batch.stack(*map(list, zip(*each, strict=True)))
    return Batch(examples.scores.to(dtype), examples.allowed, examples.weights.to(dtype))


def alone(repeat: int, n: int, part: int) -> Stars:
    """The same, without the engine; in single precision first, as the engine is given them."""
    scores, allowed, weights = (torch.from_numpy(array) for array in stars(n, 10 * repeat + part))
    return Stars(scores.float().double(), allowed, (weights / weights.mean()).float().double())


def in_double(networks: Networks) -> Networks:
    """Double precision: a rounding grows tenfold in a few training epochs, until an answer flips."""
    return Networks(
        {name: tensor.double() for name, tensor in networks.parameters.items()},
        {name: tensor.double() for name, tensor in networks.statistics.items()},
    )


def fit(
    repeats: list[int],
    layers: Layers = Layers.EVERY,
    *,
    training: Batch | None = None,
    settings: Plateau = SHORT,
) -> tuple[Networks, History]:
    networks = in_double(Networks.random(N_CLASSES, repeats, widths=WIDTHS))
    history = fit_plateau(
        networks,
        training or stacked(repeats, N_TRAINING, 0),
        {"validation": stacked(repeats, N_VALIDATION, 1), "test": stacked(repeats, N_VALIDATION, 2)},
        settings,
        seeds=[100 + repeat for repeat in repeats],
        layers=layers,
        progress=QUIET,
    )
    return networks, history


@pytest.fixture(scope="module")
def together() -> tuple[Networks, History]:
    return fit(list(range(REPEATS)))


def tensors_of(networks: Networks, repeat: int) -> dict[str, torch.Tensor]:
    tensors = networks.parameters | networks.statistics
    return {name: tensor[repeat].cpu() for name, tensor in tensors.items()}


def assert_same(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float = 1e-9
) -> None:
    """Roundings of 1e-16 have grown to 1e-11 at the end of the fits of this file."""
    for name, tensor in found.items():
        torch.testing.assert_close(
            tensor, expected[name], rtol=tolerance, atol=tolerance, msg=lambda text, name=name: name + text
        )


@pytest.mark.parametrize("layers", Layers)
def test_repeats_at_once_are_what_the_loop_makes_of_each_alone(layers):
    networks, history = fit(list(range(REPEATS)), layers)
    initial = Networks.random(N_CLASSES, range(REPEATS), widths=WIDTHS)
    for repeat in range(REPEATS):
        network = one_network(initial.weights(repeat)).double()
        record = fit_plateau_alone(
            network,
            alone(repeat, N_TRAINING, 0),
            alone(repeat, N_VALIDATION, 1),
            SHORT,
            seed=100 + repeat,
            last_layer=layers is Layers.LAST,
        )
        assert history.mc["validation"][:, repeat] == pytest.approx(record.mc, abs=1e-12)
        assert history.rate[:, repeat] == pytest.approx(record.rate, rel=1e-12)
        assert history.best[repeat] == record.best
        assert_same(tensors_of(networks, repeat), network.state_dict())


def test_the_comparison_sees_rates_fall_and_return_at_different_training_epochs(together):
    _, history = together
    falls = {tuple(np.flatnonzero(np.diff(rate) < 0)) for rate in history.rate.T}
    assert len(falls) > 2
    assert all(falls)
    assert (np.diff(history.rate, axis=0) > 0).any()
    assert len(set(history.best)) > 2


def test_a_rate_falls_after_so_many_training_epochs_without_a_better_mc(together):
    _, history = together
    for rate, mc in zip(history.rate.T, history.mc["validation"].T, strict=True):
        since = 0
        for epoch, (now, following) in enumerate(pairwise(rate)):
            since = 0 if mc[epoch] > max(mc[:epoch], default=-1.0) else since + 1
            assert following == (
                pytest.approx(now) if since < SHORT.patience else pytest.approx(0.01 if now > 0.05 else 0.1)
            )
            since = 0 if since == SHORT.patience else since


def test_each_network_is_left_at_its_best_training_epoch(together):
    networks, history = together
    for repeat in range(REPEATS):
        network = one_network(networks.weights(repeat)).double()
        for part, number in (("validation", 1), ("test", 2)):
            mc = mc_of(network, alone(repeat, N_VALIDATION, number))
            assert history.chosen(part)[repeat] == pytest.approx(mc, abs=1e-12)
    assert (history.chosen("validation") == history.mc["validation"].max(axis=0)).all()


def test_of_equal_training_epochs_the_first_is_kept():
    def fit_far_apart(training_epochs: int) -> tuple[Networks, History]:
        label = np.arange(1000) % 2
        scores = np.random.default_rng(0).normal(5.0 * label[:, None], 1.0, (1000, 16))
        examples = Batch.stack([scores], [label[:, None] == np.arange(2)])
        networks = Networks.random(2, [0], widths=WIDTHS)
        settings = Plateau(training_epochs=training_epochs, batch=32)
        history = fit_plateau(
            networks, examples, {"validation": examples}, settings, seeds=[0], progress=QUIET
        )
        return networks, history

    networks, history = fit_far_apart(6)
    best = int(history.best[0])
    assert (history.mc["validation"][best:, 0] == 1.0).all()  # no answer is wrong: nothing is better
    assert best < 5
    expected, _ = fit_far_apart(best + 1)
    assert_same(tensors_of(networks, 0), tensors_of(expected, 0), 0.0)


def test_what_was_watched_beside_validation_is_told_at_the_chosen_training_epoch(together):
    _, history = together
    expected = [history.mc["test"][epoch, repeat] for repeat, epoch in enumerate(history.best)]
    assert history.chosen("test").tolist() == expected


def test_a_repeat_does_not_depend_on_its_neighbours(together):
    networks, history = together
    for repeats in ([3], [4, 1]):
        others, record = fit(repeats)
        for row, repeat in enumerate(repeats):
            # not to the bit: a library may sum in another order for another number of networks
            assert_same(tensors_of(others, row), tensors_of(networks, repeat))
            assert record.rate[:, row] == pytest.approx(history.rate[:, repeat], rel=1e-12)
            assert record.mc["validation"][:, row] == pytest.approx(history.mc["validation"][:, repeat])


@pytest.mark.parametrize("rows", [32, 64, 96])
def test_groups_do_not_change_the_result(together, monkeypatch, rows):
    networks, history = together
    monkeypatch.setattr("training.network.networks.ROWS_AT_ONCE", rows)  # one, two, three of five at a time
    grouped, record = fit(list(range(REPEATS)))
    for repeat in range(REPEATS):
        assert_same(tensors_of(grouped, repeat), tensors_of(networks, repeat))
    assert record.rate == pytest.approx(history.rate, rel=1e-12)
    assert record.mc["test"] == pytest.approx(history.mc["test"])


def test_a_repeat_that_diverges_is_told_and_leaves_the_others_untouched():
    settings = Plateau(training_epochs=1, batch=32)
    training = stacked([0, 1, 2], N_TRAINING, 0)
    training.scores[1, 0, 0] = torch.nan
    spoilt = in_double(Networks.random(N_CLASSES, [0, 1, 2], widths=WIDTHS))
    watched = {"validation": stacked([0, 1, 2], N_VALIDATION, 1)}
    with pytest.raises(TrainingError, match="diverged"):
        fit_plateau(spoilt, training, watched, settings, seeds=[100, 101, 102], progress=QUIET)
    sound, _ = fit([0, 1, 2], settings=settings)
    assert spoilt.parameters["fc1.weight"][1].isnan().all()
    for repeat in (0, 2):
        assert_same(tensors_of(spoilt, repeat), tensors_of(sound, repeat), 0.0)


def test_the_last_layer_alone_moves_and_the_normalisations_follow_the_data():
    before = Networks.random(N_CLASSES, [0, 1], widths=WIDTHS)
    networks, _ = fit([0, 1], Layers.LAST)
    for repeat in range(2):
        after = networks.weights(repeat)
        for name, array in before.weights(repeat).items():
            if name == "fc4.weight" or "running" in name:
                assert (after[name] != array).any(), name
            elif name != "fc4.bias":  # the normalisation behind it takes it out again: its gradient is zero
                assert (after[name] == array).all(), name


def test_a_single_example_that_is_left_over_is_not_a_batch():
    training = stacked([0], 65, 0)
    settings = Plateau(training_epochs=1, batch=64)
    networks, _ = fit([0], training=training, settings=settings)
    order = torch.randperm(65, generator=torch.Generator().manual_seed(100))[:64]
    first = Batch(training.scores[:, :, order], training.allowed[:, :, order], training.weights[:, order])
    shown = in_double(Networks.random(N_CLASSES, [0], widths=WIDTHS))
    shown.logits(first.scores, training=True)
    # the running statistics of the input saw one batch, and no more
    for name in ("bn1.running_mean", "bn1.running_var"):
        assert networks.weights()[name] == pytest.approx(shown.weights()[name], rel=1e-6)


@pytest.mark.parametrize("wrong", [{"training_epochs": 0}, {"batch": 1}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Plateau(**wrong)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_what_the_processor_makes():
    single = [Networks.random(N_CLASSES, range(3), device=device) for device in ("cpu", "cuda")]
    settings = Plateau(training_epochs=2, batch=32)
    histories = [
        fit_plateau(
            networks,
            on(networks.device, stacked([0, 1, 2], N_TRAINING, 0, torch.float32)),
            {"validation": on(networks.device, stacked([0, 1, 2], N_VALIDATION, 1, torch.float32))},
            settings,
            seeds=[5, 6, 7],
            progress=QUIET,
        )
        for networks in single
    ]
    for repeat in range(3):
        # ten steps in single precision
        assert_same(tensors_of(single[1], repeat), tensors_of(single[0], repeat), 1e-2)
    assert histories[1].mc["validation"] == pytest.approx(histories[0].mc["validation"], abs=0.1)


def on(device: torch.device, examples: Batch) -> Batch:
    return Batch(examples.scores.to(device), examples.allowed.to(device), examples.weights.to(device))
