"""The bounds on the requests that one server accepts."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on requests; larger ones are refused before they cost much.

    Attributes:
        body_bytes: of one request.
        requests: predictions accepted at once, waiting ones included.
        timeout: seconds for one request: to receive it, wait, and generate its images.
        rows: of one request; a short request could ask for very much otherwise.
        pixels: of all images and maps of one request, as their headers say.
        batch_rows: most rows that are computed together.
        batch_delay: seconds that a request waits, when nothing runs, for others that
            are being received; one that is alone does not wait.
        parallel: batches that run at once; each one uses all cores.
    """

    body_bytes: int = 16 << 20
    requests: int = 64
    timeout: float = 60.0
    rows: int = 64
    pixels: int = 1 << 22
    batch_rows: int = 8
    batch_delay: float = 0.005
    parallel: int = 1
