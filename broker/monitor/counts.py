"""What became of every alert: tallies that add up, for the last line of a run and for Prometheus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client import Counter as Metric

from broker.errors import ConfigError
from broker.pipeline import Batch


@dataclass(slots=True)
class Counts:
    """Tallies of a run: ``alerts_in = alerts_used + sum(alerts_skipped) + sum(alerts_dead)``."""

    alerts_in: int = 0
    alerts_used: int = 0
    alerts_skipped: Counter[str] = field(default_factory=Counter)
    alerts_dead: Counter[str] = field(default_factory=Counter)
    annotations: int = 0
    labelled: int = 0
    history_rows: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch) -> None:
        """Count a batch that was delivered and stored."""
        self.alerts_in += batch.packets
        self.alerts_used += batch.used
        self.alerts_skipped += batch.skipped
        self.alerts_dead.update(letter.reason for letter in batch.dead_letters)
        self.annotations += len(batch.annotations)
        self.labelled += batch.labelled
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
            "history_rows": dict(sorted(self.history_rows.items())),
        }

    def __str__(self) -> str:
        def reasons(counter: Counter[str]) -> str:
            inside = ", ".join(f"{name} {n:,}" for name, n in counter.most_common())
            return f"{counter.total():,}" + (f" ({inside})" if inside else "")

        return (
            f"{self.alerts_in:,} alerts in = {self.alerts_used:,} used"
            f" + {reasons(self.alerts_skipped)} skipped + {reasons(self.alerts_dead)} dead;"
            f" {self.annotations:,} annotations, {self.labelled:,} with a label"
        )


class Metrics:
    """The same tallies for Prometheus, served over HTTP."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._alerts = Metric(
            "varstream_alerts", "Alerts by outcome", ["outcome", "reason"], registry=registry
        )
        self._annotations = Metric(
            "varstream_annotations", "Records published", ["labelled"], registry=registry
        )
        self._batch_size = Histogram(
            "varstream_batch_alerts", "Alerts per batch", buckets=[1, 4, 16, 64, 256, 1024], registry=registry
        )
        self._seconds = Histogram("varstream_batch_seconds", "Time per batch", ["stage"], registry=registry)
        self._last = Gauge(
            "varstream_last_batch_timestamp_seconds", "End of the last batch", registry=registry
        )

    def serve(self, port: int) -> None:
        """Answer scrapes on `port` of all interfaces.

        Raises
        ------
        ConfigError
            If the port cannot be taken.
        """
        try:
            start_http_server(port, registry=self._registry)
        except OSError as exc:
            raise ConfigError(
                f"cannot serve metrics on port {port}: {exc.strerror}; set metrics.port"
            ) from exc

    def add(self, batch: Batch, *, process_s: float, finish_s: float) -> None:
        """Count a batch that was delivered and stored."""
        self._alerts.labels("used", "").inc(batch.used)
        for reason, n in batch.skipped.items():
            self._alerts.labels("skipped", reason).inc(n)
        for letter in batch.dead_letters:
            self._alerts.labels("dead", letter.reason).inc()
        self._annotations.labels("yes").inc(batch.labelled)
        self._annotations.labels("no").inc(len(batch.annotations) - batch.labelled)
        self._batch_size.observe(batch.packets)
        self._seconds.labels("process").observe(process_s)
        self._seconds.labels("finish").observe(finish_s)
        self._last.set_to_current_time()
