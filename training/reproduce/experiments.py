"""All experiments of the report, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.examples.augment import Sampling
from training.examples.feature_table import Extraction
from training.network.trained_network import TrainedNetwork
from training.report.html import Section
from training.reproduce.bench import Bench
from training.reproduce.cell import Cell, CellSettings, Way
from training.reproduce.labelled_sets import Target, asas_8, css_12, hipparcos_20, source_pool
from training.reproduce.ours.bands import bands_together
from training.reproduce.ours.comparison import recipes
from training.reproduce.ours.deep_field import deep_field
from training.reproduce.ours.outliers import outliers
from training.reproduce.paper.ablations import imbalance, without_period
from training.reproduce.paper.best_network import BestNetwork, best_network
from training.reproduce.paper.fig6 import feature_importance
from training.reproduce.paper.fig12 import durations
from training.reproduce.paper.figs3_to_5 import answers, training_run
from training.reproduce.paper.figs7_to_11 import (
    PAPER_TABLE_6,
    PAPER_TABLE_8,
    TEST_SHARE,
    first_training_epochs,
    learning_curves,
    three_ways,
)
from training.reproduce.paper.forests import Case, forests
from training.reproduce.paper.random_curves import Asked, odd_curves
from training.reproduce.paper.source_set import chosen_settings, run
from training.reproduce.paper.table3 import architectures
from training.reproduce.streams.outbursts import outbursts
from training.reproduce.streams.trust import trust

PAPER_EXTRACTION = Extraction(convention="kim2021")
HIPPARCOS_TEST_SHARE = 0.5
"""Of Hipparcos is the test (section 4.3)."""


@dataclass(frozen=True, slots=True)
class MeasuredTarget:
    """A target whose features all have a value."""

    target: Target
    values: NDArray[np.float64]


class Experiments:
    """All experiments on the surveys of one folder; what several of them need is made once.

    Parameters
    ----------
    folder : Path
        With the surveys of `training.surveys.public` as npz files.
    bench : Bench
        Scale, caches, and where plots go.
    published : TrainedNetwork or None
        The network that UPSILoN-T's authors published, to transfer; without it ours takes its place.
    workers : int
        Threads that compute features.
    """

    def __init__(self, folder: Path, bench: Bench, published: TrainedNetwork | None, *, workers: int) -> None:
        self.folder = folder
        self.bench = bench
        self.published = published
        self.workers = workers
        self._pretrained: dict[str, TrainedNetwork] = {}

    @cached_property
    def source(self) -> MeasuredTarget:
        """The set in the place of OGLE and EROS-2."""
        return self._measured(source_pool(self.folder, n_curves=None))

    @cached_property
    def asas(self) -> MeasuredTarget:
        """ASAS-8."""
        return self._measured(asas_8(self.folder))

    @cached_property
    def hipparcos(self) -> MeasuredTarget:
        """Hipparcos-20."""
        return self._measured(hipparcos_20(self.folder))

    @cached_property
    def css(self) -> MeasuredTarget:
        """CSS-12."""
        return self._measured(css_12(self.folder))

    @cached_property
    def source_cell(self) -> Cell:
        """Networks of the chosen architecture on the source set."""
        return run(self.bench, self.source.target, self.source.values, chosen_settings(self.bench.scale))

    @cached_property
    def best(self) -> BestNetwork:
        """The best of them: the U model of our data."""
        settings = chosen_settings(self.bench.scale)
        return best_network(self.bench, self.source.target, self.source.values, settings, self.source_cell)

    def pretrained(self, target: Target) -> TrainedNetwork:
        """Network to transfer to a target: the published one, or ours of all surveys but the target's."""
        if self.published is not None:
            return self.published
        if target.name not in self._pretrained:
            others = self._measured(source_pool(self.folder, n_curves=None, without=target.surveys))
            settings = chosen_settings(self.bench.scale)
            cell = run(self.bench, others.target, others.values, settings)
            best = best_network(self.bench, others.target, others.values, settings, cell)
            self._pretrained[target.name] = best.network
        return self._pretrained[target.name]

    def table3(self) -> list[Section]:
        """Table 3 and Fig. 5."""
        measured = self.source
        return [
            architectures(self.bench, measured.target, measured.values),
            training_run(self.bench, measured.target, measured.values),
        ]

    def answers(self) -> list[Section]:
        """Figs. 3 and 4."""
        return [answers(self.bench, self.source.target, self.source.values, self.best)]

    def importance(self) -> list[Section]:
        """Fig. 6."""
        return [feature_importance(self.bench, self.source.target, self.source.values, self.best)]

    def ablations(self) -> list[Section]:
        """Sections 3.5 and the Appendix: without the period; imbalance."""
        measured = self.source
        return [
            without_period(self.bench, measured.target, measured.values),
            imbalance(self.bench, measured.target, measured.values),
        ]

    def fig7(self) -> list[Section]:
        """Figs. 7 and 8."""
        target, values = self.asas.target, self.asas.values
        return [learning_curves(self.bench, target, values, self.pretrained(target))]

    def hipparcos_transfer(self) -> list[Section]:
        """Table 6 and Fig. 9."""
        target, values = self.hipparcos.target, self.hipparcos.values
        return [
            three_ways(
                self.bench,
                target,
                values,
                self.pretrained(target),
                test=HIPPARCOS_TEST_SHARE,
                paper=PAPER_TABLE_6,
                names=("Table 6", "Fig. 9"),
                differs="The paper has 1,570 stars of 23 classes, a third of them eclipsing binaries; ours "
                "come from another training set, without any, so that the level is not the paper's.",
            )
        ]

    def css_transfer(self) -> list[Section]:
        """Table 8 and Figs. 10 and 11."""
        target, values = self.css.target, self.css.values
        pretrained = self.pretrained(target)
        return [
            three_ways(
                self.bench,
                target,
                values,
                pretrained,
                test=TEST_SHARE,
                paper=PAPER_TABLE_8,
                names=("Table 8", "Fig. 11"),
                differs="The paper has 288,698 stars of ASAS-SN; the Catalina survey stands in their place.",
            ),
            first_training_epochs(self.bench, target, values, pretrained),
        ]

    def forests(self) -> list[Section]:
        """Random Forest and boosting on the splits of the networks."""
        source = Case(
            self.source.target,
            self.source.values,
            chosen_settings(self.bench.scale),
            self.source_cell,
            is_source=True,
        )
        cases = [
            source,
            *(
                self._case(*each)
                for each in (
                    (self.asas, TEST_SHARE),
                    (self.hipparcos, HIPPARCOS_TEST_SHARE),
                    (self.css, TEST_SHARE),
                )
            ),
        ]
        return [forests(self.bench, cases, workers=self.workers)]

    def odd_curves(self) -> list[Section]:
        """Random and shuffled light curves."""
        asked = [Asked("source networks", self.best.network, self.source.target.classes, PAPER_EXTRACTION)]
        return [odd_curves(self.bench, asked, self.asas.target, workers=self.workers)]

    def durations(self) -> list[Section]:
        """Fig. 12."""
        measured = self.asas
        settings = CellSettings(
            way=Way.EVERY_LAYER,
            test=TEST_SHARE,
            n_curves=round(0.2 * (1.0 - TEST_SHARE) * len(measured.target)),
        )
        pretrained = self.pretrained(measured.target)
        cell = self.bench.cell(measured.target, measured.values, pretrained, settings)
        transferred = best_network(
            self.bench,
            measured.target,
            measured.values,
            self.bench.at_scale(settings),
            cell,
            pretrained=pretrained,
        )
        asked = Asked(
            "every-layer model of a fifth of ASAS-8",
            transferred.network,
            measured.target.classes,
            PAPER_EXTRACTION,
        )
        shown = transferred.split.test[: self.bench.scale.duration_stars]
        models = [(asked, range(len(measured.target.classes)))]
        return [durations(self.bench, measured.target, shown, models, workers=self.workers)]

    def deep_field(self) -> list[Section]:
        """Count what shipped models are sure of and wrong about in a deep field."""
        return [deep_field(self.folder, workers=self.workers)]

    def _case(self, measured: MeasuredTarget, test: float) -> Case:
        settings = CellSettings(way=Way.SCRATCH, test=test)
        cell = self.bench.cell(measured.target, measured.values, None, settings)
        return Case(measured.target, measured.values, self.bench.at_scale(settings), cell)

    def _measured(self, target: Target) -> MeasuredTarget:
        table = target.examples(
            Sampling(),
            PAPER_EXTRACTION,
            cache_folder=self.bench.cache_folder,
            workers=self.workers,
            progress=self.bench.progress,
        )
        usable = np.zeros(len(target), bool)
        usable[table.curve[table.usable]] = True
        values = table.values[np.argsort(table.curve)][usable]
        return MeasuredTarget(target.where(usable), values)


def _ours(make: Callable[..., Section]) -> Callable[[Experiments], list[Section]]:
    """Return an experiment of ours, which needs nothing but the surveys."""
    return lambda of: [make(of.bench, of.folder, workers=of.workers)]


EXPERIMENTS: dict[str, Callable[[Experiments], list[Section]]] = {
    "recipe": _ours(recipes),
    "fig7": Experiments.fig7,
    "hipparcos": Experiments.hipparcos_transfer,
    "css": Experiments.css_transfer,
    "durations": Experiments.durations,
    "table3": Experiments.table3,
    "answers": Experiments.answers,
    "importance": Experiments.importance,
    "ablations": Experiments.ablations,
    "forests": Experiments.forests,
    "odd-curves": Experiments.odd_curves,
    "bands": _ours(bands_together),
    "outliers": _ours(outliers),
    "outbursts": _ours(outbursts),
    "deep-field": Experiments.deep_field,
    "trust": _ours(trust),
}
