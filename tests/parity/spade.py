"""Fixtures of SPADE's layers and generator."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import tensorflow as tf

from ccfpse_tf.convert.state import load_official
from ccfpse_tf.layers.spade import SPADE
from ccfpse_tf.layers.spade_block import SpadeBlock
from ccfpse_tf.models.generators.spade import SpadeGenerator
from ccfpse_tf.ops.layout import resize_layout
from tests.parity import checks, multiscale, networks
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nchw, nhwc
from tests.parity.layers import official_gradients, states

DEPTHS = {"normal": 5, "more": 6, "most": 7}


def spade_generator(config, dtype=None) -> SpadeGenerator:
    """SPADE's generator of an official configuration, built."""
    width = config["crop_size"]
    model = SpadeGenerator(
        config["semantic_nc"],
        (round(width / config["aspect_ratio"]), width),
        ngf=config["ngf"],
        depth=DEPTHS[config["num_upsampling_layers"]],
        z_dim=config["z_dim"] if config["use_vae"] else 0,
        dtype=dtype,
    )
    model.build()
    return model


def _blocks(fixture: Fixture) -> Iterator[Check]:
    """The SPADE layer alone, and blocks with both kinds of shortcut."""
    for case in fixture.config:
        for mode in networks.MODES:
            yield from checks.across_kinks(partial(_block, fixture, case, mode))


def _block(fixture, case, mode, dtype):
    data, config, tag = fixture.data, fixture.config[case], f"{case}/{mode}"
    x, layout = (
        tf.constant(nhwc(data[f"{case}/{name}"]).astype(dtype)) for name in ("x", "seg")
    )
    filters = config["fout"]
    layer = SpadeBlock(filters, dtype=dtype) if filters else SPADE(dtype=dtype)
    layer.build(x.shape, layout.shape)
    load_official(layer, fixture.state(layer, [f"{case}/sd/"], case))
    variables = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch((x, layout))
        # A block does this itself.
        seen = layout if filters else resize_layout(layout, x.shape[1:3])
        y = layer(x, seen, training=mode == "train")
    sources = {"x": x, "layout": layout, "variables": variables}
    found = tape.gradient(y, sources, tf.cast(nhwc(data[f"{case}/cot"]), dtype))
    yield absolute(f"{tag}/y", nchw(y), data[f"{tag}/y"], checks.OUTPUT[mode])
    for key, value in (("gx", found["x"]), ("gseg", found["layout"])):
        theirs = data[f"{tag}/{key}"]
        yield relative(f"{tag}/{key}", nchw(value), theirs, checks.GRADIENT)
    named = official_gradients(layer, found["variables"])
    yield from checks.gradients(f"{tag}/grad/", f"{tag}/gradsum", data, named)
    if mode == "train":
        yield from states(f"{case}/state_after/", data, layer)


def _full(fixture: Fixture) -> Iterator[Check]:
    """The full-size generator and discriminator."""
    data, config = fixture.data, fixture.config
    model = spade_generator(config)
    load_official(model, fixture.state(model, ["sd/"], "G"))
    yield from networks.full_image(fixture, model)
    model = multiscale.spade_discriminator(config)
    load_official(model, fixture.state(model, [], "D"))
    image = networks.unit_image(data["real_u8"])
    semantics = networks.semantics_of(config, data)
    _, scores = model(image, semantics, training=False)
    for i, x in enumerate(scores):
        name = f"D_pred{i}"
        yield absolute(name, nchw(np.asarray(x)), data[name], checks.TRAINING)


KINDS = {
    "spade_block": _blocks,
    "spade_generator": partial(networks.generators, make=spade_generator),
    "full_spade": _full,
}
