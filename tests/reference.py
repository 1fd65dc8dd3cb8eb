"""The 16 features again, in plain NumPy and SciPy, from their definitions: the oracle of the kernels.

Nothing here is shared with `features` but the names of the columns. The periodogram is the direct sum in
Lomb's form (a time offset at every frequency makes sine and cosine orthogonal), the Fourier series is a
least-squares problem for LAPACK, the statistics are SciPy's.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

MAX_FREQUENCY = 1 / 0.03
CHUNK = 512


def features(time, mag, err, *, convention="refined", period=None):
    """Return the 16 features by name, of finite points in order of time with positive errors."""
    time, mag, err = (np.asarray(a, float) for a in (time, mag, err))
    if period is None:
        period = find_period(time, mag, err, convention)
    if convention == "refined":
        time = time - time[0]
    named = {"period": period, **_of_magnitudes(mag, err), **_of_phases(time, mag, err, period)}
    named |= _of_fourier(time, mag, period, convention)
    return dict(sorted(named.items()))


def find_period(time, mag, err, convention):
    x = time - time[0]
    step = 1 / (x[-1] * 3)
    if convention == "kim2021":
        n = x.size
        size = int(0.5 * 3 * max(100, int(x[-1] / n / 0.03 * 2)) * n)
        grid = np.arange(1, size + 1) * step
        return 1 / grid[np.argmax(power(x, mag, np.ones(n), grid, floating_mean=False))]
    grid = np.arange(1, int(MAX_FREQUENCY / step) + 1) * step
    on_grid = power(x, mag, err, grid, floating_mean=True)
    padded = np.concatenate(([-1], on_grid, [-1]))
    peaks = (on_grid >= padded[:-2]) & (on_grid >= padded[2:]) & (on_grid >= 0.75 * on_grid.max())
    best = []
    for f in grid[peaks]:
        found = optimize.minimize_scalar(
            lambda g: -power(x, mag, err, np.array([g]), floating_mean=True)[0],
            bounds=(max(f - step, step), min(f + step, MAX_FREQUENCY)),
            method="bounded",
            options={"xatol": 1e-7 * step},
        )
        best.append((found.fun, found.x))
    return 1 / min(best)[1]


def power(x, mag, err, frequencies, *, floating_mean):
    """Lomb-Scargle power [mag^2]: what a sinusoid takes off the weighted variance, at each frequency."""
    w = err**-2.0 / np.sum(err**-2.0)
    y = mag - w @ mag
    result = np.empty(frequencies.size)
    for start in range(0, frequencies.size, CHUNK):
        part = slice(start, start + CHUNK)
        angle = 2 * np.pi * frequencies[part, None] * x
        c0, s0 = (np.cos(angle) @ w, np.sin(angle) @ w) if floating_mean else (0.0, 0.0)
        up = np.sin(2 * angle) @ w - 2 * c0 * s0
        right = np.cos(2 * angle) @ w - (c0**2 - s0**2)
        angle = angle - 0.5 * np.arctan2(up, right)[:, None]
        cos, sin = np.cos(angle), np.sin(angle)
        cc, ss = cos**2 @ w, sin**2 @ w
        if floating_mean:
            cc, ss = cc - (cos @ w) ** 2, ss - (sin @ w) ** 2
        terms = [((wave @ (w * y)) ** 2, square) for wave, square in ((cos, cc), (sin, ss))]
        result[part] = sum(np.divide(a, b, out=np.zeros_like(a), where=b > 1e-9) for a, b in terms)
    return result


def _of_magnitudes(mag, err):
    median = np.median(mag)
    scaled = (mag - median) / err
    faint = mag > median
    scatter = [np.average((mag[side] - median) ** 2, weights=1 / err[side]) for side in (faint, ~faint)]
    return {
        "skewness": stats.skew(mag),
        "kurtosis": stats.kurtosis(mag),
        "shapiro_w": stats.shapiro(mag).statistic,
        "quartile31": np.subtract(*np.percentile(mag, [75, 25])),
        "stetson_k": np.abs(scaled).mean() / np.sqrt((scaled**2).mean()),
        "hl_amp_ratio": np.sqrt(scatter[0] / scatter[1]),
    }


def _of_phases(time, mag, err, period):
    mean = np.average(mag, weights=1 / err)
    std = np.sqrt(np.average((mag - mean) ** 2, weights=1 / err))
    folded = np.mod(time, 2 * period)
    order = np.argsort(folded, kind="stable")
    difference = np.diff(mag[order])
    moved = difference != 0
    slopes = np.diff(folded[order])[moved] / difference[moved]
    return {
        "phase_eta": np.mean(difference**2) / std**2,
        "phase_cusum": np.ptp(np.cumsum(mag[order] - mean)) / (mag.size * std),
        "slope_per10": np.percentile(slopes, 10),
        "slope_per90": np.percentile(slopes, 90),
    }


def _of_fourier(time, mag, period, convention):
    angle = 2 * np.pi * np.mod(time, period) / period
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    fit = np.linalg.lstsq(np.stack([np.ones_like(angle), *waves], axis=1), mag - mag.mean(), rcond=None)[0]
    sine, cosine = fit[1::2], fit[2::2]
    amplitude = np.hypot(sine, cosine)
    if convention == "refined":
        p = np.angle(cosine - 1j * sine)
        phi21, phi31 = np.mod([p[1] - 2 * p[0] + np.pi, p[2] - 3 * p[0] + np.pi], 2 * np.pi) - np.pi
    else:
        p = np.arctan(-sine / cosine)
        phi21, phi31 = p[1] - 2 * p[0], p[2] - 3 * p[0]
    return {
        "amplitude": amplitude[0],
        "r21": amplitude[1] / amplitude[0],
        "r31": amplitude[2] / amplitude[0],
        "phi21": phi21,
        "phi31": phi31,
    }
