"""Transfer by the paper's protocol (section 4): Figs. 7 to 11, Tables 6 and 8."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.network.trained_network import TrainedNetwork
from training.report.curve_plots import fractions_plot, paired_training_plot
from training.report.html import Figure, Section, Table
from training.report.plots import confusion_plot
from training.reproduce.bench import Bench
from training.reproduce.cell import Cell, CellSettings, Way, mean_and_error, summary
from training.reproduce.labelled_sets import Target

PAPER_TABLE_6 = {
    Way.SCRATCH: "0.7398 ± 0.0130",
    Way.EVERY_LAYER: "0.7770 ± 0.0086",
    Way.LAST_LAYER: "0.8230 ± 0.0018",
}
PAPER_TABLE_8 = {
    Way.SCRATCH: "0.8744 ± 0.0008",
    Way.EVERY_LAYER: "0.8711 ± 0.0011",
    Way.LAST_LAYER: "0.8380 ± 0.0003",
}
PAPER_BASE = "0.9501 ± 0.0018"

HONEST_CAPTION = "Mc, training epoch chosen on validation stars"
PAPER_CAPTION = "Mc, training epoch chosen on the test stars themselves, as in the paper"

TEST_SHARE = 0.2
BASE_SEED = 1000
"""The base model has splits of its own, as in the paper; with those of the others it would be one of them."""

SHOWN_PAIRS = 4
SHOWN_TRAINING_EPOCHS = 40


def learning_curves(
    bench: Bench, target: Target, values: NDArray[np.float64], pretrained: TrainedNetwork
) -> Section:
    """Fig. 7 and Fig. 8: models of 3 to 100 % of the training stars, and the confusion matrix of the last."""
    available = round((1.0 - TEST_SHARE) * len(target))
    base = bench.cell(
        target, values, None, CellSettings(way=Way.SCRATCH, test=TEST_SHARE, first_seed=BASE_SEED)
    )
    cells = {
        way: [
            bench.cell(
                target,
                values,
                pretrained,
                CellSettings(way=way, test=TEST_SHARE, n_curves=round(fraction * available)),
            )
            for fraction in bench.scale.fig7_fractions
        ]
        for way in Way
    }
    fractions = np.array(bench.scale.fig7_fractions)
    plot = fractions_plot(
        {str(way): (fractions, *_summaries(cells[way])) for way in Way},
        bench.figures / "fig7.png",
        base=summary(base.honest),
        paper=None,
    )
    matrix = confusion_plot(
        cells[Way.EVERY_LAYER][-1].confusion,
        target.classes,
        bench.figures / "fig8.png",
        title=f"{target.name}: every layer, {fractions[-1]:.0%}",
    )
    header = ("share", "stars fitted", *map(str, Way))

    def rows(values_of: Callable[[Cell], NDArray[np.float64]]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (
                f"{fraction:.0%}",
                str(cells[Way.SCRATCH][place].n_training),
                *(mean_and_error(values_of(cells[way][place])) for way in Way),
            )
            for place, fraction in enumerate(fractions)
        )

    return Section(
        f"{target.name}: how many labels transfer needs (Figs. 7 and 8)",
        (
            f"{len(target):,} stars of {len(target.classes)} classes, a fifth of them for the test; mean of "
            f"{bench.scale.repeats} repeats, {bench.scale.training_epochs} training epochs each. A fifth of "
            "each share chooses the training epoch, so that fewer stars are fitted than the paper fits.",
            f"The base model, from scratch on all training stars: {mean_and_error(base.honest)}; the best "
            f"test Mc of a run, as the paper quotes it, is {mean_and_error(base.paper)}; the paper has "
            f"{PAPER_BASE}.",
        ),
        (
            Table(HONEST_CAPTION, header, rows(lambda cell: cell.honest)),
            Table(PAPER_CAPTION, header, rows(lambda cell: cell.paper)),
        ),
        (
            Figure(
                plot, "Mc of the test stars by share of the training stars, as Fig. 7; chosen on validation."
            ),
            Figure(matrix, "Confusion matrix of all repeats' test stars, as Fig. 8."),
        ),
    )


def three_ways(
    bench: Bench,
    target: Target,
    values: NDArray[np.float64],
    pretrained: TrainedNetwork,
    *,
    test: float,
    paper: Mapping[Way, str],
    names: tuple[str, str],
    differs: str,
) -> Section:
    """Tables 6 and 8 with Figs. 9 and 11: the three models of one target, and a confusion matrix.

    Parameters
    ----------
    test : float
        Fraction of the stars for the test: a half of Hipparcos, a fifth of the large survey.
    paper : mapping of Way to str
        The paper's numbers.
    names : tuple of str
        Of the table and the figure in the paper.
    differs : str
        What is other than in the paper's data.
    """
    cells = {way: bench.cell(target, values, pretrained, CellSettings(way=way, test=test)) for way in Way}
    best = max(Way, key=lambda way: cells[way].honest.mean())
    table, figure = names
    plot = confusion_plot(
        cells[best].confusion,
        target.classes,
        bench.figures / f"{figure.lower().replace('. ', '')}.png",
        title=f"{target.name}: {best}",
    )
    rows = tuple(
        (str(way), mean_and_error(cells[way].honest), mean_and_error(cells[way].paper), paper[way])
        for way in Way
    )
    return Section(
        f"{target.name} ({table}, {figure})",
        (
            f"{len(target):,} stars of {len(target.classes)} classes; {cells[best].n_training:,} are fitted, "
            f"{test:.0%} of the stars are the test. {differs}",
        ),
        (
            Table(
                f"{table}: mean Mc of {bench.scale.repeats} repeats",
                ("model", "chosen on validation", "chosen on the test stars", "paper"),
                rows,
            ),
        ),
        (Figure(plot, f"Confusion matrix of {best}, all repeats' test stars, as {figure}."),),
    )


def first_training_epochs(
    bench: Bench, target: Target, values: NDArray[np.float64], pretrained: TrainedNetwork
) -> Section:
    """Fig. 10: which of scratch and every-layer is good sooner."""
    ways = (Way.SCRATCH, Way.EVERY_LAYER)
    cells = [bench.cell(target, values, pretrained, CellSettings(way=way, test=TEST_SHARE)) for way in ways]
    shown = min(SHOWN_TRAINING_EPOCHS, len(cells[0].rate))
    pairs = [
        (cells[0].validation[:shown, repeat], cells[1].validation[:shown, repeat])
        for repeat in range(min(SHOWN_PAIRS, bench.scale.repeats))
    ]
    plot = paired_training_plot(pairs, bench.figures / "fig10.png")
    level = 0.99 * min(cell.validation.max(axis=0).mean() for cell in cells)
    needed = [float(_first_at(cell.validation, level).mean()) for cell in cells]
    return Section(
        f"{target.name}: who is good sooner (Fig. 10)",
        (
            f"Validation Mc in the first {shown} training epochs. A mean of {needed[0]:.1f} training epochs "
            f"from scratch and of {needed[1]:.1f} from the pretrained network reach Mc = {level:.3f}, 99 % "
            "of the lower of the two best; a repeat that never does counts with all its training epochs.",
        ),
        (),
        (Figure(plot, f"{len(pairs)} repeats, scratch and every-layer, as Fig. 10."),),
    )


def _first_at(mc: NDArray[np.float64], level: float) -> NDArray[np.int64]:
    """Return the training epoch (R,), counted from 1, of the first Mc (E, R) of a level; E where none is."""
    reached = mc >= level
    first: NDArray[np.int64] = np.where(reached.any(axis=0), reached.argmax(axis=0) + 1, len(mc))
    return first


def _summaries(cells: Sequence[Cell]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = np.array([summary(cell.honest) for cell in cells])
    return pairs[:, 0], pairs[:, 1]
