"""Files of made-up light curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.read import read_light_curves


def write_survey(
    path: Path,
    time: Sequence[np.ndarray],
    mag: Sequence[np.ndarray],
    labels: np.ndarray,
    *,
    names: np.ndarray | None = None,
) -> None:
    """Write light curves with errors of 0.02 mag, and labels in the column ``kind``."""
    if names is None:
        names = np.array([f"star{i}" for i in range(len(mag))])
    np.savez(
        path,
        time=np.concatenate(time),
        mag=np.concatenate(mag).astype(np.float32),
        err=np.full(sum(map(len, mag)), 0.02, np.float32),
        offsets=np.concatenate([[0], np.cumsum([len(m) for m in mag])]),
        object_id=names,
        kind=labels,
    )


def write_in_bands(
    path: Path, rng: np.random.Generator, labels: np.ndarray, *, bands: str = "gr", n_epochs: int = 70
) -> Path:
    """Write stars that are seen in one band after the other, with errors of 0.02 mag.

    Labels are ``short`` and ``long`` for sine waves of short and long periods, and any other for stars that
    do not vary. Light curves stand star by star.
    """
    time, mag, band, name, kind = [], [], [], [], []
    for star, label in enumerate(labels):
        moments = np.sort(rng.uniform(0.0, 400.0, n_epochs))
        period = {"short": rng.uniform(0.3, 0.9), "long": rng.uniform(80.0, 200.0)}.get(label, np.inf)
        wave = 0.4 * np.sin(2.0 * np.pi * (moments / period + rng.random())) * (period < np.inf)
        seen_in = rng.permutation(np.arange(n_epochs) % len(bands))
        for number, letter in enumerate(bands):
            seen = seen_in == number
            time.append(moments[seen])
            noise = rng.normal(0.0, 0.02, seen.sum())
            mag.append(15.0 - 0.4 * number + wave[seen] * 0.8**number + noise)
            band.append(letter)
            name.append(f"star{star}")
            kind.append(label)
    np.savez(
        path,
        time=np.concatenate(time),
        mag=np.concatenate(mag).astype(np.float32),
        err=np.full(sum(map(len, mag)), 0.02, np.float32),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in mag])]),
        object_id=np.array(name),
        band=np.array(band),
        kind=np.array(kind),
    )
    return path


def write_few(path: Path, survey: Path, kinds: Sequence[str], each: int) -> None:
    """Write the first light curves of each of some kinds of a made-up survey."""
    stars = read_light_curves(survey)
    few = np.concatenate([np.flatnonzero(stars.columns["kind"] == kind)[:each] for kind in kinds])
    time, mag, _ = zip(*(stars.curves.pick(star) for star in few), strict=True)
    labels, names = (stars.columns[key][few].astype(np.str_) for key in ("kind", "object_id"))
    write_survey(path, time, mag, labels, names=names)


def write_others(path: Path, survey: Path) -> Path:
    """Write other stars of the same kinds as those of a made-up survey: with other names, and fainter."""
    stars = read_light_curves(survey)
    time, mag, _ = zip(*(stars.curves.pick(star) for star in range(len(stars.curves))), strict=True)
    names = np.char.add("other ", stars.columns["object_id"].astype(np.str_))
    labels = stars.columns["kind"].astype(np.str_)
    write_survey(path, time, [each + 0.5 for each in mag], labels, names=names)
    return path
