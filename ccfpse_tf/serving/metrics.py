"""The server's counters in Prometheus's text format, at TensorFlow Serving's path."""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PATH = "/monitoring/prometheus/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64)

# The library would add a series `..._created` to every counter and histogram.
prometheus_client.disable_created_metrics()


class Metrics:
    """The counters of one server; servers of one process count apart."""

    def __init__(self) -> None:
        self._registry = place = CollectorRegistry()
        self.requests = Counter(
            "ccfpse_requests_total",
            "Requests answered.",
            ("api", "code"),
            registry=place,
        )
        self.seconds = Histogram(
            "ccfpse_request_seconds",
            "From request to answer.",
            ("api",),
            registry=place,
            buckets=_SECONDS,
        )
        self.batch_rows = Histogram(
            "ccfpse_batch_rows",
            "Rows of one call of the model.",
            registry=place,
            buckets=_ROWS,
        )
        self.queue = Gauge(
            "ccfpse_queue_size", "Predictions that wait for the model.", registry=place
        )
        self.taken = Gauge(
            "ccfpse_requests_in_progress", "Predictions taken on.", registry=place
        )
        self.version = Gauge(
            "ccfpse_model_version", "The newest version served.", registry=place
        )

    def page(self) -> bytes:
        """Returns the whole page."""
        return prometheus_client.generate_latest(self._registry)
