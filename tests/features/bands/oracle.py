"""One period for all bands again, in plain NumPy from the definition: the oracle of `features.bands`.

Nothing is shared with it but letters and letters' order. Sums are dense and in double precision; the grid is
summed whole, the maxima of the second stage are looked for on nets that become finer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BANDS = "ugrizy"
EQUAL = dict.fromkeys(BANDS, 1.0)
PULSATOR = dict(zip(BANDS, (0.95, 1.0, 0.7, 0.54, 0.48, 0.47), strict=True))
PRIOR = dict(zip(BANDS, (0.97, 1.0, 0.82, 0.72, 0.67, 0.66), strict=True))


class Band(NamedTuple):
    """A band's points: times from the star's first [d], magnitudes about their mean, weights, errors."""

    letter: str
    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    e: np.ndarray
    mean: float
    floor: float


class Star(NamedTuple):
    bands: list[Band]
    origin: float

    @property
    def baseline(self):
        return max(band.x.max() for band in self.bands)

    @property
    def chi2(self):
        return sum((band.w * band.y**2).sum() for band in self.bands)


def star(time, mag, err, letters, *, floors=True):
    """A star from points in any order, each with the letter of its band."""
    points = sorted(set(zip(letters, time, mag, err, strict=True)))
    series = {}
    for letter in sorted({point[0] for point in points}, key=lambda letter: (BANDS + letter).index(letter)):
        rows = np.array([point[1:] for point in points if point[0] == letter], float)
        if len(rows) >= 2:
            series[letter] = rows.T
    floor = band_floors(series) if floors else dict.fromkeys(series, 0.0)
    origin = min(t.min() for t, _, _ in series.values())
    bands = []
    for letter, (t, m, e) in series.items():
        w = 1.0 / (e**2 + floor[letter] ** 2)
        mean = np.average(m, weights=w)
        bands.append(Band(letter, t - origin, m - mean, w, e, mean, floor[letter]))
    return Star(bands, origin)


def band_floors(series):
    n = {letter: m.size for letter, (_, m, _) in series.items()}
    excess = {
        letter: m.size * m.var() - (1 - 1 / m.size) * (e**2).sum() for letter, (_, m, e) in series.items()
    }
    pooled = max(0.0, sum(excess.values())) / (sum(n.values()) - len(n))
    floor = {}
    for letter in series:
        square = 0.16 * (max(0.0, excess[letter]) + 2 * pooled) / (n[letter] + 1)
        floor[letter] = 2.0 ** np.rint(np.log(max(square, 1e-4)) / np.log(4.0))
    return floor


def columns(frequencies, x, harmonics):
    """(m, n, 2 harmonics)"""
    cycles = np.multiply.outer(np.atleast_1d(frequencies), x) % 1.0
    waves = [wave(2 * np.pi * k * cycles) for k in range(1, harmonics + 1) for wave in (np.cos, np.sin)]
    return np.stack(waves, axis=-1)


def drop(star, frequencies, harmonics, ratio):
    """(m,) drop of chi^2 by a shape shared by all bands, by normal equations centred in each band."""
    frequencies = np.atleast_1d(np.asarray(frequencies, float))
    if frequencies.size > 4096:
        parts = np.array_split(frequencies, frequencies.size // 4096 + 1)
        return np.concatenate([drop(star, part, harmonics, ratio) for part in parts])
    size = 2 * harmonics
    normal, right, weight = np.zeros((frequencies.size, size, size)), np.zeros((frequencies.size, size)), 0.0
    for band in star.bands:
        r = ratio.get(band.letter, 1.0)
        s = columns(frequencies, band.x, harmonics)
        s -= (band.w @ s / band.w.sum())[:, None, :]
        normal += r**2 * np.swapaxes(s, 1, 2) @ (band.w[:, None] * s)
        right += r * (band.w * band.y) @ s
        weight += r**2 * band.w.sum()
    for k in range(2, size):
        normal[:, k, k] += 0.5 * weight
    trace = normal[:, 0, 0] + normal[:, 1, 1]
    det = np.linalg.det(normal[:, :2, :2])
    q = np.zeros(frequencies.size)
    line = (trace > 1e-9 * weight) & (det <= 1e-9 * trace**2)
    q[line] = (right[line, :2] ** 2).sum(axis=1) / trace[line]
    full = (trace > 1e-9 * weight) & ~line
    q[full] = np.sum(right[full] * np.linalg.solve(normal[full], right[full, :, None])[..., 0], axis=1)
    return q


def first_stage(star, frequencies):
    return drop(star, frequencies, 1, EQUAL)


def second_stage(star, frequencies):
    return np.maximum(drop(star, frequencies, 2, EQUAL), drop(star, frequencies, 2, PULSATOR))


def by_least_squares(star, frequency, harmonics, ratio):
    """The same drop from the residuals of LAPACK's least squares, the ridge as further rows."""
    rows, values, weight = [], [], 0.0
    for b, band in enumerate(star.bands):
        r = ratio.get(band.letter, 1.0)
        mean = np.zeros((band.x.size, len(star.bands)))
        mean[:, b] = 1.0
        block = np.hstack([mean, r * columns(frequency, band.x, harmonics)[0]])
        rows.append(np.sqrt(band.w)[:, None] * block)
        values.append(np.sqrt(band.w) * band.y)
        weight += r**2 * band.w.sum()
    ridge = np.zeros((2 * harmonics - 2, rows[0].shape[1]))
    for k in range(2 * harmonics - 2):
        ridge[k, len(star.bands) + 2 + k] = np.sqrt(0.5 * weight)
    matrix, target = np.vstack([*rows, ridge]), np.concatenate([*values, np.zeros(len(ridge))])
    solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
    return star.chi2 - ((target - matrix @ solution) ** 2).sum()


