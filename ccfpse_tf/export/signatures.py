"""The signatures of an exported model: their functions, inputs and outputs."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from ccfpse_tf.ops.compilation import plain_graphs
from ccfpse_tf.ops.convolution import convolution_method

Specs = Mapping[str, tf.TensorSpec]
_ROW = tf.TensorSpec((None,), tf.string)
_PHOTO = tf.TensorSpec((None, None, None, None), tf.uint8)
_NUMBER = tf.TensorSpec((None,), tf.int64)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function that a server offers.

    Attributes:
        function: takes its inputs by name, and returns its outputs by name.
        inputs: a spec for each of them.
        outputs: a spec for each of them, known before the function is traced.
    """

    function: Callable
    inputs: Specs
    outputs: Specs

    def trace(self) -> tf.types.experimental.ConcreteFunction:
        """Returns the function as a graph, in the form that every server can run."""

        def named(*tensors):
            return self.function(**dict(zip(self.inputs, tensors, strict=True)))

        specs = [
            tf.TensorSpec(spec.shape, spec.dtype, name)
            for name, spec in self.inputs.items()
        ]
        # Plain convolutions: the quick ones for CPUs need XLA, which servers have not.
        with plain_graphs(), convolution_method("direct"):
            return tf.function(named, specs, autograph=False).get_concrete_function()


def signatures_of(endpoints) -> dict[str, Signature]:
    """Returns the signatures of a model by name.

    Args:
        endpoints: an :class:`ccfpse_tf.export.endpoints.Endpoints`.
    """
    size, z_dim = endpoints.sizes.shape(), endpoints.z_dim
    grid = tf.TensorSpec((None, None, None), tf.int32)
    code = tf.TensorSpec((None, z_dim), tf.float32)
    files = {"label_bytes": _ROW}
    grids = {"label": grid}
    if endpoints.instances:
        files["instance_bytes"], grids["instance"] = _ROW, grid
    z = {"z": tf.TensorSpec((None, None), tf.float32)}
    png = {"image_bytes": _ROW}
    image = {"image": tf.TensorSpec((None, *size, 3), tf.uint8)}
    made = {
        "serving_default": (endpoints.serve, files | {"seed": _NUMBER}, png),
        "synthesize": (endpoints.synthesize, grids | (z if z_dim else {}), image),
        "describe": (
            endpoints.describe,
            {"format": _NUMBER},
            {"description_bytes": _ROW},
        ),
    }
    if z_dim:
        style = {"mean": code, "log_variance": code}
        made |= {
            "synthesize_bytes": (endpoints.synthesize_bytes, files | z, png),
            "stylize_bytes": (
                endpoints.stylize_bytes,
                files | {"style_bytes": _ROW},
                png,
            ),
            "stylize": (endpoints.stylize, grids | {"style_image": _PHOTO}, image),
            "encode": (endpoints.encode, {"image": _PHOTO}, style),
        }
    return {name: Signature(*parts) for name, parts in made.items()}
