r"""The explainer of a model: what each feature of a light curve speaks for or against a class.

What is explained is the log-odds of the class, in natural units,

.. math:: f_c(x) = \ln p_c(x) - \ln \sum_{j \neq c} p_j(x)

and not its probability: that saturates, so that of the features of a star which is told with 0.999 none would
seem to matter. Log-odds add up as evidence does: a value of 0.7 doubles the odds of the class.

The probabilities are those of the records: under the priors in use, and of a star in several bands the fused
ones, by its merged curve and its bands (`schemas.model.fusion`). There a feature is that of the merged curve
and of every band at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.explanation.background import BACKGROUND_ROWS
from schemas.explanation.shapley import ShapleyValues, shapley_values
from schemas.model.artifact import Artifact
from schemas.model.fusion import fuse
from schemas.model.priors import with_priors
from schemas.model.terms import NO_PRIORS

F8 = NDArray[np.float64]


class Effort(NamedTuple):
    """How much is asked of the network for one explanation.

    Attributes
    ----------
    rows : int
        Background rows, the first of them; all where there are fewer.
    pairs : int
        Pairs of orders for each of them.
    """

    rows: int
    pairs: int


FULL = Effort(BACKGROUND_ROWS, 8)
"""Where one light curve is asked about: values against the whole background, with errors of some 0.05."""

OF_A_RECORD = Effort(25, 1)
"""Where every record is explained, a thirty-second of the work: enough to name the features that matter most.
Of three that are named, 2.5 are among the three of the full effort, and they add 98 % of what those add."""

SEED = 0
"""Of the orders: all light curves have the same, so that what is said depends on nothing else."""

NAMED = 3
"""Features that a record names for its class, and against it, at most."""

_ROWS_AT_ONCE = 512  # two thirds of the time of 9,000 at once
_TINY = float(np.finfo(np.float32).tiny)  # in the place of a probability that single precision cannot hold


class Speaking(NamedTuple):
    """Names of the features that speak most for a class and against it, the strongest first."""

    speaks_for: list[str]
    speaks_against: list[str]


class Explainer:
    """Explains the answers of a model.

    Parameters
    ----------
    artifact : Artifact
        The model.
    background : (b, 16) float64
        Raw features to explain against, see `schemas.explanation.background`.
    priors : mapping of str to float
        In the place of the model's own, of some or all classes.

    Attributes
    ----------
    background : (b, 16) float64
        See there.
    """

    def __init__(
        self, artifact: Artifact, background: F8, *, priors: Mapping[str, float] = NO_PRIORS
    ) -> None:
        self._artifact = artifact
        self.background = background
        self._priors = priors

    def explain(self, views: F8, number: int, *, fused: bool = False, effort: Effort = FULL) -> ShapleyValues:
        """Return the Shapley values of the features for the log-odds of a class.

        Parameters
        ----------
        views : (v, 16) float64
            Raw features: one row of a band; where `fused`, those of the merged curve, then those of each band
            that the model was asked about. All finite.
        number : int
            Of the class, its place among the manifest's.
        fused : bool
            Whether the answer is one to a star in several bands.
        effort : Effort
            Background rows, and pairs of orders for them.

        Raises
        ------
        ValueError
            If there are several views of one band, or the model gives no fused answers.
        """
        if not fused and len(views) != 1:
            raise ValueError(f"a band has one row of features, got {len(views)}")
        return shapley_values(
            lambda rows: self.log_odds(rows, number, fused=fused),
            np.asarray(views, np.float64),
            self.background[: effort.rows],
            pairs=effort.pairs,
            seed=SEED,
        )

    def log_odds(self, rows: F8, number: int, *, fused: bool = False) -> F8:
        """Return the log-odds (m,) of a class for features (m, v, 16) in one or several views.

        Raises
        ------
        ValueError
            If the answers are fused, and the model gives none.
        """
        manifest = self._artifact.manifest
        m, v, f = rows.shape
        answers = self._probabilities(rows.reshape(m * v, f)).reshape(m, v, -1)
        said, priors = answers[:, 0], manifest.priors
        if fused:
            terms = _fused_terms(self._artifact)
            one_band = np.zeros(m, np.bool_)
            said = fuse(answers[:, 0], answers[:, 1:], one_band, temperature=terms["temperature"])
            priors = terms.get("priors", {})
        if self._priors:
            said = with_priors(said, priors, self._priors)
        rest = np.delete(said, number, axis=1).sum(axis=1)
        return np.asarray(np.log(np.maximum(said[:, number], _TINY)) - np.log(np.maximum(rest, _TINY)))

    def _probabilities(self, rows: F8) -> F8:
        """Ask about rows (n, 16), few enough at once that what the network makes of them stays near."""
        parts = np.split(rows, range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE))
        asked = [self._artifact.score(part, np.ones(len(part), np.bool_)).probabilities for part in parts]
        return np.concatenate(asked, dtype=np.float64)


def speaking(values: F8, names: tuple[str, ...]) -> Speaking:
    """Name the features whose Shapley values (f,) speak most for a class and against it, `NAMED` at most.

    Only what is above zero speaks for it, only what is below against it; of equal ones the first is named.
    """
    order = np.argsort(-values, kind="stable")[:NAMED]
    against = np.argsort(values, kind="stable")[:NAMED]
    return Speaking(
        [names[j] for j in order if values[j] > 0.0], [names[j] for j in against if values[j] < 0.0]
    )


def _fused_terms(artifact: Artifact) -> Mapping[str, Any]:
    manifest = artifact.manifest
    if manifest.fused is None:
        raise ValueError(f"model {manifest.name} {manifest.version} gives no fused answers")
    return manifest.fused