def grid(star):
    step = 1.0 / (3.0 * star.baseline)
    return step * np.arange(1, max(1, int((1.0 / 0.03) / step * (1.0 + 1e-12))) + 1)


def candidates(star):
    """Numbers in the grid of the candidates, and the first stage's drop on the whole grid."""
    p = first_stage(star, grid(star))
    beside = np.concatenate([[-1.0], p, [-1.0]])
    peak = (p >= 0.75 * p.max()) & (p >= beside[:-2]) & (p >= beside[2:]) & (p > 0.0)
    return np.flatnonzero(peak), p


def search(star, *, stages=2):
    """Frequency, the drop there, and frequencies and drops of all candidates."""
    stage = second_stage if stages == 2 else first_stage
    frequencies = grid(star)
    found, _ = candidates(star)
    tops = []
    for k in found:
        low = frequencies[max(k - 1, 0)]
        high = min(frequencies[0] * (k + 2), 1.0 / 0.03)
        lower, upper = low, high
        for _ in range(7):
            net = np.linspace(lower, upper, 65)
            value = stage(star, net)
            best = value.argmax()
            lower, upper = net[max(best - 2, 0)], net[min(best + 2, 64)]
        tops.append((net[best], value[best]))
    best = (frequencies[0], 0.0)
    for top in tops:
        if top[1] > best[1] * (1 + 1e-9):
            best = top
    return *best, tops


def shape_fit(star, frequency, ratio, *, further=0.0):
    """The shape's coefficients (4,), by least squares with the means, ridges on both harmonics.

    A further ridge counts in weights, and grows as the fourth power of the harmonic.
    """
    rows, values, weight = [], [], 0.0
    for b, band in enumerate(star.bands):
        mean = np.zeros((band.x.size, len(star.bands)))
        mean[:, b] = 1.0
        block = np.hstack([mean, ratio[band.letter] * columns(frequency, band.x, 2)[0]])
        rows.append(np.sqrt(band.w)[:, None] * block)
        values.append(np.sqrt(band.w) * band.y)
        weight += ratio[band.letter] ** 2 * band.w.sum()
    squares = weight * (0.5 * np.array([1e-6, 1e-6, 1, 1]) + further * np.array([1, 1, 16, 16]))
    ridge = np.hstack([np.zeros((4, len(star.bands))), np.diag(np.sqrt(squares))])
    matrix, target = np.vstack([*rows, ridge]), np.concatenate([*values, np.zeros(4)])
    return np.linalg.lstsq(matrix, target, rcond=None)[0][len(star.bands) :]


def levels_and_ratios(star, frequency, *, fit_ratios):
    """Two dictionaries by letter: level [mag], and amplitude over that in g."""
    ratio = {band.letter: PRIOR.get(band.letter, 1.0) if fit_ratios else 1.0 for band in star.bands}
    for _ in range(3 if fit_ratios else 1):
        coefficients = shape_fit(star, frequency, ratio)
        level, following = {}, {}
        for band in star.bands:
            wave = columns(frequency, band.x, 2)[0] @ coefficients
            mean = np.average(wave, weights=band.w)
            d, r = wave - mean, ratio[band.letter]
            rest = (band.w * (band.y - r * d) ** 2).sum()
            k = max(1.0, rest / max(1.0, band.x.size - 1.0))
            prior = PRIOR.get(band.letter, 1.0)
            fitted = ((band.w * d * band.y).sum() / k + prior / 0.0625) / ((band.w * d**2).sum() / k + 16.0)
            following[band.letter] = float(np.clip(fitted, 0.2, 3.0)) if fit_ratios else 1.0
            level[band.letter] = band.mean - following[band.letter] * mean
        ratio = following
    return level, ratio


def levels_within(star, frequency):
    """Levels [mag] by letter: those of the first further ridge with which each is within its band; means."""
    equal = {band.letter: 1.0 for band in star.bands}
    for further in (0.0, *(4.0**k for k in range(-8, 3))):
        coefficients = shape_fit(star, frequency, equal, further=further)
        below = {
            band.letter: -np.average(columns(frequency, band.x, 2)[0] @ coefficients, weights=band.w)
            for band in star.bands
        }
        if all(band.y.min() <= below[band.letter] <= band.y.max() for band in star.bands):
            return {band.letter: band.mean + below[band.letter] for band in star.bands}
    return {band.letter: band.mean for band in star.bands}
