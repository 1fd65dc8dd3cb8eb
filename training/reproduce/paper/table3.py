"""Table 3: numbers of neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.network.networks import HIDDEN_WIDTHS, Networks
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.cell import mean_and_error
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.source_set import F8, PAPER_STARS, chosen_settings, described, run

PAPER_TABLE_3 = {
    (32,): ("0.8878", "0.8848 ± 0.00039", "9\u00a0KB"),
    (64,): ("0.8926", "0.8891 ± 0.00031", "14\u00a0KB"),
    (128,): ("0.8940", "0.8925 ± 0.00019", "24\u00a0KB"),
    (256,): ("0.8957", "0.8929 ± 0.00021", "44\u00a0KB"),
    (32, 64): ("0.9005", "0.8970 ± 0.00022", "21\u00a0KB"),
    (64, 128): ("0.9017", "0.8999 ± 0.00019", "55\u00a0KB"),
    (128, 256): ("0.9027", "0.9002 ± 0.00024", "171\u00a0KB"),
    (256, 128): ("0.8996", "0.8934 ± 0.00016", "169\u00a0KB"),
    (32, 64, 128): ("0.9027", "0.9004 ± 0.00019", "63\u00a0KB"),
    (64, 128, 256): ("0.9043", "0.9015 ± 0.00022", "202\u00a0KB"),
    (128, 256, 512): ("0.9031", "0.9008 ± 0.00022", "726\u00a0KB"),
    (256, 512, 1024): ("0.9018", "0.9002 ± 0.00015", "3\u00a0MB"),
    (512, 1024, 2048): ("0.9032", "0.9001 ± 0.00024", "11\u00a0MB"),
}
"""Widths of the hidden layers: best Mc, mean with its standard error, size."""

LARGE_WIDTHS = ((256, 512, 1024), (512, 1024, 2048))


def architectures(bench: Bench, target: Target, values: F8) -> Section:
    """Table 3: thirteen choices of hidden layers."""
    chosen, scale = chosen_settings(bench.scale), bench.scale
    large = replace(
        chosen,
        repeats=min(scale.large_repeats, scale.repeats),
        schedule=replace(
            chosen.schedule, training_epochs=min(scale.large_training_epochs, scale.training_epochs)
        ),
        follow_training=False,
    )
    rows, means = [], {}
    for widths, (best, mean, size) in PAPER_TABLE_3.items():
        own = large if widths in LARGE_WIDTHS else replace(chosen, follow_training=widths == HIDDEN_WIDTHS)
        cell = run(bench, target, values, replace(own, widths=widths))
        means[widths] = cell.honest.mean()
        rows.append(
            (
                named(widths),
                f"{cell.honest.max():.4f}",
                mean_and_error(cell.honest, 5),
                f"{cell.paper.max():.4f}",
                mean_and_error(cell.paper, 5),
                best,
                mean,
                size_text(size_of(widths, len(target.classes))),
                size,
            )
        )
    k = len(target.classes)
    cost = " and ".join(f"{size_of(widths, k) / size_of(HIDDEN_WIDTHS, k):.0f}" for widths in LARGE_WIDTHS)
    first = max(means, key=lambda widths: means[widths])
    return Section(
        "Architectures (Table 3)",
        (
            f"{described(target, cell.n_training)} {PAPER_STARS} Chosen on validation, the best "
            f"mean is that of {named(first)}; in the paper it is that of {named(HIDDEN_WIDTHS)}.",
            f"{scale.repeats} repeats of {scale.training_epochs} training epochs; the last two, {cost} times "
            f"as costly, have {large.repeats} of {large.schedule.training_epochs}. The paper "
            "reports the stars that the training epoch was chosen on: compare its numbers with those chosen "
            "on the test stars.",
        ),
        (
            Table(
                "Test Mc by hidden layers",
                (
                    "neurons",
                    "best (on validation)",
                    "mean (on validation)",
                    "best (on test)",
                    "mean (on test)",
                    "paper's best",
                    "paper's mean",
                    "size",
                    "paper's size",
                ),
                tuple(rows),
                note="On validation, on test: where the training epoch was chosen. Sizes are those of "
                "parameters and running statistics in single precision, 1 KB = 1,000 bytes.",
            ),
        ),
    )


def size_of(widths: Sequence[int], n_classes: int) -> int:
    """Bytes of a network's parameters and running statistics in single precision."""
    return sum(array.nbytes for array in Networks.random(n_classes, [0], widths=widths).weights().values())


def size_text(size: int) -> str:
    """Return bytes as the paper's table has them."""
    return f"{size / 1e3:.0f}\u00a0KB" if size < 1e6 else f"{size / 1e6:.1f}\u00a0MB"


def named(widths: Sequence[int]) -> str:
    """Return hidden layers as the paper's table has them, on one line."""
    return "\u00a0→\u00a0".join(map(str, widths))
