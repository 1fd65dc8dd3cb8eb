"""Copies of cataclysmic variables beside the stars themselves, thinned to the same visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from features import FEATURE_NAMES, extract
from training.crossfit.labelled_file import known_file
from training.data.labels import at_most
from training.data.light_curves import offsets_of
from training.network.preprocess import LOGARITHMIC_FEATURES
from training.reobserve.ztf_and_lsst import CADENCES
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.streams.outburst_looks import FEWEST_EPOCHS, WAYS, Pair, Series, look, thinned
from training.stars.folds import folds
from training.surveys.classes import CATACLYSMIC

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

SURVEYS = ("crts_transients_V", "gaia_alerts_G")
OTHERS = "css_sss_V"
"""Has the periodic stars that cataclysmic variables are told from."""
FEWEST_WHOLE = 80
"""Epochs of a light curve that is thinned."""
LOOKS = 2
"""At each star, as each survey."""
OTHERS_A_LABEL = 0.25
"""Most stars of any other label, over those of cataclysmic variables."""
FEATURE_SETS = {
    "of magnitudes alone": (
        "amplitude",
        "hl_amp_ratio",
        "kurtosis",
        "quartile31",
        "shapiro_w",
        "skewness",
        "stetson_k",
    ),
    "of time and period": (
        "period",
        "phase_cusum",
        "phase_eta",
        "phi21",
        "phi31",
        "r21",
        "r31",
        "slope_per10",
        "slope_per90",
    ),
    "all 16": FEATURE_NAMES,
}
APART = (*WAYS, f"{WAYS[1]}, where both")
"""Columns of the table of copies and stars; the last is of the looks that the first has, too."""
QUARTILES = (25, 50, 75)
FOLDS = 5
TREES = 300


@dataclass(frozen=True, slots=True)
class Looks:
    """Features of m looks at cataclysmic variables.

    Attributes
    ----------
    stars, copies : (m, 16) float64
        Of the stars themselves, and of their copies.
    star : (m,) int64
        Number of the star.
    look : (m,) int64
        Number of the look: the same visits by whatever way copies are made.
    epochs : (m,) int64
        Of the star, and as many of the copy.
    kind : (m,) str
        Of the model of the copy.
    """

    stars: F8
    copies: F8
    star: I8
    look: I8
    epochs: I8
    kind: NDArray[np.str_]

    def take(self, rows: NDArray[np.bool_]) -> Looks:
        """Leave looks out."""
        return Looks(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Others:
    """Features of k looks at other stars.

    Attributes
    ----------
    values : (k, 16) float64
    star : (k,) int64
        None of the numbers of cataclysmic variables.
    name : (k,) str
        Class.
    """

    values: F8
    star: I8
    name: NDArray[np.str_]


def outbursts(bench: Bench, folder: Path) -> Section:
    """Hold copies against the stars, feature by feature, by a forest that tells them apart, and by class."""
    tables = []
    for name in SURVEYS:
        looks, others = looks_at(folder, name, most=bench.scale.bands_stars_per_label, bench=bench)
        told = [f"{way}: {_counted(each)}" for way, each in looks.items()]
        tables += [
            Table(f"{name}: copy or star", ("features", *APART), apart(looks), note="; ".join(told) + "."),
            Table(
                f"{name}: called {CATACLYSMIC}",
                ("learnt from", "asked about", "share", "looks"),
                called(looks, others),
            ),
            Table(
                f"{name}: quartiles of copies less those of stars, in standard scores of the stars",
                ("feature", *(f"{way}, {q} %" for way in WAYS for q in QUARTILES)),
                quartiles(looks),
            ),
        ]
    return Section(
        "Outbursts",
        (
            "Cataclysmic variables thinned to their epochs nearest to visits of ZTF and of LSST, all bands "
            f"as one, {FEWEST_EPOCHS} epochs or more, beside copies of the same stars with as many epochs: "
            "smoothed, by a damped random walk where it stands for the star and by straight lines where not, "
            "and with outbursts, where the star shows any. Copy or star: area under the curve of a forest "
            "that is asked whether a light curve is a copy, one half where they cannot be told apart. Stars "
            "are asked about by forests that have not seen them, of five folds.",
        ),
        tuple(tables),
    )


def looks_at(folder: Path, name: str, *, most: int, bench: Bench) -> tuple[dict[str, Looks], Others]:
    """Look at stars of a survey, and at periodic ones, as ZTF and LSST would; at most so many of a label."""
    pairs: dict[str, list[tuple[int, int, Pair]]] = {way: [] for way in WAYS}
    others: list[tuple[int, str, Series]] = []
    for number, (whole, meaning) in enumerate(_stars(folder, name, most=most, bench=bench)):
        for turn, cadence in enumerate(CADENCES.values()):
            for again in range(LOOKS):
                rng = np.random.default_rng([number, turn, again])
                if meaning == CATACLYSMIC:
                    visits = (number * len(CADENCES) + turn) * LOOKS + again
                    for way, pair in look(whole, cadence, rng).items():
                        pairs[way].append((number, visits, pair))
                elif (chosen := thinned(whole, cadence, rng)) is not None:
                    time, mag, err = (each[chosen] for each in whole)
                    others.append((number, meaning, (time, mag, err)))
    looks = {
        way: Looks(
            _features([pair.star for *_, pair in each]),
            _features([pair.copy for *_, pair in each]),
            np.array([number for number, *_ in each], np.int64),
            np.array([visits for _, visits, _ in each], np.int64),
            np.array([pair.star[0].size for *_, pair in each], np.int64),
            np.array([pair.kind for *_, pair in each], np.str_),
        )
        for way, each in pairs.items()
    }
    return looks, Others(
        _features([each for *_, each in others]),
        np.array([number for number, *_ in others], np.int64),
        np.array([meaning for _, meaning, _ in others], np.str_),
    )


def apart(looks: Mapping[str, Looks]) -> tuple[tuple[str, ...], ...]:
    """Write how well copies of each way are told from the stars, by each set of features; see `APART`."""
    old, new = (looks[way] for way in WAYS)
    asked = (old, new, new.take(np.isin(new.look, old.look)))
    return tuple(
        (name, *(f"{_area(each, features):.3f}" for each in asked)) for name, features in FEATURE_SETS.items()
    )


def _area(looks: Looks, features: Sequence[str]) -> float:
    columns = [FEATURE_NAMES.index(feature) for feature in features]
    values = np.concatenate([looks.stars, looks.copies])[:, columns]
    copy, star = np.repeat([0, 1], len(looks.star)), np.tile(looks.star, 2)
    said = np.empty(len(copy))
    for learnt, asked in _folds(star, np.zeros(len(copy), np.int64)):
        said[asked] = _forest().fit(values[learnt], copy[learnt]).predict_proba(values[asked])[:, 1]
    return float(roc_auc_score(copy, said))


def called(looks: Mapping[str, Looks], others: Others) -> tuple[tuple[str, ...], ...]:
    """Write how often stars and copies are called cataclysmic, by forests that learn from either."""
    rows = []
    for way in WAYS:
        mine = looks[way]
        n = len(mine.star)
        name = np.concatenate([np.full(n, CATACLYSMIC), others.name])
        star = np.concatenate([mine.star, others.star])
        shown = {"stars": mine.stars, f"{way} copies": mine.copies}
        said = {(learnt, asked): np.zeros(n, np.bool_) for learnt in shown for asked in shown}
        for learnt, asked in _folds(star, name == CATACLYSMIC):
            rows_asked = asked[asked < n]
            for source, values in shown.items():
                forest = _forest().fit(np.concatenate([values, others.values])[learnt], name[learnt])
                for target, wanted in shown.items():
                    said[source, target][rows_asked] = forest.predict(wanted[rows_asked]) == CATACLYSMIC
        rows += [(*pair, f"{each.mean():.3f}", str(n)) for pair, each in said.items()]
    return tuple(rows)


def quartiles(looks: Mapping[str, Looks]) -> tuple[tuple[str, ...], ...]:
    """Write by how much the quartiles of each feature differ, over the scatter of the stars."""
    differences = []
    for way in WAYS:
        scores = (_standard(looks[way].stars, values) for values in (looks[way].stars, looks[way].copies))
        stars, copies = (np.percentile(each, QUARTILES, axis=0) for each in scores)
        differences.append(copies - stars)
    together = np.concatenate(differences)
    return tuple(
        (name, *(f"{each:+.2f}" for each in together[:, column])) for column, name in enumerate(FEATURE_NAMES)
    )


def _counted(looks: Looks) -> str:
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(Counter(looks.kind.tolist()).items()))
    median = f"{np.median(looks.epochs):g} epochs in the median"
    return f"{len(looks.star)} looks at {len(np.unique(looks.star))} stars, {median}, by models {kinds}"


def _stars(folder: Path, name: str, *, most: int, bench: Bench) -> Iterator[tuple[Series, str]]:
    """Light curves of many epochs, by survey, and what they mean."""
    for survey in (name, OTHERS):
        file = known_file(folder / f"{survey}.npz")
        curves = file.read(bench.progress).survey
        labels = curves.labels(file.label_key)
        meaning = np.array([file.label_map.get(label, "") for label in labels.tolist()])
        rich = (curves.curves.n_epochs >= FEWEST_WHOLE) & (meaning != "")
        labels = np.where(rich, labels, "")
        rare = [label for label in file.label_map if file.label_map[label] != CATACLYSMIC]
        few = at_most(labels, max(FOLDS, round(most * OTHERS_A_LABEL)), np.random.default_rng(1), order=rare)
        common = [label for label in file.label_map if file.label_map[label] == CATACLYSMIC]
        few |= at_most(labels, most, np.random.default_rng(2), order=common)
        for each in np.flatnonzero(few).tolist():
            time, mag, err = curves.curves.pick(each)
            time, first = np.unique(time, return_index=True)
            yield (time, mag[first], err[first]), str(meaning[each])


def _features(series: Sequence[Series]) -> F8:
    time, mag, err = (np.concatenate([np.empty(0), *(each[i] for each in series)]) for i in range(3))
    offsets = offsets_of(np.array([each[0].size for each in series], np.int64))
    values = extract(time, mag, err, offsets, convention="robust").values
    return np.where(np.isfinite(values), values, 0.0)


def _standard(stars: F8, values: F8) -> F8:
    """Scores (m, 16) of values (m, 16) by median and deciles of the stars (n, 16), most in logarithms."""
    logarithmic = np.array([name in LOGARITHMIC_FEATURES for name in FEATURE_NAMES])
    logarithmic &= (stars > 0.0).all(axis=0)
    both = [np.where(logarithmic, np.log10(np.maximum(each, 1e-6)), each) for each in (stars, values)]
    low, middle, high = np.percentile(both[0], (10, 50, 90), axis=0)
    return np.asarray((both[1] - middle) / np.maximum((high - low) / 2.563, 1e-12))


def _folds(star: I8, label: NDArray[Any]) -> Iterator[tuple[I8, I8]]:
    fold = folds(star, np.asarray(label, np.int64), count=FOLDS, seed=0)
    for number in range(FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(
        TREES, min_samples_leaf=3, class_weight="balanced_subsample", random_state=0
    )
