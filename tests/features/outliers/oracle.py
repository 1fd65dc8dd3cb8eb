"""The rules for outliers in dense numpy: n-by-n tables of distances, normal matrices with all band means.

Points of a star are four arrays, in canonical order: time, mag, err and the number of each point's band.
"""

from __future__ import annotations

import numpy as np

SEARCH_FROM = 8, 1.0  # points, days


def sigma(values):
    return 1.4826 * np.median(np.abs(values))


def about_medians(mag, band):
    return mag - np.array([np.median(mag[band == one]) for one in band])


def leaning(values, i, among):
    """Which of some points lie on the side of point i, at least half as far off."""
    return among & (np.sign(values) == np.sign(values[i])) & (2 * np.abs(values) >= np.abs(values[i]))


def unless_many(out):
    return out if out.sum() <= max(1, out.size / 10) else np.zeros_like(out)


def against_its_night(time, mag, err, band):
    n = time.size
    others = (
        (np.abs(np.subtract.outer(time, time)) <= 0.05) & np.equal.outer(band, band) & ~np.eye(n, dtype=bool)
    )
    told = others.sum(axis=1) >= 2
    off = np.array([mag[i] - np.median(mag[others[i]]) if told[i] else 0.0 for i in range(n)])
    out = np.zeros(n, bool)
    for i in np.flatnonzero(told):
        alike = told & (band == band[i])
        if alike.sum() >= 5 and off[i] ** 2 > 25 * (sigma(off[alike]) ** 2 + err[i] ** 2):
            out[i] = leaning(off, i, others[i]).sum() <= 0.1 * others[i].sum()
    return unless_many(out)


def robust_fit(time, mag, err, band, frequency):
    angle = 2 * np.pi * ((frequency * (time - time.min())) % 1.0)
    means = np.equal.outer(band, np.unique(band)).astype(float)
    design = np.hstack([means, np.transpose([g(k * angle) for k in (1, 2) for g in (np.cos, np.sin)])])
    y = about_medians(mag, band)
    plain = 1 / (err**2 + 0.03**2)
    weight = plain
    for _ in range(5):
        ridge = np.concatenate([np.full(means.shape[1], 2e-12), [1e-6, 1e-6, 0.05, 0.05]]) * weight.sum() / 2
        # least squares with a ridge, as rows of the design: no normal matrix
        rows = np.vstack([design * np.sqrt(weight)[:, None], np.diag(np.sqrt(ridge))])
        right = np.concatenate([y * np.sqrt(weight), np.zeros(ridge.size)])
        rest = y - design @ np.linalg.lstsq(rows, right, rcond=None)[0]
        scale = max(sigma(rest), 0.001)
        weight = plain * np.minimum(1.0, 2 * scale / np.maximum(np.abs(rest), 1e-300))
    return rest, scale


def nearest(distance, i, width):
    """Mask of the four nearest to point i within a width."""
    order = np.argsort(np.where(np.arange(distance.size) == i, np.inf, distance), kind="stable")[:4]
    mask = np.zeros(distance.size, bool)
    mask[order] = True
    mask[i] = False
    return mask & (distance <= width)


def around(phase):
    distance = np.abs(np.subtract.outer(phase, phase))
    return np.minimum(distance, 1 - distance)


def unsupported(time, rest, scale, err, frequency):
    since = time - time.min()
    tables = [
        (around((frequency * since / 2) % 1.0), 0.025),
        (around((frequency * since) % 1.0), 0.05),
        (np.abs(np.subtract.outer(since, since)), 2.0),
    ]
    suspect = rest**2 > 16 * (scale**2 + err**2)
    return np.array(
        [
            suspect[i]
            and not any(leaning(rest, i, nearest(table[i], i, width)).any() for table, width in tables)
            for i in range(time.size)
        ]
    )


def outliers(time, mag, err, band, frequency):
    rest, scale = robust_fit(time, mag, err, band, frequency)
    alone = unsupported(time, rest, scale, err, frequency)
    refuted = alone & ((np.abs(np.subtract.outer(time, time)) <= 0.05).sum(axis=1) > 2)
    lone, out, drawn = alone & ~refuted, refuted.copy(), mag.copy()
    for side in (rest < 0, rest > 0):
        some = lone & side
        if some.sum() > max(1, 0.03 * time.size):
            continue
        if (rest[some] > 0).all() and time.size < 60:
            drawn[some] = (mag - rest + 4 * np.hypot(scale, err))[some]
        else:
            out |= some
    return unless_many(out), drawn


def judged_better(star, now, other):
    err = star[2]
    (held, scale), (new, new_scale) = (robust_fit(*star, f) for f in (now, other))
    variance = min(scale, new_scale) ** 2 + err**2
    left, left_by_other = (np.minimum(rest**2 / variance, 9).sum() for rest in (held, new))
    return left_by_other < left * (1 - 1e-9)


def usable(time, mag, err, band):
    """Without the bands of one point: a search does not take them."""
    names, counts = np.unique(band, return_counts=True)
    keep = np.isin(band, names[counts > 1])
    return tuple(series[keep] for series in (time, mag, err, band))


def robust_period(time, mag, err, band, search):
    """Frequency, points left out, magnitudes drawn in, searches; `search` makes a frequency of points."""
    night = against_its_night(time, mag, err, band)
    star = tuple(series[~night] for series in (time, mag, err, band))
    held, searches = search(*star), 1
    y = about_medians(star[1], star[3])
    core = np.abs(y) <= 3 * max(sigma(y), np.median(star[2]))
    for look in ("core", "supported"):
        keep = core if look == "core" else ~unsupported(star[0], *robust_fit(*star, held), star[2], held)
        chosen = usable(*(series[keep] for series in star))
        baseline = np.ptp(chosen[0]) if chosen[0].size else 0.0
        if keep.all() or chosen[0].size < SEARCH_FROM[0] or baseline < SEARCH_FROM[1]:
            continue
        other = search(*chosen)
        searches += 1
        if abs(other - held) * baseline <= 0.1:
            held = other if look == "supported" else held
        elif judged_better(star, held, other):
            held = other
    out, drawn = outliers(time, mag, err, band, held)
    both = unless_many(out | night)
    return held, both if both.any() else night, drawn, searches
