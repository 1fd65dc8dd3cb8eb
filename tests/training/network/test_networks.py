import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training.loop import one_network
from training.network.networks import HIDDEN_WIDTHS, Networks, as_scores, groups, predict

TABLE_3 = [(32, 64), (64, 128, 256), (64, 64, 64, 64)]
"""A shallow, the chosen and a deep architecture."""


def lively(networks: Networks) -> Networks:
    """Give every normalisation constants of its own: those of a new network are ones and zeros."""
    generator = torch.Generator().manual_seed(99)
    for tensor in networks.tensors():
        if tensor.ndim == 2:
            tensor.add_(0.3 * torch.rand(tensor.shape, generator=generator))
    return networks


def random_scores(repeats: int, n: int) -> torch.Tensor:
    return torch.randn(repeats, 16, n, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("widths", TABLE_3, ids=str)
@pytest.mark.parametrize("n", [1, 511, 513])
def test_layers_that_absorb_their_normalisations_say_what_torchs_own_say(widths, n):
    networks = lively(Networks.random(5, [1, 2, 3, 4, 5], widths=widths))
    networks.input_eps = 64.0
    scores = random_scores(5, n)
    said = predict(networks, scores, absorb=True)
    for repeat in range(5):
        network = one_network(networks.weights(repeat), input_eps=64.0).double().eval()
        expected = network(scores[repeat].T.double()).detach().numpy()
        np.testing.assert_allclose(said[repeat], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("widths", TABLE_3, ids=str)
@pytest.mark.parametrize("training", [False, True], ids=["running statistics", "statistics of the batch"])
def test_logits_gradients_and_statistics_are_those_of_torchs_own_layers(widths, training):
    networks = lively(Networks.random(5, [1, 2, 3], widths=widths))
    alone = [one_network(networks.weights(repeat)).double().train(training) for repeat in range(3)]
    double = Networks(
        {name: tensor.double().requires_grad_() for name, tensor in networks.parameters.items()},
        {name: tensor.double() for name, tensor in networks.statistics.items()},
    )
    scores, label = random_scores(3, 40).double(), torch.arange(40) % 5
    logits = double.logits(scores, training=training)
    functional.cross_entropy(logits, label.expand(3, 40), reduction="sum").backward()
    for repeat, network in enumerate(alone):
        expected = network(scores[repeat].T)
        torch.testing.assert_close(logits[repeat].T, expected, rtol=1e-11, atol=1e-11)
        functional.cross_entropy(expected, label, reduction="sum").backward()
        for name, parameter in network.named_parameters():
            gradient = double.parameters[name].grad[repeat]
            torch.testing.assert_close(gradient, parameter.grad, rtol=1e-9, atol=1e-10)
        state = network.state_dict()
        for name, tensor in double.statistics.items():
            torch.testing.assert_close(tensor[repeat], state[name], rtol=1e-11, atol=1e-11)


def test_single_precision_costs_no_more_than_its_rounding():
    networks = lively(Networks.random(21, [4, 5]))
    scores = random_scores(2, 64)
    for repeat in range(2):
        expected = one_network(networks.weights(repeat)).eval()(scores[repeat].T).detach()
        # sums of at most 256 terms of order one, rounded at 6e-8
        torch.testing.assert_close(networks.logits(scores)[repeat].T, expected, rtol=0, atol=2e-5)


def test_the_first_eps_is_the_one_given():
    weights = lively(Networks.random(5, [1])).weights()
    scores = random_scores(1, 30)
    expected = one_network(weights, input_eps=64.0).eval()(scores[0].T).detach()
    logits = Networks.from_weights([weights], input_eps=64.0).logits(scores)[0].T
    torch.testing.assert_close(logits, expected, rtol=0, atol=2e-5)
    assert (logits - Networks.from_weights([weights]).logits(scores)[0].T).abs().max() > 0.01


def test_a_new_network_is_uniform_within_one_over_the_root_of_its_inputs():
    weights = Networks.random(21, [8]).weights()
    for layer, (inputs, outputs) in enumerate(
        zip((16, *HIDDEN_WIDTHS), (*HIDDEN_WIDTHS, 21), strict=True), start=1
    ):
        matrix, bias = weights[f"fc{layer}.weight"], weights[f"fc{layer}.bias"]
        assert matrix.shape == (outputs, inputs)
        bound = 1.0 / np.sqrt(inputs)
        for drawn in (matrix, bias):
            assert np.abs(drawn).max() <= bound
        # a uniform law has standard deviation bound / sqrt(3); five standard errors of mean and variance
        error = 5.0 / np.sqrt(matrix.size)
        assert matrix.mean() == pytest.approx(0.0, abs=error * bound / np.sqrt(3))
        assert matrix.std() == pytest.approx(bound / np.sqrt(3), rel=error)
    for layer in range(1, 6):
        assert (weights[f"bn{layer}.weight"] == 1).all()
        assert (weights[f"bn{layer}.running_var"] == 1).all()
        assert (weights[f"bn{layer}.bias"] == 0).all()
        assert (weights[f"bn{layer}.running_mean"] == 0).all()


def test_a_seed_is_a_network_whatever_its_neighbours():
    three = Networks.random(5, [7, 8, 7])
    alone = Networks.random(5, [8])
    first, second, third = (three.weights(repeat) for repeat in range(3))
    for name, array in alone.weights().items():
        assert (second[name] == array).all()
        assert (first[name] == third[name]).all()
        if name.startswith("fc"):
            assert (first[name] != second[name]).any(), name


def test_the_parameters_with_21_classes_are_those_of_the_paper():
    assert sum(tensor.numel() for tensor in Networks.random(21, [0]).parameters.values()) == 48_799


def test_weights_come_back_as_they_were_given():
    given = [lively(Networks.random(3, [seed], widths=(8, 9))).weights() for seed in (1, 2)]
    networks = Networks.from_weights(given)
    assert (len(networks), networks.n_classes, networks.depth) == (2, 3, 3)
    for repeat in range(2):
        back = networks.weights(repeat)
        assert back.keys() == given[repeat].keys()
        assert all((back[name] == array).all() for name, array in given[repeat].items())


def missing(weights):
    del weights["bn2.running_var"]


def unknown(weights):
    weights["fc1.scale"] = np.ones(8, np.float32)


def gap(weights):
    del weights["fc2.weight"]


def neighbours(weights):
    weights["fc1.weight"], weights["fc1.bias"] = np.ones((7, 16), np.float32), np.ones(7, np.float32)


def short(weights):
    weights["bn3.bias"] = np.ones(8, np.float32)


def nothing(weights):
    weights.clear()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, r"bn2\.running_var is missing, not \(8,\)"),
        (unknown, r"fc1\.scale is \(8,\), not missing"),
        (gap, r"no matrix fc2\.weight"),
        (neighbours, r"bn2\.bias is \(8,\), not \(7,\)"),
        (short, r"bn3\.bias is \(8,\), not \(9,\)"),
        (nothing, r"no matrix fc1\.weight"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("repeat", [0, 1])
def test_weights_that_do_not_fit_together_are_refused_by_name(spoil, message, repeat):
    given = [Networks.random(3, [0], widths=(8, 9)).weights() for _ in range(2)]
    spoil(given[repeat])
    with pytest.raises(ValueError, match=message):
        Networks.from_weights(given)


def test_networks_of_two_architectures_are_refused():
    given = [Networks.random(3, [0], widths=widths).weights() for widths in ((8, 9), (8, 10))]
    with pytest.raises(ValueError, match="same shape"):
        Networks.from_weights(given)


@pytest.mark.parametrize("batch", [1, 30, 64, 1000, 5000])
def test_groups_cover_every_network_once_in_order(batch):
    networks = Networks.random(2, range(45), widths=(3,))
    parts = [list(range(45))[some] for some in groups(networks, batch)]
    assert [repeat for part in parts for repeat in part] == list(range(45))
    assert all(parts)


def test_a_part_shares_its_memory_and_a_copy_does_not():
    networks = Networks.random(3, range(4), widths=(5,))
    copy, before = networks.copy(), networks.weights(2)
    for tensor in networks.part(slice(2, 3)).tensors():
        tensor.add_(1.0)
    assert all((networks.weights(2)[name] == array + 1).all() for name, array in before.items())
    assert all((copy.weights(2)[name] == array).all() for name, array in before.items())


def test_take_overwrites_the_chosen_networks_only():
    mine, theirs = Networks.random(3, [1, 2, 3], widths=(5,)), Networks.random(3, [4, 5, 6], widths=(5,))
    expected = [mine.weights(0), theirs.weights(1), mine.weights(2)]
    mine.take(theirs, torch.tensor([False, True, False]))
    for repeat in range(3):
        assert all((mine.weights(repeat)[name] == array).all() for name, array in expected[repeat].items())


@pytest.mark.parametrize("n", [0, 1, 1024, 2500])
def test_predictions_in_pieces_are_those_of_each_network_on_the_whole(n):
    networks = lively(Networks.random(4, range(3)))
    scores = random_scores(3, n)
    logits = predict(networks, scores)
    assert logits.shape == (3, n, 4)
    for repeat in range(3):
        expected = one_network(networks.weights(repeat)).eval()(scores[repeat].T).detach().numpy()
        assert logits[repeat] == pytest.approx(expected, abs=2e-5)  # single precision, as above


def test_scores_are_turned_so_that_examples_come_last():
    rows = np.random.default_rng(0).normal(size=(2, 7, 16))
    assert as_scores(rows).numpy() == pytest.approx(rows.transpose(0, 2, 1), rel=1e-7)
    assert as_scores(rows[1]).numpy() == pytest.approx(rows[1:].transpose(0, 2, 1), rel=1e-7)
    assert as_scores(rows).is_contiguous()
