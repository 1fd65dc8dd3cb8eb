"""Counts: what became of every alert, in tallies that add up, for the last lines of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from broker.batch import Batch, n_labelled


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

    @property
    def incoming(self) -> str:
        """One line: what came in, and what became of it."""

        def reasons(counter: Counter[str]) -> str:
            inside = ", ".join(f"{name} {n:,}" for name, n in counter.most_common())
            return f" ({inside})" if inside else ""

        return (
            f"{self.alerts_in:,} alerts in = {self.alerts_used:,} used"
            f" + {self.alerts_skipped.total():,} skipped{reasons(self.alerts_skipped)}"
            f" + {self.alerts_dead.total():,} unreadable{reasons(self.alerts_dead)}"
        )

    def __str__(self) -> str:
        """Two lines, or three: what came in, what went out, and why some of that has no class."""
        lines = [self.incoming, f"{self.annotations:,} annotations out{self._kinds()}"]
        if self.labelled < self.annotations:
            lines.append("no class is given where epochs are too few, or none is probable enough")
        return "\n".join(lines)

    def _kinds(self) -> str:
        """Say what the annotations are of, and how many of them have a class."""
        of_stars = f"{self.fused:,} of all bands of a star ({self.fused_labelled:,} with a class)"
        if not self.fused:
            return f", {self.labelled:,} with a class"
        if self.fused == self.annotations:
            return f" = {of_stars}"
        bands, labelled = self.annotations - self.fused, self.labelled - self.fused_labelled
        return f" = {bands:,} of single bands ({labelled:,} with a class) + {of_stars}"
