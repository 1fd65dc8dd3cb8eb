"""The same features on processors that cannot fuse a product and a sum, or have small registers."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import features
from features import FEATURE_NAMES
from features.light_curve import features_at
from features.period.direct_sum import lomb_scargle_power
from features.period.points import weighted_points
from tests.features.conftest import LightCurve, as_batch, make_light_curve

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
import numpy as np
from features import CONVENTIONS, extract
from features.compilation.processor import FUSED_ARITHMETIC
from features.light_curve import features_at
batch = np.load(sys.argv[1])
results = {"fused": FUSED_ARITHMETIC}
for name, convention in CONVENTIONS.items():
    made = extract(batch["time"], batch["mag"], batch["err"], batch["offsets"], convention=name)
    results[name + " values"], results[name + " status"] = made.values, made.status
    rows = []
    for i, period in enumerate(batch[name]):
        curve = slice(*batch["offsets"][i : i + 2])
        rows.append(features_at(*(batch[key][curve] for key in ("time", "mag", "err")), period, convention))
    results[name + " at"] = np.array(rows)
np.savez(sys.argv[2], **results)
"""
OTHER_PROCESSORS = {"without fused arithmetic": {"VARSTREAM_FUSED_ARITHMETIC": "no"}}
if platform.machine() in {"x86_64", "AMD64"}:
    OTHER_PROCESSORS["of 2003"] = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}

TIE = 1e-6
"""Powers, relatively: of closer ones either may be found."""

CYCLES = 1e-3
"""Of the baseline, by which a maximum may be off for want of digits: its power is flat to 1e-6 of itself."""


def sampled(seed):
    """Pulsators, eclipses, noise and trends of 8 to 300 points, at night or near quarters of a day."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([8, 9, 12, 20, 30, 47, 80, 150, 300]))
    time, mag, err = make_light_curve(seed, n=n, baseline=30 + 2.0 * n, noise=0.05)
    if seed % 5 == 1:
        mag = 15.0 + err * rng.normal(size=n)
    elif seed % 5 == 2:
        mag = 15.0 + 0.5 * ((time / 2.7) % 1.0 < 0.12) + err * rng.normal(size=n)
    elif seed % 5 == 3:
        mag = 15.0 + 0.01 * time + err * rng.normal(size=n)
    elif seed % 5 == 4:
        time = np.rint(4 * time) / 4 + 1e-3 * rng.random(n)
    order = np.argsort(time, kind="stable")
    return LightCurve(2_450_000.5 * (seed % 2) + time[order], mag[order], err[order])


@pytest.mark.slow
def test_features_are_the_same_on_processors_that_compute_differently(tmp_path):
    light_curves = [sampled(seed) for seed in range(48)]
    time, mag, err, offsets = as_batch(light_curves)
    ours = {name: features.extract(time, mag, err, offsets, convention=name) for name in features.CONVENTIONS}
    column = FEATURE_NAMES.index("period")
    periods = {name: made.values[:, column] for name, made in ours.items()}
    np.savez(tmp_path / "batch.npz", time=time, mag=mag, err=err, offsets=offsets, **periods)
    for processor, settings in OTHER_PROCESSORS.items():
        place = tmp_path / processor
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, tmp_path / "batch.npz", tmp_path / "results.npz"],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(place), **settings},
        )
        assert done.returncode == 0, done.stderr
        assert any(place.rglob("*.nbc"))
        with np.load(tmp_path / "results.npz") as file:
            theirs = dict(file)
        assert not theirs["fused"]
        for name, convention in features.CONVENTIONS.items():
            assert np.array_equal(theirs[f"{name} status"], ours[name].status), processor
            for i, light_curve in enumerate(light_curves):
                if ours[name].status[i] & features.BLOCKING:
                    continue
                points = weighted_points(*light_curve, convention.floating_mean)
                here, there = periods[name][i], theirs[f"{name} values"][i, column]
                if abs(1 / here - 1 / there) * np.ptp(light_curve.time) > CYCLES:
                    powers = [lomb_scargle_power(points, 1 / period) for period in (here, there)]
                    assert powers[0] == pytest.approx(powers[1], rel=TIE), (processor, name, i)
                expected = features_at(*light_curve, here, convention)
                assert theirs[f"{name} at"][i] == pytest.approx(expected, rel=1e-6, abs=1e-6), (name, i)
