"""Rules by which ids in label files become class indices."""

from __future__ import annotations

LABEL_MAPPINGS = ("identity", "shift", "raw")
"""Names of the rules; see `file_ids`."""

DONT_CARE_FILE_ID = 255
LARGEST_FILE_ID = 65535  # that a PNG of ids can hold
"""The id in label files of pixels that belong to no class."""


def file_ids(mapping: str, num_classes: int, dont_care: bool) -> dict[int, int]:
    """Returns the index for every id that a label file may contain.

    `identity`: the index is the id; 255 becomes index `num_classes` where the data set
    has a don't-care class. `shift`: files count classes from 1 and 0 is unknown, so
    the index is id - 1, and 0 becomes `num_classes`. `raw`: the same files without the
    shift (index 0 is unknown), as the published ADE20K weights were trained.

    Raises:
        ValueError: for another name; the message lists these three.
    """
    if mapping == "identity":
        ids = {index: index for index in range(num_classes)}
        return ids | ({DONT_CARE_FILE_ID: num_classes} if dont_care else {})
    if mapping == "shift":
        return {0: num_classes} | {index + 1: index for index in range(num_classes)}
    if mapping == "raw":
        return {index: index for index in range(num_classes + 1)}
    raise ValueError(f"label mapping {mapping!r}: use 'identity', 'shift' or 'raw'")


def dont_care_index(mapping: str, num_classes: int, dont_care: bool) -> int | None:
    """Returns the index of the don't-care class, or None if there is none."""
    if not dont_care:
        return None
    return 0 if mapping == "raw" else num_classes
