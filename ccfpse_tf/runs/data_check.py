"""Checks records to generate from against the data that the model was trained on."""

from collections.abc import Mapping
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
    elif folder and not records and not Path(folder).exists():
        raise InputError(
            f"{run.directory} was trained on the records in {folder}, which are not "
            "there any more: move them back, or name their place by --records DIR, if "
            "the command has that option (`export` has, and its models need no records)"
        )
    return check_same_data(read_data(run), "run", str(run.directory), folder)


def facts_of(description: Description) -> dict:
    """Returns the facts that are compared, as JSON holds them."""
    facts = {key: getattr(description, key) for key in COMPARED}
    return facts | {"class_names": list(description.class_names)}


def check_same_data(
    stored: Mapping, kind: str, name: str, folder: str | Path
) -> tuple[Path, Description]:
    """Returns a folder of records, if its labels mean what a model knows.

    Args:
        stored: what is known of :func:`facts_of` the model's own data.
        kind: of the model, such as ``"run"``.
        name: of the model, for the message.
        folder: the records.

    Raises:
        InputError: unreadable records; facts that differ, all of them.
    """
    folder = Path(folder)
    description = read_description(folder)
    problems = [
        f"{key}: the {kind} has {_short(stored[key])}, they have {_short(found)}"
        for key, found in facts_of(description).items()
        if key in stored and stored[key] != found
    ]
    if problems:
        way_out = ""
        if stored.get("label_mapping") != description.label_mapping:
            wanted = stored["label_mapping"]
            way_out = f"; prepare them with --label-mapping {wanted}"
        raise InputError(
            f"{folder}: these labels are not what {name} knows:\n  "
            + "\n  ".join(problems)
            + f"\nGive the records of the same data (--records){way_out}."
        )
    return folder, description


def _short(value, limit=120):
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
