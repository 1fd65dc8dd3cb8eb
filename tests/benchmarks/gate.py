"""Ratios to the peers against those that were stored: fails where we have become slower.

Ratios within one run are compared, so that the machine's speed does not matter; another kind of processor may
favour one side, so that stored ratios say which they are of. `--store` measures and stores anew: do so when a
change is meant to, and say in the commit what changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from tests.benchmarks.bench_features import measure

STORED = Path(__file__).with_name("gate.json")
CELLS = [(30.0, 100), (365.0, 100), (365.0, 200), (365.0, 1000), (2920.0, 200)]
SHORT_CELLS = [(30.0, 100), (365.0, 200)]
MARGIN = 0.25
"""A ratio may be so much lower than the stored one: what neighbours on the machine do to it, and no more."""

SHORT_MARGIN = 2 * MARGIN


def ratios(cells: list[tuple[float, int]], rounds: int) -> dict[str, float]:
    """Median ratio of every peer in every cell, by their names."""
    found = {}
    for baseline_d, n in cells:
        _, rows = measure(baseline_d, n, rounds)
        for row in rows:
            found[f"{baseline_d:.0f} d, {n} points: {row.title}"] = round(float(np.median(row.ratios)), 2)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print each ratio beside the stored one; return 1 if any is beyond the margin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer cells and rounds, and twice the margin")
    parser.add_argument("--store", action="store_true", help="store what is measured, and compare nothing")
    chosen = parser.parse_args(arguments)
    found = ratios(SHORT_CELLS, 5) if chosen.short else ratios(CELLS, 9)
    if chosen.store:
        STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return 0
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    margin = SHORT_MARGIN if chosen.short else MARGIN
    if new := sorted(found.keys() - stored.keys()):
        print(f"{STORED.name} has no ratio of {', '.join(new)}: store them with --store", file=sys.stderr)
        return 1
    slower = [name for name, ratio in found.items() if ratio < (1.0 - margin) * stored[name]]
    for name, ratio in found.items():
        print(f"{'SLOWER ' if name in slower else ''}x{ratio:.1f}, stored x{stored[name]:.1f}  {name}")
    if slower:
        print(
            f"{len(slower)} of {len(found)} ratios are more than {margin:.0%} below those in {STORED.name}:"
            " find what became slower, or, if it was meant, store them anew with --store",
            file=sys.stderr,
        )
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
