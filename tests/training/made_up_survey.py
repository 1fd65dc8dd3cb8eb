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
