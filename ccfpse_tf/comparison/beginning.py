"""What is checked before a comparison begins, as its trainings take long."""

import json
from pathlib import Path

from ccfpse_tf.comparison.plan import Plan
from ccfpse_tf.data.description import read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.measures import Measures, open_metrics
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.output_folder import check_resumable
from ccfpse_tf.runtime.own_process import call_alone

FACTS = "comparison.json"


def check(plan: Plan, begun: bool = False) -> None:
    """Checks all columns' settings, and that there are records to measure on.

    Args:
        plan: of the comparison.
        begun: see :meth:`ccfpse_tf.comparison.plan.Plan.check`.

    Raises:
        InputError: settings that do not fit, no records, or none to validate on.
    """
    plan.check(begun)
    records = Path(plan.config(plan.columns[0]).data.records)
    splits = read_description(records).splits
    if "val" not in splits:
        raise InputError(
            f"{records} has no split 'val', on which the columns are measured; it has "
            f"{', '.join(sorted(splits))}: prepare records with both (docs/data.md)"
        )


def begin(plan: Plan, out: Path) -> None:
    """Writes what is compared into a new folder, or checks that it is the same.

    Raises:
        InputError: a folder with other files or of another comparison; in a new one,
            networks that cannot be opened.
    """
    check_resumable(out, FACTS, "compare")
    path, facts = out / FACTS, plan.facts()
    if path.exists():
        _compare(path, facts)
        return
    measures = plan.measures(plan.segmenter)
    if measures != Measures():
        # After the trainings it would be too late: the facts bind the folder.
        data = plan.config(plan.columns[0]).data
        records, size = Path(data.records), data.image_size
        call_alone("networks", open_networks, measures, records, size)
    write_json(path, facts)


def open_networks(measures: Measures, records: Path, size: tuple[int, int]) -> None:
    """Opens the networks that columns will be measured by, only to see that it works.

    Args:
        measures: the metrics.
        records: that they are measured on.
        size: ``(height, width)`` of the images.

    Raises:
        InputError: a network that cannot be opened, or is for other classes or sizes.
    """
    source = ImageSource.of_records(records, "val", size, None)
    open_metrics(measures, source, Path())  # nothing is written yet


def _compare(path, facts):
    before = json.loads(path.read_text(encoding="utf-8"))
    differing = [
        f"{key}: there {before.get(key)!r}, now {facts[key]!r}"
        for key in facts
        if before.get(key) != facts[key]
    ]
    if differing:
        raise InputError(
            f"--out {path.parent} holds another comparison; name another folder, or go "
            "on with that one:\n  " + "\n  ".join(differing)
        )
