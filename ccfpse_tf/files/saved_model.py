"""Opens SavedModels in TensorFlow's own way."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


class Signature:
    """A signature of a SavedModel, called with its inputs by name.

    Args:
        path: the SavedModel's folder.
        name: of the signature.

    Attributes:
        inputs: specs of the inputs by name.
        outputs: specs of the outputs by name.

    Raises:
        ValueError: the SavedModel lacks this signature.
        OSError, tf.errors.OpError: it cannot be read.
    """

    def __init__(self, path: Path, name: str = "serving_default"):
        # Kept, as the signature's variables live only as long as the loaded object.
        self._loaded = tf.saved_model.load(str(path))
        if name not in self._loaded.signatures:
            raise ValueError(f"it has no signature {name}")
        self._function = self._loaded.signatures[name]
        self.inputs: Mapping[str, tf.TensorSpec]
        _, self.inputs = self._function.structured_input_signature
        self.outputs: Mapping[str, tf.TensorSpec] = self._function.structured_outputs

    def __call__(self, **inputs) -> dict[str, tf.Tensor]:
        """Returns the outputs by name."""
        return self._function(**inputs)
