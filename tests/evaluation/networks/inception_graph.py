"""A small GraphDef with the names, operations and age of the Inception of 2015."""

import numpy as np
import tensorflow as tf

FILE = "classify_image_graph_def.pb"


def inception_graph(features=2048, mean=128.0, scale=1 / 128, gamma=True):
    """``ExpandDims:0`` -> ``ResizeBilinear`` -> ``Sub`` -> ``Mul`` -> ... ``pool_3:0``.

    Convolution, the old batch normalisation, a check with a control dependency, pooling
    and the old concatenation; a classifier behind, which nobody needs.
    """
    rng = np.random.default_rng(0)
    half = features // 2
    with tf.Graph().as_default() as graph:
        encoded = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        decoded = tf.cast(tf.io.decode_jpeg(encoded, 3), tf.float32)
        images = tf.expand_dims(decoded, 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(
            images, (299, 299), name="ResizeBilinear"
        )
        x = tf.multiply(tf.subtract(resized, mean, name="Sub"), scale, name="Mul")
        x = tf.nn.max_pool2d(x, 3, 2, "VALID")
        towers = [tower(x, half, rng, f"tower_{i}") for i in range(2)]
        x = tf.raw_ops.Concat(concat_dim=3, values=towers)
        x = tf.nn.avg_pool2d(x, 8, 1, "VALID", name="pool_3")
        x = tf.reshape(x, (1, features), name="pool_3/_reshape")
        tf.nn.softmax(tf.matmul(x, tf.ones((features, 2))), name="softmax")
    definition = graph.as_graph_def()
    age(definition, gamma)
    return definition


def tower(x, width, rng, name):
    kernel = rng.standard_normal((3, 3, 3, width), np.float32) / 5
    with tf.name_scope(name):
        x = tf.nn.conv2d(x, kernel, 18, "VALID", name="Conv2D")  # 149 -> 9
        x = tf.nn.max_pool2d(x, 2, 1, "VALID")  # -> 8
        positive = np.abs(rng.standard_normal(width, np.float32))
        for part in ("mean", "variance", "beta", "gamma"):
            tf.constant(positive + 0.1 * len(part), name=part)
        x = tf.identity(x, name="batchnorm")  # see age()
        check = tf.debugging.check_numerics(x, "not finite", name="CheckNumerics")
        with tf.control_dependencies([check]):
            x = tf.identity(x, name="control_dependency")
        return tf.nn.relu(x)


def age(definition, gamma):
    """Turns identities into an operation that functions cannot hold any more."""
    for node in definition.node:
        if node.name.endswith("/batchnorm"):
            scope = node.name.removesuffix("/batchnorm")
            node.op = "BatchNormWithGlobalNormalization"
            node.input.extend(
                f"{scope}/{part}" for part in ("mean", "variance", "beta", "gamma")
            )
            node.attr["variance_epsilon"].f = 1e-3
            node.attr["scale_after_normalization"].b = gamma
    definition.versions.producer = 8


def session_features(definition, images, feed="ExpandDims:0"):
    """The oracle: the whole graph as it is, in a session of TensorFlow 1."""
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            one_by_one = [
                session.run("pool_3:0", {feed: image[None]}) for image in images
            ]
    return np.concatenate(one_by_one)[:, 0, 0]
