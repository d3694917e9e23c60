"""What is compared, and how: decided once for a folder, the same for every column."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccfpse_tf.comparison.columns import COLUMNS
from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.measures import Measures
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.unread_settings import refuse_unread, unread

SIZES_SHOWN = 3  # that would suit all columns, where the size asked for does not


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
            config = self._resolved(column, seed)
            methods.check(config)
        except InputError as error:
            raise InputError(f"column {column}: {error}") from None
        return config

    def check(self, begun: bool = False) -> None:
        """Checks the settings of all columns.

        Args:
            begun: the comparison is gone on with: its trainings keep their settings.

        Raises:
            InputError: naming every column whose settings do not fit, and image sizes
                that suit all where there are such; or settings of one column that it
                does not read, or of all that none of them does; or columns whose
                diversity cannot be measured.
        """
        columns_of = {}
        for column in self.columns:
            try:
                methods.check(self._resolved(column))
            except InputError as error:
                columns_of.setdefault(str(error), []).append(column)
        if not columns_of:
            if not begun:
                self._refuse_unread()
                self._check_diversity()
            return
        lines = [
            f"column{'s' * (len(columns) > 1)} {', '.join(columns)}: {message}"
            for message, columns in columns_of.items()
        ]
        if sizes := self._fitting_sizes():
            shown = ", ".join(f"{height}x{width}" for height, width in sizes)
            lines.append(f"data.image_size would suit all columns as {shown}")
        raise InputError("\n".join(lines))

    def _refuse_unread(self):
        configs = {column: self._resolved(column) for column in self.columns}
        for column, settings in self.of_columns.items():
            try:
                refuse_unread(configs[column], settings)
            except InputError as error:
                raise InputError(f"column {column}: {error}") from None
        unused = [{*unread(x, self.settings)} for x in configs.values()]
        if everywhere := sorted(set.intersection(*unused)):
            raise InputError(
                f"no column reads {', '.join(everywhere)}; leave out of --set what "
                "changes nothing"
            )

    def _check_diversity(self):
        if not self.diversity:
            return
        if self.diversity < 2:
            raise InputError(f"--diversity {self.diversity}: must be 2 or more")
        configs = {column: self._resolved(column) for column in self.columns}
        without = [
            column
            for column, config in configs.items()
            if not methods.method_of(config).z_dim(config)
        ]
        if without:
            raise InputError(
                f"--diversity {self.diversity}: without style code, and so with one "
                f"image per layout: {', '.join(without)}; leave out --diversity, or "
                "these columns, or give those of SPADE and CC-FPSE a style code by "
                "--set generator.z_dim=256"
            )

    def _resolved(self, column, seed=0):
        config = COLUMNS[column].config(self.base)
        settings = [*self.settings, *self.of_columns.get(column, ())]
        return override(config, [*settings, f"data.seed={seed}"])

    def _fitting_sizes(self) -> list[tuple[int, int]]:
        """The sizes nearest to that of the first column that all columns can have."""
        try:
            asked = self._resolved(self.columns[0]).data.image_size
        except InputError:
            return []
        sizes = itertools.product(*map(_multiples_near, asked))
        nearest = sorted(sizes, key=lambda size: _distance(size, asked))
        return list(itertools.islice(filter(self._fits, nearest), SIZES_SHOWN))

    def _fits(self, size):
        settings = (*self.settings, "data.image_size={}x{}".format(*size))
        plan = dataclasses.replace(self, settings=settings)
        try:
            for column in plan.columns:
                methods.check(plan._resolved(column))
        except InputError:
            return False
        return True

    def cells(self) -> list[tuple[str, int]]:
        """Returns column and seed of every training, all columns of a seed first."""
        return [(name, seed) for seed in range(self.seeds) for name in self.columns]

    def measures(self, segmenter: str | None) -> Measures:
        """Returns the metrics of every column, with the segmenter that there is."""
        features, diversity = self.features, self.diversity
        return Measures(segmenter=segmenter, features=features, diversity=diversity)

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


def _multiples_near(edge: int) -> list[int]:
    """The multiples of powers of two on both sides of a length; methods need such."""
    strides = [2**power for power in range(5, 10)]
    found = {edge // stride * stride for stride in strides}
    found |= {-(-edge // stride) * stride for stride in strides}
    return sorted(found - {0})


def _distance(size, asked):
    """How far a size is from another, in proportion; equal distances by area."""
    ratios = [abs(math.log(x / y)) for x, y in zip(size, asked, strict=True)]
    return sum(ratios), math.prod(size)
