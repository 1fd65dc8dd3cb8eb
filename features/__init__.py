"""The 16 variability features of UPSILoN-T, from irregularly sampled light curves.

One call does everything: `extract` takes a batch of light curves and returns a table of features, a
column of status bits and what was found beside them. Features and their names are those of Kim, Yeo,
Bailer-Jones & Lee (2021), A&A 653, A22, doi:10.1051/0004-6361/202140369, Table 2, as their published code
computes them, in three conventions: ``"kim2021"`` agrees with that code, ``"refined"`` is calm as a light
curve grows, and in ``"robust"`` no single point decides. `extract_together` measures all bands of a star.

Nothing here knows surveys, files or classes.
"""

from __future__ import annotations

from features.conventions import CONVENTIONS, FEATURE_NAMES, FEATURE_UNITS, MAX_EPOCHS, MIN_POINTS
from features.extract import count_used, extract
from features.measured import Measured
from features.status import BLOCKING, Status, scorable, status_names
from features.together import SURVEY_BANDS, Together, extract_together

__all__ = [
    "BLOCKING",
    "CONVENTIONS",
    "FEATURE_NAMES",
    "FEATURE_UNITS",
    "MAX_EPOCHS",
    "MIN_POINTS",
    "SURVEY_BANDS",
    "Measured",
    "Status",
    "Together",
    "count_used",
    "extract",
    "extract_together",
    "scorable",
    "status_names",
]
