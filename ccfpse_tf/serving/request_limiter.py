"""The bound on the number of requests at once."""

import contextlib

from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.metrics import Metrics


class RequestLimiter:
    """Accepts a bounded number of requests, and none while the server ends.

    Args:
        most: requests at once.
        metrics: records their number.
    """

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._count = 0
        self.closing = False

    @contextlib.contextmanager
    def __call__(self):
        """Counts one request in and out.

        Raises:
            ApiError: 503 with ``Retry-After``.
        """
        later = {"Retry-After": "1"}
        if self.closing:
            raise ApiError(503, "the server is shutting down", later)
        if self._count >= self._most:
            raise ApiError(
                503, f"{self._count} requests are being worked on: try later", later
            )
        self._count += 1
        self._metrics.taken.set(self._count)
        try:
            yield
        finally:
            self._count -= 1
            self._metrics.taken.set(self._count)
