"""From the points of a star, in one band or several, to its features where no single point decides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.joint_search import Room as SearchRoom
from features.bands.merged_curve import merged_curve
from features.bands.points import band_points
from features.clean_bands import blocking, clean_bands
from features.compilation.jit import kernel, part
from features.conventions import MIN_POINTS
from features.light_curve import Choices, features_at_period
from features.outliers.robust_fit import robust_fit
from features.outliers.robust_period import robust_period
from features.period.significance import significance
from features.sorting import SortingRoom
from features.status import BLOCKING, Status

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
U4 = NDArray[np.uint32]

BLOCKING_BITS = np.uint32(BLOCKING)
CLIPPED = np.uint32(Status.CLIPPED)
DEGENERATE = np.uint32(Status.DEGENERATE)
LONG_PERIOD = np.uint32(Status.LONG_PERIOD)
TOO_FEW = np.uint32(Status.TOO_FEW)
