"""A tiny model, exported, and what it is asked in tests."""

import io

import numpy as np
from PIL import Image

from ccfpse_tf.data.description import Description
from ccfpse_tf.export.export import export_model
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.ops.compilation import plain_graphs
from ccfpse_tf.ops.convolution import convolution_method
from tests.small_model import SIZE, batch, small_model

FILE_IDS = {7: 0, 8: 1, 300: 2}  # 300 needs 16 bits


def description():
    """Of records of three classes, whose files have ids of their own."""
    return Description(
        name="three",
        num_classes=3,
        dont_care_index=None,
        instances=True,
        label_mapping="custom",
        class_names=("low", "middle", "high"),
        palette=((0, 0, 250), (0, 250, 0), (250, 0, 0)),
        label_ids=FILE_IDS,
        splits={},
        tool="test",
    )


def layouts(count):
    """``(label, instance)`` of ``count`` layouts, instances not those of the labels."""
    made = batch(count)
    instance = np.random.default_rng(1).integers(0, 3, (count, 8, 12))
    instance = instance.repeat(8, 1).repeat(8, 2).astype(np.int32)
    return list(zip(made["label"], instance, strict=True))


def table():
    """The file ids' table."""
    return IdTable(FILE_IDS)


def png(values, **options):
    """An image or map as PNG bytes."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG", **options)
    return file.getvalue()


def label_png(label):
    """Class indices as the data set's own label file."""
    ids = np.array(sorted(FILE_IDS))[label]
    return png(ids.astype(np.uint8 if ids.max() < 256 else np.uint16))


def pixels(encoded):
    """PNG bytes as an array of int."""
    return np.asarray(Image.open(io.BytesIO(encoded))).astype(int)


def moved_model(**options):
    """A tiny model as after some training, without it.

    Biases have left the start, and statistics and spectral vectors fit the kernels:
    those of the start are random, and blow everything up.
    """
    model = small_model(**options)
    random = np.random.default_rng(2)
    label, instance = (np.stack(maps) for maps in zip(*layouts(3), strict=True))
    with plain_graphs(), convolution_method("direct"):
        layout = model.layout_encoding(label, instance)
        networks = [(model.generator, (layout,))]
        if model.encoder is not None:
            photos = random.uniform(-1, 1, (3, *SIZE, 3)).astype(np.float32)
            z = random.standard_normal((3, model.z_dim)).astype(np.float32)
            networks = [(model.generator, (layout, z)), (model.encoder, (photos,))]
        for network, inputs in networks:
            for weight in network.trainable_weights:
                weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
            for _ in range(5):
                network(*inputs, training=True)
    return model


def export_tiny(model, base):
    """The export of a tiny model."""
    return export_model(model, description(), base, layouts=layouts(2), step=12)
