import numpy as np
import pytest
import torch

from training.network import new_head
from training.network.batch import Batch
from training.network.layers import Layers
from training.network.networks import Networks, predict
from training.network.new_head import transfer_networks, with_new_head
from training.network.one_cycle import OneCycle
from training.progress import QUIET

REPEATS = 2

Weights = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def pretrained() -> Weights:
    """A network for five classes whose normalisations are not those of a new one."""
    rng = np.random.default_rng(0)
    return {
        name: array + rng.uniform(0.0, 0.3, array.shape).astype(np.float32) if name[:2] == "bn" else array
        for name, array in Networks.random(5, [0]).weights().items()
    }


@pytest.fixture(scope="module")
def target() -> Batch:
    """Three classes far apart, drawn anew in each repeat."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, (REPEATS, 300))
    allowed = label[..., None] == np.arange(3)
    scores = rng.normal(size=(REPEATS, 300, 16))
    scores[..., :3] += 5.0 * allowed
    return Batch.stack(list(scores), list(allowed))


SHORT = OneCycle(training_epochs=3, peak_rate=1e-3)


def fit(pretrained: Weights, target: Batch, layers: Layers, settings: OneCycle = SHORT) -> Networks:
    return transfer_networks(
        [pretrained] * REPEATS,
        target,
        input_eps=1e-5,
        layers=layers,
        settings=settings,
        seeds=[0, 1],
        progress=QUIET,
    )


def test_last_layer_leaves_every_other_weight_as_it_was_to_the_bit(pretrained, target):
    networks = fit(pretrained, target, Layers.LAST)
    kept = [name for name in pretrained if not name.startswith(("fc4", "bn5"))]
    assert len(kept) == 22
    for repeat in range(REPEATS):
        after = networks.weights(repeat)
        assert all(after[name].tobytes() == pretrained[name].tobytes() for name in kept)


def test_last_layer_head_is_a_stationary_point_of_the_penalised_logistic_regression(pretrained, target):
    networks = fit(pretrained, target, Layers.LAST)
    hidden_of_all = networks.hidden(target.scores).numpy().astype(np.float64)
    for repeat in range(REPEATS):
        after, hidden = networks.weights(repeat), hidden_of_all[repeat].T
        weight = after["fc4.weight"].astype(np.float64)
        logits = hidden @ weight.T + after["fc4.bias"]
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        # gradient of mean cross entropy + |W|^2 / (2 C n), C = 0.02, as scikit-learn scales it
        allowed = target.allowed[repeat].numpy().T
        gradient = (p - allowed).T @ hidden / len(hidden) + weight / (0.02 * len(hidden))
        assert np.abs(gradient).max() < 1e-3
        assert np.abs(weight).max() > 0.01


def test_with_every_layer_the_head_starts_from_some_of_the_examples(pretrained, target, monkeypatch):
    """Their gradient vanishes there, under the penalty of all; that of the others does not."""
    monkeypatch.setattr(new_head, "FIRST_HEAD_EXAMPLES", 100)
    picked = []
    pick = Batch.pick
    monkeypatch.setattr(Batch, "pick", lambda self, index: picked.append(index) or pick(self, index))
    still = OneCycle(training_epochs=1, peak_rate=1e-9)
    networks = fit(pretrained, target, Layers.EVERY, settings=still)
    drawn = picked[0].numpy()
    assert drawn.shape == (REPEATS, 100)
    hidden_of_all = networks.hidden(target.scores).numpy().astype(np.float64)
    for repeat, rows in enumerate(drawn):
        assert len({*rows.tolist()}) == 100
        after, hidden = networks.weights(repeat), hidden_of_all[repeat].T
        weight = after["fc4.weight"].astype(np.float64)
        logits = hidden @ weight.T + after["fc4.bias"]
        p = np.exp(logits - logits.max(1, keepdims=True))
        wrong = p / p.sum(1, keepdims=True) - target.allowed[repeat].numpy().T
        penalty = weight / (0.02 * len(hidden))
        assert np.abs(wrong[rows].T @ hidden[rows] / len(rows) + penalty).max() < 1e-3
        others = np.delete(np.arange(len(hidden)), rows)
        assert np.abs(wrong[others].T @ hidden[others] / len(others) + penalty).max() > 3e-3


def test_every_layer_moves_all_layers_but_no_running_statistic(pretrained, target):
    networks = fit(pretrained, target, Layers.EVERY)
    for repeat in range(REPEATS):
        after = networks.weights(repeat)
        for name in ("bn1.weight", "fc1.weight", "fc2.weight", "fc3.weight"):
            assert (after[name] != pretrained[name]).any(), name
        for name in (name for name in pretrained if "running" in name and not name.startswith("bn5")):
            assert (after[name] == pretrained[name]).all(), name


@pytest.mark.parametrize("layers", Layers)
def test_classes_far_apart_are_told_apart(pretrained, target, layers):
    networks = fit(pretrained, target, layers)
    answers = predict(networks, target.scores).argmax(axis=2)
    truth = target.allowed.int().argmax(dim=1).numpy()
    assert ((answers == truth).mean(axis=1) > 0.97).all()


@pytest.mark.parametrize("layers", Layers)
def test_every_repeat_starts_from_its_own_network(pretrained, target, layers):
    other = Networks.random(4, [8]).weights()
    settings = OneCycle(training_epochs=1, peak_rate=1e-9)  # layers stay within a step of where they start
    networks = transfer_networks(
        [pretrained, other],
        target,
        input_eps=1e-5,
        layers=layers,
        settings=settings,
        seeds=[0, 1],
        progress=QUIET,
    )
    for repeat, start in enumerate((pretrained, other)):
        after = networks.weights(repeat)
        for name in ("bn1.weight", "fc1.weight", "fc2.weight", "fc3.weight"):
            assert after[name] == pytest.approx(start[name], abs=1e-6), name


@pytest.mark.parametrize("layers", Layers)
def test_a_repeat_does_not_depend_on_its_neighbours(pretrained, target, layers):
    together = fit(pretrained, target, layers)
    alone = transfer_networks(
        [pretrained],
        target.part(slice(1, 2)),
        input_eps=1e-5,
        layers=layers,
        settings=OneCycle(training_epochs=3, peak_rate=1e-3),
        seeds=[1],
        progress=QUIET,
    )
    expected, found = predict(together, target.scores)[1], predict(alone, target.scores[1:])[0]
    # single precision, and a library may sum in another order for another number of networks
    assert found == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("widths", [(8, 9), (64, 128, 256)], ids=str)
def test_a_new_head_keeps_the_pretrained_layers_to_the_bit(widths):
    before = Networks.random(5, [3], widths=widths).weights()
    depth = len(widths) + 1
    networks = with_new_head([before] * 2, 7, input_eps=64.0)
    assert (len(networks), networks.n_classes, networks.input_eps) == (2, 7, 64.0)
    for repeat in range(2):
        for name, array in networks.weights(repeat).items():
            if name.startswith(f"fc{depth}."):
                assert (array == 0).all()
            elif name.startswith(f"bn{depth + 1}."):
                assert (array == (1.0 if name.endswith(("weight", "var")) else 0.0)).all()
            else:
                assert array.tobytes() == before[name].tobytes()


def test_a_head_drawn_from_a_seed_is_that_of_a_new_network(pretrained):
    networks = with_new_head([pretrained] * 2, 7, input_eps=1e-5, seeds=[11, 12])
    for repeat, seed in enumerate((11, 12)):
        new, after = Networks.random(7, [seed]).weights(), networks.weights(repeat)
        assert (after["fc4.weight"] == new["fc4.weight"]).all()
        assert (after["fc4.bias"] == new["fc4.bias"]).all()
        assert (after["fc3.weight"] == pretrained["fc3.weight"]).all()


def test_a_head_of_zeros_has_no_preference(pretrained):
    networks = with_new_head([pretrained], 4, input_eps=1e-5)
    assert (networks.logits(torch.randn(1, 16, 20)) == 0).all()
