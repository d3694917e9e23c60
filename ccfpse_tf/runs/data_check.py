"""Checks the description of records to generate from against the run's own."""

from pathlib import Path

from ccfpse_tf.data.description import FILE_NAME, Description, read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.run_folder import Run, read_data

# Data of another name may be the same; with other names of classes they are not.
COMPARED = (
    "num_classes",
    "dont_care_index",
    "instances",
    "label_mapping",
    "class_names",
)


def describe_data(
    run: Run, records: Path | None = None, labels: bool = False
) -> tuple[Path, Description]:
    """Returns the records to generate images from, and their description.

    Args:
        run: the run.
        records: instead of those that it was trained on.
        labels: True if layouts come from label files: then a converted run does
            without records.

    Raises:
        InputError: no records, unreadable ones, or ones whose labels mean something
            else to this run.
    """
    own = run.directory / FILE_NAME
    folder = records or run.config.data.records
    if not folder and own.is_file():
        if not labels:
            raise InputError(
                f"{run.directory} was converted, so it has no records yet: add "
                "--records DIR (generate takes --labels DIR, too)"
            )
        folder = run.directory
    folder = Path(folder)
    description = read_description(folder)
    _check(run, folder, description)
    return folder, description


def _check(run, folder, description):
    stored = read_data(run)
    problems = []
    for key in COMPARED:
        found = getattr(description, key)
        found = list(found) if isinstance(found, tuple) else found
        if key in stored and stored[key] != found:
            problems.append(
                f"{key}: the run has {_short(stored[key])}, they have {_short(found)}"
            )
    if problems:
        way_out = ""
        if stored.get("label_mapping") != description.label_mapping:
            wanted = stored["label_mapping"]
            way_out = f"; prepare them with --label-mapping {wanted}"
        raise InputError(
            f"{folder}: these labels are not what {run.directory} knows:\n  "
            + "\n  ".join(problems)
            + f"\nGive the records of the same data (--records){way_out}."
        )


def _short(value, limit=120):
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
