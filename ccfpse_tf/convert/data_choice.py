"""The data of a model to convert, as the user names them, checked by its shapes."""

from dataclasses import dataclass, replace
from pathlib import Path

import ccfpse_tf
from ccfpse_tf.data.datasets import DATASETS, distinct_colors
from ccfpse_tf.data.description import Description, read_description
from ccfpse_tf.data.label_mapping import dont_care_index, file_ids
from ccfpse_tf.errors import InputError

OWN = "custom"  # data that only `--classes` describes


@dataclass(frozen=True)
class DataChoice:
    """The data as the user names them: a data set, records, or bare counts.

    Args:
        dataset: a name of ``datasets.DATASETS``.
        records: folder of records made for the same classes.
        classes: their number, without don't care.
        dont_care: whether a don't-care class comes after them (``classes`` only).
        instances: whether the model sees instance edges (``classes`` only).
        label_mapping: the rule from label files to indices, if not the official one.

    Raises:
        InputError: none or several of the first three; options that do not fit them.
    """

    dataset: str | None = None
    records: Path | None = None
    classes: int | None = None
    dont_care: bool = False
    instances: bool = False
    label_mapping: str | None = None

    def __post_init__(self):
        """Checks the options against each other."""
        said = [x for x in (self.dataset, self.records, self.classes) if x is not None]
        if len(said) != 1:
            raise InputError(
                "say what data the model is for, in one way: --dataset "
                f"{'|'.join(DATASETS)}, --records DIR, or --classes K with --dont-care "
                f"and --instances where it has them; given: {said or 'nothing'}"
            )
        if self.classes is None and (self.dont_care or self.instances):
            raise InputError(
                "--dont-care and --instances belong to --classes; a data set or "
                "records say it themselves"
            )
        if self.dataset and self.dataset not in DATASETS:
            raise InputError(
                f"--dataset {self.dataset}: choose from {', '.join(DATASETS)}, or give "
                "--records or --classes"
            )
        if self.classes is not None and self.classes < 1:
            raise InputError(f"--classes {self.classes}: must be 1 or more")
        if self.label_mapping:
            self._check_mapping()

    def _check_mapping(self):
        allowed = DATASETS[self.dataset].label_mappings if self.dataset else ()
        if self.records is None and self.label_mapping not in allowed:
            raise InputError(
                f"--label-mapping {self.label_mapping}: "
                + (
                    f"{self.dataset} has {', '.join(allowed)}"
                    if allowed
                    else "only data sets and records have one, --classes has not"
                )
            )

    def describe(self) -> Description:
        """Returns the description that the converted model is bound to, without splits.

        Raises:
            InputError: unreadable records, or ones with another label mapping than the
                official code's.
        """
        if self.records is not None:
            return self._of_records()
        if self.dataset:
            return _of_dataset(DATASETS[self.dataset], self.label_mapping)
        return _described(
            OWN,
            "identity",
            self.classes,
            self.dont_care,
            instances=self.instances,
            class_names=tuple(f"class {index}" for index in range(self.classes)),
            palette=distinct_colors(self.classes),
        )

    def _of_records(self):
        found = read_description(self.records)
        known = DATASETS.get(found.name)
        wanted = self.label_mapping or (
            known.official_mapping if known else found.label_mapping
        )
        if found.label_mapping != wanted:
            raise InputError(
                f"--records {self.records}: labels are mapped by "
                f"{found.label_mapping!r}, "
                + (
                    "--label-mapping says"
                    if self.label_mapping
                    else f"the official code trained {found.name} by"
                )
                + f" {wanted!r}; prepare records with --label-mapping {wanted}, or, if "
                f"the model really knows these labels, add --label-mapping "
                f"{found.label_mapping}"
            )
        return replace(found, splits={}, prepared={}, tool=_tool())


def check_channels(description: Description, channels: int, source: str) -> None:
    """Refuses a file whose network sees other semantics than the data have.

    Args:
        description: of the data.
        channels: that the network has.
        source: its file.

    Raises:
        InputError: both numbers, and the data sets that would fit.
    """
    if description.semantic_channels == channels:
        return
    parts = [f"{description.num_classes} classes"]
    parts += ["don't care"] if description.dont_care_index is not None else []
    parts += ["instance edges"] if description.instances else []
    fitting = [x.name for x in DATASETS.values() if x.semantic_channels == channels]
    hint = f"--dataset {fitting[0]} fits" if fitting else "--classes gives other counts"
    raise InputError(
        f"{source}: its network has {channels} semantic channels, but "
        f"{description.name} has {description.semantic_channels} "
        f"({', '.join(parts)}); {hint}"
    )


def _of_dataset(dataset, mapping):
    return _described(
        dataset.name,
        mapping or dataset.official_mapping,
        dataset.num_classes,
        dataset.dont_care,
        instances=dataset.instances,
        class_names=dataset.class_names,
        palette=dataset.palette,
    )


def _described(name, mapping, num_classes, dont_care, **fields):
    return Description(
        name=name,
        num_classes=num_classes,
        dont_care_index=dont_care_index(mapping, num_classes, dont_care),
        label_mapping=mapping,
        label_ids=file_ids(mapping, num_classes, dont_care),
        splits={},
        tool=_tool(),
        **fields,
    )


def _tool():
    return f"ccfpse_tf {ccfpse_tf.__version__} convert"
