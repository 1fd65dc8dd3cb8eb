"""Time of one transfer by our recipe, as a ratio to the paper's loop for as many stars.

The paper's loop fits every layer for 500 training epochs to four fifths of the stars, and after each asks the
network about the others and about 1,762 test stars, as many as ASAS-8 has; a few epochs are timed and
multiplied. Our recipe fits to ten times as many examples, every star complete and in nine shortened versions,
for a fixed number of steps; with fewer than 800 stars the head only. Neither has what a fit needs beside it:
features, of ten times as many light curves for ours, and the further fits, ours for the folds and the paper's
for 30 repeats. Both fit two networks at once, as `training.network.networks` does on a processor. Rounds are
interleaved and a ratio is taken within its round.

The light curves are made up: no step of either depends on what they show, but that the L-BFGS of a head may
stop early.
"""

from __future__ import annotations

import numpy as np
import torch

from tests.benchmarks.bench_training import seconds
from training.crossfit.recipe import SHORTENED_SAMPLING, TRANSFER, transfer_layers
from training.network.batch import Batch
from training.network.networks import BATCH_NORM_EPS, Networks
from training.network.new_head import transfer_networks, with_new_head
from training.network.one_cycle import OneCycle
from training.network.paper_sgd import Plateau, fit_plateau
from training.progress import QUIET

ROUNDS = 3
NETWORKS = 2
N_CLASSES = 8
N_TEST = 1762
STARS = (263, 877, 7000)
PAPER_EPOCHS = 500
TIMED_EPOCHS = 10


def simulate(n: int, seed: int) -> Batch:
    """Stars of overlapping classes, others for each network."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, N_CLASSES, (NETWORKS, n))
    scores = rng.normal(size=(NETWORKS, n, 16)) + label[..., None] / N_CLASSES
    return Batch.stack(list(scores), list(label[..., None] == np.arange(N_CLASSES)))


def measure(stars: int, rounds: int) -> str:
    """Return a row of the table."""
    pretrained = [Networks.random(14, [0]).weights()] * NETWORKS
    seeds = range(NETWORKS)
    n_validation = round(0.2 * stars)
    training, validation = simulate(stars - n_validation, 1), simulate(n_validation, 2)
    watched = {"validation": validation, "test": simulate(N_TEST, 3)}
    examples = simulate(stars * (1 + SHORTENED_SAMPLING.truncations), 4)
    schedule = TRANSFER.schedule
    if not isinstance(schedule, OneCycle):
        raise TypeError(f"the transfer recipe has the schedule {schedule}")

    def paper() -> None:
        networks = with_new_head(pretrained, N_CLASSES, input_eps=BATCH_NORM_EPS, seeds=seeds)
        settings = Plateau(training_epochs=TIMED_EPOCHS)
        fit_plateau(networks, training, watched, settings, seeds=seeds, progress=QUIET)

    def ours() -> None:
        transfer_networks(
            pretrained,
            examples,
            input_eps=BATCH_NORM_EPS,
            layers=transfer_layers(stars),
            settings=schedule,
            seeds=seeds,
            progress=QUIET,
        )

    paper()  # the first call of each is slow
    ours()
    times = np.array([(seconds(ours), seconds(paper) * PAPER_EPOCHS / TIMED_EPOCHS) for _ in range(rounds)])
    mine, theirs = np.median(times, axis=0) / NETWORKS
    ratios = times[:, 1] / times[:, 0]
    return (
        f"| {stars:,} | {transfer_layers(stars)} | {mine:.2f} | {theirs:.1f} | x{np.median(ratios):.1f} "
        f"({ratios.min():.1f}-{ratios.max():.1f}) |"
    )


def main(rounds: int = ROUNDS) -> None:
    """Print the table."""
    print(f"{NETWORKS} networks at once, {torch.get_num_threads()} threads.\n")
    print("A ratio above 1 is in our favour: median (least-most) of the rounds.\n")
    print("| stars | layers | ours: s a network | the paper's loop | ratio |")
    print("|---|---|---|---|---|")
    for stars in STARS:
        print(measure(stars, rounds), flush=True)


if __name__ == "__main__":
    main()
