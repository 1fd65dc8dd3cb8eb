from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.imitations.outliers import (
    BUMP_MAG,
    LARGEST_FLUX,
    MOST_STRAY,
    STRAY_MAG,
    bump,
    flux_as_magnitudes,
    saturated,
    stray_points,
)

seeds = st.integers(0, 2**32 - 1)


def star(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = int(rng.integers(10, 200))
    time = np.sort(rng.uniform(0.0, 1000.0, n))
    return time, 18.0 + 0.3 * rng.standard_normal(n), rng.uniform(0.01, 0.2, n)


@given(seeds)
def test_a_bump_only_brightens_by_its_height_at_one_epoch_and_less_elsewhere(seed):
    rng = np.random.default_rng(seed)
    time, mag, err = star(rng)
    brighter = mag - bump(rng, time, mag, err)
    assert (brighter >= -1e-12).all()
    assert max(BUMP_MAG[0], 5.0 * np.median(err)) - 1e-9 <= brighter.max() <= BUMP_MAG[1] + 1e-9
    peak = brighter.argmax()
    assert (np.diff(brighter[: peak + 1]) >= -1e-12).all()
    assert (np.diff(brighter[peak:]) <= 1e-12).all()


@given(seeds)
def test_one_to_three_points_stray(seed):
    rng = np.random.default_rng(seed)
    _, mag, _ = star(rng)
    off = np.abs(stray_points(rng, mag) - mag)
    moved = off[off > 0.0]
    assert 1 <= len(moved) <= MOST_STRAY
    assert STRAY_MAG[0] - 1e-9 <= moved.min() <= moved.max() <= STRAY_MAG[1] + 1e-9


@given(seeds)
def test_flux_is_pogsons_and_in_the_range_of_magnitudes(seed):
    rng = np.random.default_rng(seed)
    _, mag, err = star(rng)
    flux, flux_err = flux_as_magnitudes(rng, mag, err)
    assert (flux > 0.0).all()
    assert flux.max() <= LARGEST_FLUX + 1e-9
    assert np.allclose(-2.5 * np.log10(flux / flux[0]), mag - mag[0])
    assert np.allclose(flux_err / flux, 0.4 * np.log(10.0) * err)


@given(seeds)
def test_what_is_fainter_than_saturation_stays(seed):
    rng = np.random.default_rng(seed)
    _, mag, _ = star(rng)
    told = saturated(rng, mag)
    changed = told != mag
    assert changed.any()
    assert not changed[mag >= mag[changed].max()][mag[mag >= mag[changed].max()] > mag[changed].max()].any()
