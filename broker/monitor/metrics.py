"""Metrics for Prometheus: what became of every alert, and how long batches took."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from broker.batch import Batch, n_labelled
from broker.errors import ConfigError


class Metrics:
    """The tallies of `Counts` for Prometheus, served over HTTP."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._alerts = Counter(
            "varstream_alerts", "Alerts by outcome", ["outcome", "reason"], registry=registry
        )
        self._annotations = Counter(
            "varstream_annotations", "Records published", ["labelled"], registry=registry
        )
        self._fused = Counter(
            "varstream_fused_annotations",
            "Records published of all bands of a star together, which are among the annotations",
            ["labelled"],
            registry=registry,
        )
        self._batch_size = Histogram(
            "varstream_batch_alerts", "Alerts per batch", buckets=[1, 4, 16, 64, 256, 1024], registry=registry
        )
        self._seconds = Histogram("varstream_batch_seconds", "Time per batch", ["stage"], registry=registry)
        self._last = Gauge(
            "varstream_last_batch_timestamp_seconds", "End of the last batch", registry=registry
        )

    def serve(self, port: int, *, address: str) -> None:
        """Answer scrapes on `port` of the interface that has `address`, an IP address or a host's name.

        Raises
        ------
        ConfigError
            If the port cannot be taken.
        """
        try:
            start_http_server(port, addr=address, registry=self._registry)
        except OSError as exc:
            raise ConfigError(
                f"cannot serve metrics on port {port} of {address}: {exc.strerror or exc}; "
                "set metrics.port or metrics.address"
            ) from exc

    def add(self, batch: Batch, *, process_s: float, finish_s: float) -> None:
        """Count a batch that was delivered and stored."""
        self._alerts.labels("used", "").inc(batch.used)
        for reason, n in batch.skipped.items():
            self._alerts.labels("skipped", reason).inc(n)
        for letter in batch.dead_letters:
            self._alerts.labels("dead", letter.reason).inc()
        for counter, records in ((self._annotations, batch.annotations), (self._fused, batch.fused)):
            labelled = n_labelled(records)
            counter.labels("yes").inc(labelled)
            counter.labels("no").inc(len(records) - labelled)
        self._batch_size.observe(batch.packets)
        self._seconds.labels("process").observe(process_s)
        self._seconds.labels("finish").observe(finish_s)
        self._last.set_to_current_time()
