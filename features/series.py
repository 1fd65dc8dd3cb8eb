"""Series of a batch as kernels take them, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T", bound=np.generic)


def series_of(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """One-dimensional, contiguous float64, not to be written to; a copy where needed.

    To numba what can be written to is another type, and kernels would be compiled for both.

    Raises
    ------
    ValueError
        If they are not real numbers in one dimension.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be a 1-d array of real numbers, got {array.dtype} {array.shape}")
    return _read_only(np.require(array, np.float64, ["C", "A"]))


def bands_of(values: ArrayLike, n_bands: int) -> NDArray[np.int8]:
    """Numbers of bands, 0 ... n_bands - 1, contiguous int8, not to be written to.

    Raises
    ------
    ValueError
        If they are no integers in one dimension, or out of range.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"band must be a 1-d array of integers, got {array.dtype} {array.shape}")
    if array.size and not 0 <= array.min() <= array.max() < n_bands:
        raise ValueError(
            f"band must be 0 to {n_bands - 1}, got {array.min()} to {array.max()}: "
            "leave points of unknown bands out, and never guess one"
        )
    return _read_only(np.require(array, np.int8, ["C", "A"]))


def checked_offsets(offsets: ArrayLike, sizes: Mapping[str, int]) -> NDArray[np.int64]:
    """Offsets of light curves into series of these sizes, by name.

    Raises
    ------
    ValueError
        If the series are not equally long, or the offsets do not share them out.
    """
    array = np.asarray(offsets)
    if array.ndim != 1 or array.size < 1 or array.dtype.kind not in "iu":
        raise ValueError(f"offsets must be a 1-d array of integers, got {array.dtype} {array.shape}")
    bounds = array.astype(np.int64)
    if len(set(sizes.values())) != 1:
        *names, last = sizes
        lengths = ", ".join(map(str, sizes.values()))
        raise ValueError(f"{', '.join(names)} and {last} must be equally long, got {lengths}")
    (size,) = set(sizes.values())
    if bounds[0] != 0 or bounds[-1] != size or (bounds[1:] < bounds[:-1]).any():
        raise ValueError(
            f"offsets must rise from 0 to the number of points, {size}; "
            f"they start at {bounds[0]}, end at {bounds[-1]}"
        )
    return bounds


def _read_only(array: NDArray[T]) -> NDArray[T]:
    view = array.view()
    view.flags.writeable = False
    return view
