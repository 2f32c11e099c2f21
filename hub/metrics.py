"""What Prometheus reads. One registry a process; the engine's figures come to the web process through Redis."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The web process's counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.readings_in = Counter("citybrain_readings_accepted", "Readings accepted", registry=self.registry)
        self.readings_rejected = Counter("citybrain_readings_rejected", "Readings refused", registry=self.registry)
        self.intake_seconds = Histogram(
            "citybrain_intake_seconds", "Time of one intake request", registry=self.registry
        )
        self.listeners = Gauge("citybrain_stream_listeners", "Open screens", registry=self.registry)
        self.cut = Gauge("citybrain_stream_cut", "Screens cut because they were too slow", registry=self.registry)
        self.backlog = Gauge("citybrain_bus_backlog", "Batches waiting for the engine", registry=self.registry)
        self.up = Gauge("citybrain_part_up", "1 when the part answers", ["part"], registry=self.registry)
        self.engine = Gauge("citybrain_engine", "What the engine last said", ["figure"], registry=self.registry)

        self.feed_ok = Gauge(
            "citybrain_feed_ok", "1 when the feed is heard and works", ["feed"], registry=self.registry
        )
        self.feed_rows = Gauge(
            "citybrain_feed_rows", "Rows by outcome since the feed was first heard", ["feed", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.feed_lag = Gauge(
            "citybrain_feed_lag_seconds", "Arrival minus observation", ["feed"], registry=self.registry
        )

    def feeds(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take up the feeds' rows as they are now; those that are gone are forgotten."""
        for gauge in (self.feed_ok, self.feed_rows, self.feed_lag):
            gauge.clear()
        for row in rows:
            self.feed_ok.labels(row["id"]).set(row["state"] == "ok")
            for outcome in ("accepted", "rejected", "dropped"):
                self.feed_rows.labels(row["id"], outcome).set(row[outcome])
            if row["lag_s"] is not None:
                self.feed_lag.labels(row["id"]).set(row["lag_s"])

    def text(self) -> bytes:
        return generate_latest(self.registry)
