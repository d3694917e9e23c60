"""``ccfpse runs``: the table of all runs below a folder, from their status files.

Nothing here needs TensorFlow, so that the table appears at once.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.locks import RUN_LOCK, is_held
from ccfpse_tf.runs.status import FILE_NAME, read_status
from ccfpse_tf.runtime.text_table import text_table

DEEPEST = 8  # folders below the one that is asked for
PARTS = {"checkpoints", "logs", FILE_NAME}  # a run holds one of them, and a config
HEADINGS = ("RUN", "DATA", "STATUS", "STEP", "G", "D", "IMAGES/S", "UPDATED")


@dataclasses.dataclass(frozen=True)
class RunRow:
    """The known facts of one run.

    ``status`` is that of ``status.json``, or "interrupted" if that is "running" but no
    process is, "starting" while one builds its model, "damaged" or "unknown".
    """

    run: str
    data: str | None
    status: str
    values: dict  # the fields of status.json; empty without the file
    problems: tuple[str, ...]

    @property
    def updated(self) -> datetime:
        """Last update; runs without one count as the oldest."""
        text = self.values.get("updated", "0001-01-01T00:00:00+00:00")
        return datetime.fromisoformat(text)


def list_runs(root: Path) -> list[RunRow]:
    """Returns all runs below a folder, the last updated one first.

    Raises:
        InputError: no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name one that holds run folders")
    rows = [_row(folder, root) for folder in _folders(root)]
    rows = [row for row in rows if row]
    return sorted(rows, key=lambda row: row.updated, reverse=True)


def table(rows: Sequence[RunRow], now: datetime | None = None) -> str:
    """Returns aligned text, with one line below it for each damaged file."""
    now = now or datetime.now(UTC)
    text = text_table(HEADINGS, [_cells(row, now) for row in rows], left=3)
    return "\n".join([text, *(problem for row in rows for problem in row.problems)])


def as_json(rows: Sequence[RunRow]) -> str:
    """Returns the rows as a JSON list, for scripts."""
    content = [
        {"run": row.run, "data": row.data}
        | row.values
        | {"status": row.status, "problems": row.problems}
        for row in rows
    ]
    return json.dumps(content, indent=1)


def _folders(root: Path) -> Iterator[Path]:
    """Yields the folders that look like runs, without searching inside of them."""
    for name, folders, files in os.walk(root):
        folder, found = Path(name), {*folders, *files}
        is_run = "config.json" in found and bool(found & PARTS)
        if is_run:
            yield folder
        depth = len(folder.relative_to(root).parts)
        deeper = not is_run and depth < DEEPEST
        folders[:] = [x for x in folders if deeper and not x.startswith(".")]


def _row(folder, root):
    problems = []
    try:
        data = _data_name(folder / "config.json")
    except InputError as error:
        problems.append(str(error))
        data = None
    else:
        if data is None:
            return None
    try:
        values = read_status(folder) or {}
    except InputError as error:
        problems.append(str(error))
        values = {}
    status = "damaged" if problems else _status(values, is_held(folder / RUN_LOCK))
    name = str(folder.relative_to(root)) if folder != root else str(root)
    return RunRow(name, data, status, values, tuple(problems))


def _data_name(path):
    """Returns the data set that a run trains on; None if the file is not a run's."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict) or not content.keys() & {"config", "data"}:
        return None
    try:
        return str(content["data"]["name"])
    except (KeyError, TypeError):
        raise InputError(f"{path} is damaged: it does not name a data set") from None


def _status(values, held):
    status = values.get("status", "unknown")
    if held:
        return "running" if status == "running" else "starting"
    return "interrupted" if status == "running" else status


def _cells(row, now):
    values, losses = row.values, row.values.get("losses") or {}
    return (
        row.run,
        row.data or "-",
        row.status,
        _step(values.get("step"), values.get("total_steps")),
        _shown(losses.get("generator_loss"), ".3f"),
        _shown(losses.get("discriminator_loss"), ".3f"),
        _shown(values.get("images_per_second"), ".3g"),
        _ago(now - row.updated) if values else "-",
    )


def _step(step, total):
    return "-" if step is None else f"{step}/{_shown(total)}"


def _shown(value, form=""):
    return "-" if value is None else format(value, form)


def _ago(passed):
    seconds = passed.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"  # clocks of two machines may differ
