"""Turns a frozen GraphDef of any age into a function of this TensorFlow."""

from __future__ import annotations

import tensorflow as tf

BATCH_NORM = "BatchNormWithGlobalNormalization"


def needed_nodes(graph: tf.compat.v1.GraphDef, feed: str, fetches: tuple[str, ...]):
    """Returns the nodes of a graph that lie between others, in modern operations.

    Args:
        graph: frozen.
        feed: name of the node whose output 0 will be given; left out of the result.
        fetches: names of the nodes that are wanted.

    Returns:
        A GraphDef.

    Raises:
        ValueError: if a node does not exist, or no fetch depends on the feed.
    """
    nodes = {node.name: node for node in graph.node}
    for name in (feed, *fetches):
        if name not in nodes:
            raise ValueError(f"it has no tensor {name}:0")
    found, open_, fed = {}, list(fetches), False
    while open_:
        name = open_.pop()
        if name == feed:
            fed = True
        elif name not in found:
            if name not in nodes:
                raise ValueError(f"it lacks the node {name}")
            found[name] = nodes[name]
            open_ += [_node_of(source) for source in nodes[name].input]
    if not fed:
        raise ValueError(f"{', '.join(fetches)} do not depend on {feed}:0")
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in found.values():
        if node.op == BATCH_NORM:
            _add_batch_norm(result, node)
        else:
            result.node.append(node)
    return result


def as_function(graph, feed: str, fetches: tuple[str, ...]):
    """A callable from float32 ``(batch, height, width, 3)`` to a list of tensors.

    Args:
        graph: from :func:`needed_nodes` with the same feed and fetches.
    """

    def imported(images):
        return tf.graph_util.import_graph_def(
            graph,
            input_map={f"{feed}:0": images},
            return_elements=[f"{name}:0" for name in fetches],
            name="imported",
        )

    images = tf.TensorSpec((None, None, None, 3), tf.float32)
    return tf.compat.v1.wrap_function(imported, [images])


def _node_of(source):
    return source.removeprefix("^").split(":")[0]


def _add_batch_norm(graph, node):
    """Writes the batch normalisation of 2015 in operations that still run.

    TensorFlow removed it for graphs of version 9 and later, as all functions are.
    It is ``(x - mean) * (1 / sqrt(variance + epsilon) [* gamma]) + beta``.
    """
    x, mean, variance, beta, gamma = node.input[:5]
    dtype = node.attr["T"].type

    def add(name, op, *inputs):
        new = graph.node.add(name=name, op=op, input=inputs, device=node.device)
        new.attr["T"].type = dtype
        return name

    own = f"{node.name}/of_2015"
    epsilon = graph.node.add(name=f"{own}/epsilon", op="Const")
    epsilon.attr["dtype"].type = dtype
    value = tf.make_tensor_proto(node.attr["variance_epsilon"].f, tf.as_dtype(dtype))
    epsilon.attr["value"].tensor.CopyFrom(value)
    shifted = add(f"{own}/shifted", "Add", variance, epsilon.name)
    factor = add(f"{own}/inverse", "Rsqrt", shifted)
    if node.attr["scale_after_normalization"].b:
        factor = add(f"{own}/scaled", "Mul", factor, gamma)
    centred = add(f"{own}/centred", "Sub", x, mean)
    product = add(f"{own}/product", "Mul", centred, factor)
    add(node.name, "Add", product, beta, *node.input[5:])  # control inputs, if any
