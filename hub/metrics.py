"""What Prometheus reads. One registry a process; the engine's figures come to the web process through Redis."""

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

    def text(self) -> bytes:
        return generate_latest(self.registry)
