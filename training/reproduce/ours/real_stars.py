"""Real stars of ZTF in g and r, of which networks have seen none, asked of those of ZTF-like copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.join_bands import join_bands
from training.data.light_curves import LabelledCurves
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.examples.augment import Kind, SeriesOfBands
from training.examples.feature_table import FeatureTable
from training.examples.fused_examples import FusedExamples
from training.examples.rows_together import Shown
from training.examples.some_stars import in_pieces
from training.network.trained_network import TrainedNetwork
from training.report.html import Table
from training.reproduce.ours.compared import HEADER, compared, predictions
from training.reproduce.ours.first_epochs import WAYS, measure

I8 = NDArray[np.int64]

FILES = ("ztf_dr_labelled_g", "ztf_dr_labelled_r")
LABELS = {
    "CEPII": "T2CEPH",
    "DSCT": "DSCT",
    "EA": "EB_ED",
    "EW": "EB",
    "QSO": "QSO",
    "RR": "RRL_ab",
    "RRc": "RRL_c",
    "RSCVN": "ROT",
    "SR": "LPV",
}
"""What native labels mean among the twelve classes."""

WINDOWS = 4
"""Of each length of each star, from starts spread over its epochs."""

LENGTHS = (20, 40, 60)
LONGEST_D = 900.0
"""Of a window [d]."""


def real_stars(
    folder: Path, networks: Mapping[str, tuple[TrainedNetwork, ...]], classes: Sequence[str]
) -> Table:
    """Ask the networks of all folds, in the mean of their probabilities, about windows of real stars.

    Parameters
    ----------
    networks : mapping of str to tuple of TrainedNetwork
        Of each of `training.reproduce.ours.first_epochs.WAYS`.
    """
    survey = _read(folder)
    labels = survey.labels("native_class")
    shown, label, star, length = [], [], [], []
    for some in in_pieces(survey, np.flatnonzero(np.isin(labels, list(LABELS))), len(labels)):
        for number, places in some.in_several_bands():
            series = _one_a_night(some.all_bands(places))
            meaning = LABELS[str(labels[some.curves[places[0]]])]
            for count in LENGTHS:
                for window in _windows(series, count):
                    shown.append(Shown(some.curve_in_bands(places), Kind.PREFIX, window))
                    label.append(classes.index(meaning))
                    star.append(number)
                    length.append(count)
    ways = measure(shown)
    said = {
        way: np.mean([_asked(each, getattr(ways, way), len(classes)) for each in networks[way]], axis=0)
        for way in WAYS
    }
    predicted = predictions(ways, said)
    example = ways.together.example[FusedExamples.of(ways.together).merged]
    truth, stars, n_epochs = (np.array(each)[example] for each in (label, star, length))
    rows = compared(predicted, truth, stars, n_epochs, lengths=LENGTHS, n_classes=len(classes))
    note = f"{WINDOWS} windows of a length and star, within {LONGEST_D:g} d, one exposure a band and night."
    return Table("Real ZTF stars in g and r, never trained on", HEADER, rows, note)


def _read(folder: Path) -> LabelledCurves:
    paths = [folder / f"{name}.npz" for name in FILES]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise SettingsError(f"no {missing[0]}: the real stars of ZTF are needed to be asked about")
    return join_bands(paths, [read_light_curves(path) for path in paths], "native_class")


def _asked(network: TrainedNetwork, table: FeatureTable, n_classes: int) -> NDArray[np.float64]:
    """Probabilities of the rows of a table; NaN where features are missing."""
    said = np.full((len(table.curve), n_classes), np.nan)
    said[table.usable] = network.probabilities(table.values[table.usable])
    return said


def _one_a_night(series: SeriesOfBands) -> SeriesOfBands:
    """Keep the first exposure of each band and night."""
    time, mag, err, band = series
    night = np.floor(time - 0.3).astype(np.int64) * 128 + band
    kept = np.sort(np.unique(night, return_index=True)[1])
    return time[kept], mag[kept], err[kept], band[kept]


def _windows(series: SeriesOfBands, count: int) -> list[SeriesOfBands]:
    """Consecutive epochs, from starts spread evenly over those from which a window is short enough."""
    time, mag, err, band = series
    if len(time) < count:
        return []
    starts = np.flatnonzero(time[count - 1 :] - time[: len(time) - count + 1] <= LONGEST_D)
    if not len(starts):
        return []
    chosen = np.unique(starts[np.linspace(0, len(starts) - 1, WINDOWS).round().astype(np.int64)])
    return [
        (time[s : s + count], mag[s : s + count], err[s : s + count], band[s : s + count]) for s in chosen
    ]
