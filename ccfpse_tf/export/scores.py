"""What `evaluate` measured of a checkpoint, for the card of its preset."""

from collections.abc import Mapping
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.runs.checkpoint_folder import digest_of

METRICS = "metrics.json"


def read_scores(folder: Path, checkpoint: Path) -> dict:
    """Reads what `evaluate` measured of a checkpoint.

    Args:
        folder: that `evaluate` wrote.
        checkpoint: folder of the checkpoint that must have been evaluated.

    Returns:
        ``line``, the numbers with their protocol in words, ``numbers`` by metric, and
        the ``protocol``.

    Raises:
        InputError: no such file, a damaged one, or scores of other weights.
    """
    path = Path(folder) / METRICS
    found = read_json(path, "the result of `evaluate`")
    try:
        protocol = dict(found["protocol"])
        evaluated = protocol.get("checkpoint_sha256")
        line, values = str(found["paper_line"]), dict(found["metrics"]["generated"])
        name = protocol.get("checkpoint", "images of a folder")
        _check_values(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); evaluate again") from None
    if evaluated != digest_of(checkpoint):
        raise InputError(
            f"{path}: is about {name}, not about the weights of {checkpoint}; evaluate "
            "these (`evaluate --run` takes the newest checkpoint)"
        )
    for key in ("data", "split"):
        if key not in protocol:
            raise InputError(f"{path}: is damaged (no {key!r}); evaluate again")
    return {"line": line, "numbers": values, "protocol": protocol}


def newest_scores(run: Path, checkpoint: Path) -> tuple[dict | None, str]:
    """Returns the newest scores of a checkpoint in a run's folder, if there are any.

    Args:
        run: folder of the run, in whose folders evaluations are looked for.
        checkpoint: folder of the checkpoint.

    Returns:
        As :func:`read_scores` returns them, or None; and why there are none.
    """
    found = [path for path in run.glob(f"*/{METRICS}") if path.is_file()]
    reasons = []
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            return read_scores(path.parent, checkpoint), ""
        except InputError as error:
            reasons.append(str(error))
    if reasons:
        return None, reasons[0]
    return None, (
        f"{run} holds no evaluation; `evaluate --run {run} --out {run}/evaluation` "
        "writes one, --evaluation DIR names another place"
    )


def _check_values(values: Mapping) -> None:
    for name, value in values.items():
        if value is not None and type(value) not in (int, float):
            raise TypeError(f"{name} is {value!r}")
