"""Stars for the tests of outliers: made here, or real ones, in the order that the kernels take."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np


class Star(NamedTuple):
    """Points in canonical order; `band` is the number of each point's band, `bounds` says the same."""

    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    bounds: np.ndarray
    letters: np.ndarray
    band: np.ndarray

    @property
    def dense(self):
        """What the oracle takes."""
        return self.time, self.mag, self.err, self.band


def canonical(time, mag, err, band):
    """One order for any order of arrival; exact repeats leave, and bands of one point."""
    table = np.unique(np.column_stack([band, time, mag, err]).astype(float), axis=0)
    letters, counts = np.unique(table[:, 0], return_counts=True)
    letters, counts = letters[counts > 1], counts[counts > 1]
    band, time, mag, err = table[np.isin(table[:, 0], letters)].T.copy()
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return Star(time, mag, err, bounds, letters.astype(np.int64), band)


def made_up(seed, *, outliers=2):
    """A star of one to six bands and its frequency: sinusoid, pulsator, eclipses or noise, with outliers."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 160))
    time = rng.uniform(0.0, 150.0, n)
    if seed % 3 == 0:  # several exposures a night
        time = np.floor(time / 6.0) * 6.0 + rng.uniform(0.0, 0.1, n)
    band = rng.integers(0, rng.integers(1, 7), n)
    err = rng.uniform(0.005, 0.06, n)
    period = rng.uniform(0.2, 4.0)
    phase = time / period % 1.0
    shapes = (np.cos(2 * np.pi * phase), phase, 2.0 * (np.abs(phase - 0.5) < 0.05), np.zeros(n))
    mag = 17.0 + 0.4 * band + 0.5 * shapes[seed % 4] + err * rng.normal(size=n)
    off = rng.choice(n, min(outliers, n), replace=False)
    mag[off] += rng.choice([-1.5, -0.5, 0.5, 1.5], off.size)
    if seed % 5 == 0:  # many equal ones
        mag, time = np.round(mag, 1), np.round(time, 2)
    return canonical(time, mag, err, band), (1.0 if seed % 2 else rng.uniform(0.3, 3.0)) / period


REAL = (
    "css_sss_V",
    "asas_acvs_V",
    "hipparcos_debosscher_Hp",
    "sdss_s82_rrl_g",
    "ogle4_lmc_cep_I",
    "ztf_dr_labelled_g",
)


@cache
def survey(folder, name):
    """Arrays of a file of light curves, each read once."""
    with np.load(folder / "lightcurves" / f"{name}.npz") as archive:
        keys = ("time", "mag", "err", "offsets", "period", "object_id", "native_class", "ups_class")
        return {key: archive[key] for key in keys}


def series_of(arrays, i):
    """Time, magnitude and error of a light curve, clean."""
    at = slice(arrays["offsets"][i], arrays["offsets"][i + 1])
    time, mag, err = (arrays[key][at].astype(float) for key in ("time", "mag", "err"))
    fine = np.isfinite(time) & np.isfinite(mag) & (err > 0)
    return time[fine], mag[fine], np.maximum(err[fine], 1e-5)


def real_stars(shared_data, a_file=20, most=160):
    """Stretches of real light curves of known period with one injected point, and their frequency."""
    for name in REAL:
        arrays = survey(shared_data, name)
        period = arrays["period"]
        rng = np.random.default_rng(len(name))
        known = np.flatnonzero(np.isfinite(period) & (period > 0.05) & (np.diff(arrays["offsets"]) >= 20))
        for i in rng.choice(known, min(a_file, known.size), replace=False):
            length = int(rng.integers(20, most))
            time, mag, err = (each[:length] for each in series_of(arrays, i))
            mag[rng.integers(mag.size)] += rng.choice([-1.5, 1.5])
            yield canonical(time, mag, err, np.zeros(time.size)), 1.0 / float(period[i])


def eclipsing(shared_data, name):
    """Eclipsing binaries with wide gaps between their eclipses: light curve, and orbital period [d]."""
    arrays = survey(shared_data, name)
    period = arrays["period"]
    chosen = np.isin(arrays["native_class"], ("EA", "ED")) | (arrays["ups_class"] == "EB_ED")
    known = np.flatnonzero(chosen & np.isfinite(period) & (np.diff(arrays["offsets"]) >= 80))
    for i in np.random.default_rng(2).choice(known, min(60, known.size), replace=False):
        time, mag, err = (each[:400] for each in series_of(arrays, i))
        yield canonical(time, mag, err, np.zeros(time.size)), float(period[i])


def in_eclipse(star, orbit):
    """Points whose neighbours in orbital phase, the point itself not among them, are faint."""
    order = np.argsort((star.time / orbit) % 1.0)
    mag = star.mag[order]
    around = np.stack([np.roll(mag, k) for k in (-3, -2, -1, 1, 2, 3)])
    faint = np.empty(mag.size, bool)
    faint[order] = np.median(around, axis=0) > np.median(mag) + max(0.1, 3 * np.median(star.err))
    return faint & (star.mag > np.median(mag) + max(0.1, 3 * np.median(star.err)))
