"""The order of the features, and the conventions they are computed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FEATURE_NAMES = (
    "amplitude",
    "hl_amp_ratio",
    "kurtosis",
    "period",
    "phase_cusum",
    "phase_eta",
    "phi21",
    "phi31",
    "quartile31",
    "r21",
    "r31",
    "shapiro_w",
    "skewness",
    "slope_per10",
    "slope_per90",
    "stetson_k",
)
"""Columns of the feature table: alphabetical, as the published models take them."""

FEATURE_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "amplitude": "mag",
        "period": "d",
        "phi21": "rad",
        "phi31": "rad",
        "quartile31": "mag",
        "slope_per10": "d/mag",
        "slope_per90": "d/mag",
    }
)
"""Units of the features that have one; the others are ratios."""

MIN_POINTS = 8
"""Fewest usable points: the Fourier model has seven coefficients."""

MIN_BAND_POINTS = 2
"""Fewest points of a band that is measured together with others."""

MIN_BASELINE_D = 1.0
"""Shortest baseline: within one night no period that matters can be told from a trend [d]."""

MAX_BASELINE_D = 15_000.0
"""Longest baseline that is searched; of a longer one the latest points are kept [d]."""

MAX_EPOCHS = 10_000
"""Most points that are used, the newest: a search of them over the longest baseline takes 0.05 s, and a
minute or two where a point or a few have nearly all the weight, for then single precision does not do."""

NIGHT_GAP_D = 0.3
"""Points that are farther apart are of two nights [d]."""

MIN_PERIOD_D = 0.03
"""Shortest period: the highest frequency of the search is its inverse [d]."""

OVERSAMPLING = 3
"""Frequencies of the grid per 1 / baseline: it is k / (3 T), k = 1, 2, ..."""


@dataclass(frozen=True, slots=True)
class Convention:
    """The choices in which the conventions differ.

    Attributes
    ----------
    name : str
        Recorded in every model, which must be served with the convention it was trained with.
    floating_mean : bool
        Periodogram with 1 / err^2 weights and a free mean (Zechmeister & Kuerster 2009, A&A 496, 577),
        or unweighted about the sample mean (Lomb 1976; Press & Rybicki 1989, ApJ 338, 277).
    refine : bool
        Period at the highest point between the grid's frequencies, or on the grid.
    from_first_epoch : bool
        Phases from the first epoch, so that a shift of time changes nothing, or from time zero.
    full_angles : bool
        Fourier phases from all four quadrants with differences wrapped to [-pi, pi), or from the
        arctangent of a ratio and not wrapped.
    by_support : bool
        No single point decides: errors have floors, the period is judged by all points, points that no other
        supports are left out or drawn in, and the Fourier fit keeps to the range of the magnitudes. Only so
        can several bands be measured together.
    """

    name: str
    floating_mean: bool
    refine: bool
    from_first_epoch: bool
    full_angles: bool
    by_support: bool


CONVENTIONS = MappingProxyType(
    {
        "kim2021": Convention("kim2021", False, False, False, False, False),
        "refined": Convention("refined", True, True, True, True, False),
        "robust": Convention("robust", True, True, True, True, True),
    }
)
"""``"kim2021"`` agrees with the published code, defects included: needed to serve its weights.
``"refined"`` finds the period between the grid's frequencies, so that one more epoch moves features little.
``"robust"`` trusts no point that stands alone, and measures the bands of a star together: for every model
that is trained with this package."""
