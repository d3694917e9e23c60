"""A small model of random weights, to measure the page with."""

from pathlib import Path

import numpy as np

Z_DIM = 8
CLASSES = {
    "sky": (135, 190, 235),
    "building": (150, 110, 90),
    "road": (90, 90, 95),
    "tree": (50, 120, 50),
    "car": (200, 40, 40),
}


def description():
    """The description of its records, which there are none of."""
    from ccfpse_tf.data.description import Description

    return Description(
        name="streets",
        num_classes=len(CLASSES),
        dont_care_index=None,
        instances=False,
        label_mapping="custom",
        class_names=tuple(CLASSES),
        palette=tuple(CLASSES.values()),
        label_ids={index: index for index in range(len(CLASSES))},
        splits={},
        tool="test",
    )


def street(size):
    """A layout of every class, ``(size, size)``."""
    label = np.zeros((size, size), np.int32)
    label[size // 4 :] = 1
    label[size // 2 :] = 2
    label[size // 3 : size // 2, : size // 3] = 3
    label[2 * size // 3 : 3 * size // 4, size // 2 : 3 * size // 4] = 4
    return label


def small_model(size, ngf):
    """CC-FPSE with style code, its statistics those of a street."""
    from ccfpse_tf import (
        CCFPSE,
        FPSEDiscriminator,
        Generator,
        LayoutEncoding,
        StyleEncoder,
    )
    from ccfpse_tf.ops.compilation import plain_graphs
    from ccfpse_tf.ops.convolution import convolution_method

    layout = LayoutEncoding(len(CLASSES), instances=False)
    channels = layout.semantic_channels
    generator = Generator(channels, (size, size), ngf=ngf, z_dim=Z_DIM, hidden=2 * ngf)
    model = CCFPSE(
        layout, generator, FPSEDiscriminator(channels, ndf=2), StyleEncoder(4, Z_DIM)
    )
    random = np.random.default_rng(0)
    with plain_graphs(), convolution_method("direct"):
        semantics = model.layout_encoding(street(size)[None], None)
        z = random.standard_normal((1, Z_DIM)).astype(np.float32)
        for weight in generator.trainable_weights:
            weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
        for _ in range(3):
            generator(semantics, z, training=True)
    return model


def export_small(base: Path, size: int, ngf: int) -> Path:
    """Writes the model as an exported one; returns its folder."""
    from ccfpse_tf.export.export import export_model

    layouts = [(street(size), None)]
    export_model(small_model(size, ngf), description(), base, layouts=layouts)
    return base
