"""Counters in Prometheus's text format, at the path that TensorFlow Serving uses.

Everything here is called from the event loop's thread alone.
"""

import bisect
from collections.abc import Sequence

PATH = "/monitoring/prometheus/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


class Counter:
    """Numbers by label values; one that only grows, or a gauge.

    Args:
        name: of the metric.
        help_text: one line.
        labels: names of its labels.
        kind: ``counter`` or ``gauge``.
    """

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str] = (), kind="counter"
    ) -> None:
        self._head = (f"# HELP {name} {help_text}", f"# TYPE {name} {kind}")
        self.name, self._labels = name, labels
        self._values: dict[tuple, float] = {} if labels else {(): 0}

    def add(self, *values, amount: float = 1) -> None:
        """Adds to the number of these label values."""
        self._values[values] = self._values.get(values, 0) + amount

    def set(self, amount: float, *values) -> None:
        """Sets the number of these label values."""
        self._values[values] = amount

    def lines(self) -> list[str]:
        """The metric as Prometheus reads it."""
        found = [*self._head]
        for values, amount in sorted(self._values.items()):
            pairs = zip(self._labels, values, strict=True)
            found.append(f"{self.name}{_braces(pairs)} {amount:g}")
        return found


class Histogram:
    """How often values fell below bounds, with their sum and number.

    Args:
        name: of the metric.
        help_text: one line.
        bounds: ascending upper bounds.
        labels: names of its labels.
    """

    def __init__(self, name, help_text, bounds, labels: Sequence[str] = ()) -> None:
        self._head = (f"# HELP {name} {help_text}", f"# TYPE {name} histogram")
        self.name, self._bounds, self._labels = name, bounds, labels
        self._counts: dict[tuple, list[int]] = {}
        self._sums: dict[tuple, float] = {}

    def observe(self, value: float, *values) -> None:
        """Counts one value."""
        counts = self._counts.setdefault(values, [0] * (len(self._bounds) + 1))
        counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sums[values] = self._sums.get(values, 0.0) + value

    def lines(self) -> list[str]:
        """The metric as Prometheus reads it."""
        found = [*self._head]
        for values, counts in sorted(self._counts.items()):
            pairs = list(zip(self._labels, values, strict=True))
            total = 0
            for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
                total += count
                place = _braces([*pairs, ("le", bound)])
                found.append(f"{self.name}_bucket{place} {total}")
            found.append(f"{self.name}_sum{_braces(pairs)} {self._sums[values]:.6f}")
            found.append(f"{self.name}_count{_braces(pairs)} {total}")
        return found


class Metrics:
    """All that a server counts."""

    def __init__(self) -> None:
        labels = ("api", "code")
        self.requests = Counter("ccfpse_requests_total", "Requests answered.", labels)
        self.seconds = Histogram(
            "ccfpse_request_seconds", "From request to answer.", _SECONDS, ("api",)
        )
        self.batch_rows = Histogram(
            "ccfpse_batch_rows", "Rows of one call of the model.", _ROWS
        )
        self.queue = Counter(
            "ccfpse_queue_size", "Predictions that wait for the model.", kind="gauge"
        )
        self.taken = Counter(
            "ccfpse_requests_in_progress", "Predictions taken on.", kind="gauge"
        )
        self.version = Counter(
            "ccfpse_model_version", "The newest version served.", kind="gauge"
        )

    def page(self) -> str:
        """The whole page."""
        parts = (self.requests, self.seconds, self.batch_rows, self.queue, self.taken)
        lines = [line for part in (*parts, self.version) for line in part.lines()]
        return "\n".join(lines) + "\n"


def _braces(pairs):
    inside = ",".join(f'{name}="{value}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""
