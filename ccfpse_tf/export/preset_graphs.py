"""The networks of a preset as ONNX graphs, which ``weights.npz`` gives their weights.

A graph names each weight as the preset's file of weights does and holds none: so it is
small, and both engines always draw with the same weights.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from ccfpse_tf.data.description import Description
from ccfpse_tf.data.transforms import normalize_image, to_uint8
from ccfpse_tf.export.assembly import assemble
from ccfpse_tf.export.portable import onnx_model
from ccfpse_tf.gan.preset_weights import named_variables
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.ops.compilation import plain_graphs
from ccfpse_tf.ops.convolution import convolution_method
from ccfpse_tf.presets.preset_files import ENCODER_GRAPH, GRAPH, WEIGHTS


def preset_graphs(model: Synthesizer, data: Description, step: int) -> dict[str, bytes]:
    """Returns the ONNX files of a preset by name.

    The generator's holds the model's description, but for its examples and styles.

    Args:
        model: with the weights of the preset.
        data: of the records that it was trained on.
        step: the number of steps that it was trained for.

    Raises:
        InputError: tf2onnx is not installed.
    """
    endpoints, _ = assemble(model, data, layouts=[], step=step)
    grid = tf.TensorSpec((None, *endpoints.sizes.shape()), tf.int32)
    inputs = {"label": grid}
    if data.instances:
        inputs["instance"] = grid
    if model.z_dim:
        inputs["z"] = tf.TensorSpec((None, model.z_dim), tf.float32)

    def draw(label, instance=None, z=None):
        semantics = model.layout_encoding(label, instance)
        return {"image": to_uint8(model.drawing_generator(semantics, z))}

    generator = _graph("generator", model.drawing_generator, draw, inputs)
    generator.metadata_props.add(key="description", value=endpoints.description)
    graphs = {GRAPH: generator}
    if model.encoder is not None:
        photo = tf.TensorSpec((None, *endpoints.image_size, 3), tf.uint8)

        def encode(image):
            mean, log_variance = model.encoder(normalize_image(image))
            return {"mean": mean, "log_variance": log_variance}

        graphs[ENCODER_GRAPH] = _graph(
            "encoder", model.encoder, encode, {"image": photo}
        )
    return {name: graph.SerializeToString() for name, graph in graphs.items()}


def _graph(part: str, network, function: Callable, inputs: dict[str, tf.TensorSpec]):
    """A function of a network as an ONNX model."""
    variables = named_variables(network)
    # Names that TensorFlow leaves as they are.
    weights = {f"weight_{i}": f"{part}/{name}" for i, name in enumerate(variables)}
    specs = inputs | {
        name: tf.TensorSpec(variable.shape, tf.float32)
        for name, variable in zip(weights, variables.values(), strict=True)
    }

    def call(*tensors):
        given = dict(zip(inputs, tensors, strict=False))
        stored = zip(variables.values(), tensors[len(inputs) :], strict=True)
        with keras.StatelessScope(list(stored)):
            return function(**given)

    named = [tf.TensorSpec(x.shape, x.dtype, name) for name, x in specs.items()]
    traced = tf.function(call, named, autograph=False)
    with plain_graphs(), convolution_method("direct"):
        traced.get_concrete_function()
    model = onnx_model(traced, named)
    _take_out_weights(model.graph, weights)
    return model


def _take_out_weights(graph, names: dict[str, str]) -> None:
    """Turns inputs into weights that lie elsewhere, by the names that they have there.

    Args:
        graph: an ONNX ``GraphProto``, changed in place.
        names: new name by the name of the input.
    """
    read = {name for node in graph.node for name in node.input}
    if unread := [new for old, new in names.items() if old not in read]:
        # ONNX Runtime refuses to be given what a graph does not read.
        raise RuntimeError(f"the graph does not read the weights {unread}")
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    given = list(graph.input)
    del graph.input[:]
    for value in given:
        if value.name not in names:
            graph.input.append(value)
            continue
        tensor = value.type.tensor_type
        weight = graph.initializer.add(
            name=names[value.name],
            data_type=tensor.elem_type,
            dims=[size.dim_value for size in tensor.shape.dim],
            data_location=1,  # TensorProto.EXTERNAL
        )
        weight.external_data.add(key="location", value=WEIGHTS)
