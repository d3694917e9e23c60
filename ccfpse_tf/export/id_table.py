"""The data set's label table inside the exported graph."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.label_mapping import LARGEST_FILE_ID
from ccfpse_tf.data.transforms import describe_ids
from ccfpse_tf.export.graph_checks import require


class IdTable:
    """File ids to class indices.

    Args:
        ids: file id -> index, as in a description of records; those that no PNG can
            hold are left out.
    """

    def __init__(self, ids: Mapping[int, int]):
        self.ids = {
            value: index
            for value, index in ids.items()
            if 0 <= value <= LARGEST_FILE_ID
        }
        self._table = np.full(max(self.ids) + 2, -1, np.int32)  # the last: beyond
        self._table[list(self.ids)] = list(self.ids.values())

    def file_id(self, index: int) -> int | None:
        """The lowest file id of a class, None where no file can hold it."""
        return min((v for v, i in self.ids.items() if i == index), default=None)

    def indices(self, maps: tf.Tensor, name: str) -> tf.Tensor:
        """Class indices of file ids, both int32 ``(batch, height, width)``.

        Raises:
            tf.errors.InvalidArgumentError: an id that is not in the table.
        """
        beyond = len(self._table) - 1
        indices = tf.gather(tf.constant(self._table), tf.minimum(maps, beyond))
        flat = tf.reshape(indices, (-1,))
        wrong = tf.argmax(tf.cast(flat < 0, tf.int32))
        place = tf.unravel_index(wrong, tf.shape(maps, tf.int64))
        value = tf.reshape(maps, (-1,))[wrong]
        message = tf.strings.format(
            f"{name}[{{}}]: id {{}} at row {{}}, column {{}}; allowed: "
            f"{describe_ids(self.ids)}",
            [place[0], value, place[1], place[2]],
        )
        [indices] = require([indices], (tf.reduce_all(flat >= 0), message))
        return indices
