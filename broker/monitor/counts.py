"""Counts: what became of every alert, in tallies that add up, for the last line of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from broker.pipeline import Batch, n_labelled


@dataclass(slots=True)
class Counts:
    """Tallies of a run: ``alerts_in = alerts_used + sum(alerts_skipped) + sum(alerts_dead)``.

    `fused` of the `annotations` are of all bands of a star together, `fused_labelled` of these have a label.
    """

    alerts_in: int = 0
    alerts_used: int = 0
    alerts_skipped: Counter[str] = field(default_factory=Counter)
    alerts_dead: Counter[str] = field(default_factory=Counter)
    annotations: int = 0
    labelled: int = 0
    fused: int = 0
    fused_labelled: int = 0
    history_rows: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch) -> None:
        """Count a batch that was delivered and stored."""
        self.alerts_in += batch.packets
        self.alerts_used += batch.used
        self.alerts_skipped += batch.skipped
        self.alerts_dead.update(letter.reason for letter in batch.dead_letters)
        self.annotations += len(batch.annotations)
        self.labelled += n_labelled(batch.annotations)
        self.fused += len(batch.fused)
        self.fused_labelled += n_labelled(batch.fused)
        self.history_rows += batch.history_rows

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, reasons sorted by name."""
        return {
            "alerts_in": self.alerts_in,
            "alerts_used": self.alerts_used,
            "alerts_skipped": dict(sorted(self.alerts_skipped.items())),
            "alerts_dead": dict(sorted(self.alerts_dead.items())),
            "annotations": self.annotations,
            "labelled": self.labelled,
            "fused": self.fused,
            "fused_labelled": self.fused_labelled,
            "history_rows": dict(sorted(self.history_rows.items())),
        }

    def __str__(self) -> str:
        def reasons(counter: Counter[str]) -> str:
            inside = ", ".join(f"{name} {n:,}" for name, n in counter.most_common())
            return f"{counter.total():,}" + (f" ({inside})" if inside else "")

        fused = (
            f", of these {self.fused:,} of all bands together, {self.fused_labelled:,} with a label"
            if self.fused
            else ""
        )
        return (
            f"{self.alerts_in:,} alerts in = {self.alerts_used:,} used"
            f" + {reasons(self.alerts_skipped)} skipped + {reasons(self.alerts_dead)} dead;"
            f" {self.annotations:,} annotations, {self.labelled:,} with a label{fused}"
        )
