"""What is compared, and how: decided once for a folder, the same for every column."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccfpse_tf.comparison.columns import COLUMNS
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods


@dataclasses.dataclass(frozen=True)
class Plan:
    """A comparison.

    Attributes:
        base: a recipe's config, before any method's defaults.
        columns: names in :data:`ccfpse_tf.comparison.columns.COLUMNS`.
        seeds: how many trainings of each column, from seed 0 on.
        settings: ``KEY=VALUE``, of all columns; stronger than a method's defaults.
        of_columns: further ``KEY=VALUE`` by column.
        segmenter: as for `evaluate`; None trains one on the real images.
        features: the network of the distances, as for `evaluate`; None for none.
        diversity: styles per layout that diversity is measured on, 0 for none.
    """

    base: Config
    columns: Sequence[str]
    seeds: int = 1
    settings: Sequence[str] = ()
    of_columns: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    segmenter: str | None = None
    features: str | None = "efficientnet-lite0"
    diversity: int = 0

    def __post_init__(self):
        unknown = [x for x in (*self.columns, *self.of_columns) if x not in COLUMNS]
        if unknown:
            raise InputError(
                f"no column {unknown[0]!r} to compare; there are {', '.join(COLUMNS)}"
            )
        for name in self.of_columns:
            if name not in self.columns:
                raise InputError(
                    f"--set-of {name}:... changes a column that is not compared; the "
                    f"columns are {', '.join(self.columns)}"
                )
        if not self.columns:
            raise InputError(
                "nothing to compare: add --table1, --table2 or --columns NAME..., of "
                f"{', '.join(COLUMNS)}"
            )

    def config(self, column: str, seed: int = 0) -> Config:
        """Returns the config of one training.

        Raises:
            InputError: settings that do not fit; the column is named.
        """
        try:
            config = COLUMNS[column].config(self.base)
            settings = [*self.settings, *self.of_columns.get(column, ())]
            config = override(config, [*settings, f"data.seed={seed}"])
            methods.check(config)
        except InputError as error:
            raise InputError(f"column {column}: {error}") from None
        return config

    def cells(self) -> list[tuple[str, int]]:
        """Returns column and seed of every training, all columns of a seed first."""
        return [(name, seed) for seed in range(self.seeds) for name in self.columns]

    def facts(self) -> dict:
        """Returns what has to be equal wherever the folder is gone on with."""
        first = self.config(self.columns[0])
        return {
            "records": str(Path(first.data.records).resolve()),
            "image_size": list(first.data.image_size),
            "batch_size": first.data.batch_size,
            "segmenter": self.segmenter,
            "features": self.features,
            "diversity": self.diversity,
        }
