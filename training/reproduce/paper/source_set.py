"""The source set, and what the experiments on it share (sections 3.3 to 3.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.network.paper_sgd import Plateau
from training.reproduce.bench import Bench
from training.reproduce.cell import Cell, CellSettings, Way, mean_and_error, run_cell
from training.reproduce.labelled_sets import Target
from training.reproduce.scale import Scale

F8 = NDArray[np.float64]

PAPER_STARS = "The paper's set is 144,823 light curves of OGLE and EROS-2 in 21 classes."


def chosen_settings(scale: Scale) -> CellSettings:
    """Return the cell of the architecture the paper chose: Figs. 3 to 6 and the comparisons are about it."""
    return CellSettings(
        way=Way.SCRATCH,
        n_curves=scale.table3_stars,
        repeats=scale.repeats,
        schedule=Plateau(training_epochs=scale.training_epochs),
        follow_training=True,
    )


def run(bench: Bench, target: Target, values: F8, settings: CellSettings) -> Cell:
    """Run a cell from scratch with its own numbers of repeats and training epochs."""
    return run_cell(
        target,
        values,
        None,
        settings,
        cache_folder=bench.cache_folder,
        progress=bench.progress,
        device=bench.device,
    )


COMPARED_COLUMNS = ("networks", "chosen on validation", "chosen on the test stars", "paper")


def compared(name: str, cell: Cell, paper: str) -> tuple[str, ...]:
    """Return a row of a table with the header `COMPARED_COLUMNS`."""
    return name, mean_and_error(cell.honest), mean_and_error(cell.paper), paper


def described(target: Target, n_training: int | None = None) -> str:
    """Return a sentence about the stars."""
    fitted = "" if n_training is None else f", of which each network is fitted to {n_training:,}"
    return (
        f"{target.name.capitalize()}: {len(target):,} light curves of {len(target.classes)} classes from "
        f"{len(target.surveys)} files{fitted}."
    )
