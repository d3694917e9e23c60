"""Small presets, with invented weights or with those of a small model."""

import dataclasses

import numpy as np

from ccfpse_tf.config import Config, override
from ccfpse_tf.data.description import Description
from ccfpse_tf.presets.preset import ExampleLayout, Preset, Style
from tests.export import exported

SETTINGS = [
    *("generator.ngf=2", "generator.hidden=8", "generator.z_dim=4"),
    *("discriminator.ndf=2", "data.image_size=64x96", "losses.perceptual_network=off"),
]
CONFIG = override(Config(name="folder"), SETTINGS)  # of tests.small_model
LAYOUT, INSTANCE = exported.layouts(1)[0]


def described(*names, dont_care=None, instances=True, name="three"):
    """A description of classes with these names."""
    count = len(names) + (dont_care is not None)
    return Description(
        name=name,
        num_classes=len(names),
        dont_care_index=dont_care,
        instances=instances,
        label_mapping="custom",
        class_names=names,
        palette=tuple((10 * i, 0, 0) for i in range(len(names))),
        label_ids={7 + i: i for i in range(count)},
        splits={},
        tool="test",
    )


DATA = exported.description()


def invented(**changes):
    """A preset whose weights are of no network."""
    random = np.random.default_rng(3)
    weights = {
        "generator/0000.a/kernel": random.standard_normal((3, 4)).astype(np.float16),
        "generator/0001.a/bias": random.standard_normal(4).astype(np.float32),
    }
    picture = exported.png(np.zeros((4, 6, 3), np.uint8))
    codes = random.standard_normal((2, 4)).astype(np.float32)
    preset = Preset(
        name="tiny",
        title="A tiny model",
        config=CONFIG,
        data=DATA,
        step=12,
        difference={"largest": 1, "mean": 0.25, "images": 2},
        weights=weights,
        styles=tuple(
            Style(code, picture, f"photo {i}") for i, code in enumerate(codes)
        ),
        layouts=(
            ExampleLayout(
                exported.label_png(LAYOUT), exported.png(INSTANCE.astype(np.uint8))
            ),
        ),
        card="# A tiny model\n",
    )
    return dataclasses.replace(preset, **changes)


def of_model(model, config, **changes):
    """The preset of a model, in memory."""
    from ccfpse_tf.gan.preset_weights import stored_weights

    styles = invented().styles if model.z_dim else ()
    facts = {"config": config, "weights": stored_weights(model), "styles": styles}
    return invented(**facts, **{"source": "presets/tiny"} | changes)


def one_convolution(patch, *settings):
    """A config whose networks are built at once: the generator is one convolution."""
    from ccfpse_tf.gan import methods
    from tests.gan.other_method import ROW

    patch.setitem(methods.METHODS, "one_convolution", ROW)  # as the networks say
    adversaries = {"fpse": ROW.adversaries["two_scales"]}
    row = dataclasses.replace(ROW, adversaries=adversaries)
    patch.setitem(methods.METHODS, "ccfpse", row)  # as the config says
    return override(CONFIG, ["generator.z_dim=0", *settings])
