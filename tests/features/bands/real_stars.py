"""Real stars in several bands, and how a frequency compares with a catalogue's."""

from __future__ import annotations

import numpy as np

from tests.features.bands.stars import Visits

SIDEREAL = 1.0027379
YEAR = 365.25


def right(frequency, truth, baseline):
    """Within half a cycle over the baseline and 2 %."""
    return abs(frequency - truth) * baseline <= 0.5 and abs(frequency / truth - 1.0) <= 0.02


def right_or_alias(frequency, truth, baseline):
    """Also multiples and parts up to three, and beats with the half day, day, two a day, and the year."""
    others = [truth * k for k in (1.0, 1 / 3, 0.5, 2 / 3, 1.5, 2.0, 3.0)]
    for beat in [k * day for k in (0.5, 1.0, 2.0) for day in (1.0, SIDEREAL)] + [1.0 / YEAR]:
        others += [abs(truth - beat), truth + beat]
    return any(right(frequency, other, baseline) for other in others if other > 0.0)


def series(data, i):
    at = slice(data["offsets"][i], data["offsets"][i + 1])
    return [data[key][at].astype(float) for key in ("time", "mag", "err")]


def files(folder, name, bands):
    opened = {}
    for band in bands:
        with np.load(folder / "lightcurves" / f"{name}_{band}.npz") as file:
            opened[band] = dict(file)
    return opened


def stripe_82(folder, *, every=1):
    """RR Lyrae stars: frequency of the catalogue, points in g in one night and in r in the next."""
    data = files(folder, "sdss_s82_rrl", "gr")
    of_r = {name: i for i, name in enumerate(data["r"]["object_id"])}
    for i in range(0, len(data["g"]["object_id"]), every):
        nights = {}
        for band, at in (("g", i), ("r", of_r[data["g"]["object_id"][i]])):
            for point in zip(*series(data[band], at), strict=True):
                nights.setdefault(round(point[0] - 0.3), {}).setdefault(band, (*point, band))
        turns = zip("gr" * len(nights), sorted(nights.items()), strict=False)
        rows = [night[band] for band, (_, night) in turns if band in night]
        yield 1.0 / data["g"]["period"][i], as_visits(rows)


CLASSES = {"RR", "RRc", "EA", "EW", "DSCT", "CEPII"}


def ztf_dr(folder):
    """Periodic stars of the data release: class, points in g and in r."""
    data = files(folder, "ztf_dr_labelled", "gr")
    of_r = {name: i for i, name in enumerate(data["r"]["object_id"])}
    for i, name in enumerate(data["g"]["object_id"]):
        if data["g"]["native_class"][i] in CLASSES and name in of_r:
            bands = {"g": series(data["g"], i), "r": series(data["r"], of_r[name])}
            yield str(data["g"]["native_class"][i]), bands


def one_a_night(bands):
    """Points of all bands, of each the last of a night."""
    rows = {}
    for band, points in bands.items():
        for point in zip(*points, strict=True):
            rows.setdefault((np.floor(point[0]), band), (*point, band))
    return as_visits(sorted(rows.values()))


def as_visits(rows):
    time, mag, err, letter = zip(*rows, strict=True)
    return Visits(np.array(time), np.array(mag), np.array(err), np.array(letter))
