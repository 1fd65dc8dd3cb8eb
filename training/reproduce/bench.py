"""The bench: what every cell of a report shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.network.trained_network import TrainedNetwork
from training.progress import Bars
from training.reproduce.cell import Cell, CellSettings, run_cell
from training.reproduce.labelled_sets import Target
from training.reproduce.scale import Scale


@dataclass(frozen=True, slots=True)
class Bench:
    """Scale, caches and places of a report.

    Attributes
    ----------
    scale : Scale
        Repeats and training epochs.
    cache_folder, figures : Path
        Where cells are kept, and where plots go.
    progress : Bars
        Shown while training.
    device : str
        Of PyTorch.
    """

    scale: Scale
    cache_folder: Path
    figures: Path
    progress: Bars
    device: str = "cpu"

    def at_scale(self, settings: CellSettings) -> CellSettings:
        """Return the settings with this scale's repeats and training epochs."""
        schedule = replace(settings.schedule, training_epochs=self.scale.training_epochs)
        return replace(settings, repeats=self.scale.repeats, schedule=schedule)

    def cell(
        self,
        target: Target,
        values: NDArray[np.float64],
        pretrained: TrainedNetwork | None,
        settings: CellSettings,
    ) -> Cell:
        """Run one cell at this scale."""
        return run_cell(
            target,
            values,
            pretrained,
            self.at_scale(settings),
            cache_folder=self.cache_folder,
            progress=self.progress,
            device=self.device,
        )
