"""Time of a training step of 30 networks, as a ratio to training them one by one in the same run.

The paper's network with 21 classes and its stochastic gradient descent. The loop has torch's own layers and
optimiser; the tests show that both give the same networks. A step shows a batch to each of the 30. A fit
is one training epoch of several steps, with the drawing of the batches and one small validation. Times are
wall times and both have the same threads. Rounds are interleaved and a ratio is taken within its round, so a
noisy neighbour meets both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from tests.training.loop import Stars, fit_plateau_alone, one_network
from training.network.batch import Batch
from training.network.networks import Networks
from training.network.paper_sgd import Plateau, fit_plateau
from training.progress import QUIET

ROUNDS = 5
REPEATS = 30
N_CLASSES = 21
N_VALIDATION = 64
STEPS = {32: 32, 64: 32, 256: 16, 1024: 8}
"""Steps of a measurement for each size of a batch."""


def simulate(n: int, seed: int) -> Batch:
    """Stars of overlapping classes, others in each repeat."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, N_CLASSES, (REPEATS, n))
    scores = rng.normal(size=(REPEATS, n, 16)) + label[..., None] / N_CLASSES
    return Batch.stack(list(scores), list(label[..., None] == np.arange(N_CLASSES)))


def alone(examples: Batch, repeat: int) -> Stars:
    """One repeat as the loop takes it: examples first, classes as numbers."""
    truth = examples.allowed[repeat].int().argmax(dim=0)
    return Stars(examples.scores[repeat].T.contiguous(), truth, examples.weights[repeat])


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(batch: int, steps: int, rounds: int) -> str:
    """Return a row of the table."""
    training, validation = simulate(batch * steps, 1), simulate(N_VALIDATION, 2)
    stars = [(alone(training, repeat), alone(validation, repeat)) for repeat in range(REPEATS)]
    settings = Plateau(training_epochs=1, batch=batch)
    seeds = range(REPEATS)

    def together() -> None:
        networks = Networks.random(N_CLASSES, seeds)
        fit_plateau(networks, training, {"validation": validation}, settings, seeds=seeds, progress=QUIET)

    def one_by_one() -> None:
        initial = Networks.random(N_CLASSES, seeds)
        for seed in seeds:
            fit_plateau_alone(one_network(initial.weights(seed)), *stars[seed], settings, seed=seed)

    together()  # the first call of each is slow
    one_by_one()
    times = np.array([(seconds(together), seconds(one_by_one)) for _ in range(rounds)])
    ours, theirs = np.median(times, axis=0) / steps * 1e3
    ratios = times[:, 1] / times[:, 0]
    return (
        f"| {batch} | {ours:.1f} | {theirs:.1f} | x{np.median(ratios):.1f} "
        f"({ratios.min():.1f}-{ratios.max():.1f}) |"
    )


def main(rounds: int = ROUNDS) -> None:
    """Print the table."""
    print(f"{REPEATS} networks, {torch.get_num_threads()} threads.\n")
    print("A ratio above 1 is in our favour: median (least-most) of the rounds.\n")
    print("| batch | ours: ms per step of all | one by one | ratio |")
    print("|---|---|---|---|")
    for batch, steps in STEPS.items():
        print(measure(batch, steps, rounds), flush=True)


if __name__ == "__main__":
    main()
