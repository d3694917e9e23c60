"""A tiny model of each method, and batches for it."""

import numpy as np
import tensorflow as tf

from ccfpse_tf import (
    CCFPSE,
    Adam,
    AdversarialModel,
    FPSEDiscriminator,
    Generator,
    LayoutEncoding,
    MultiscaleDiscriminator,
    SpadeGenerator,
    StyleEncoder,
)
from ccfpse_tf.gan.crn import CRN
from ccfpse_tf.gan.optimizers import TensorFlowAdam
from ccfpse_tf.gan.pix2pixhd import Pix2PixHD
from ccfpse_tf.gan.sims import SIMS
from ccfpse_tf.models.generators.crn import CRNGenerator, widths_of
from ccfpse_tf.models.generators.pix2pixhd import Pix2PixHDGenerator
from ccfpse_tf.models.generators.sims import RefinementNetwork
from ccfpse_tf.models.instance_features import InstanceFeatureEncoder

CLASSES = 3
SIZE = (64, 96)
SIMS_SIZE = (64, 128)  # of multiples of 64


def _of_blocks(kind, generator, discriminator):
    """A function that makes the parts of CC-FPSE or SPADE, after the model's class."""

    def make(channels, z_dim, dtype):
        return (
            kind,
            generator(channels, SIZE, ngf=2, z_dim=z_dim, hidden=8, dtype=dtype),
            discriminator(channels, ndf=2, dtype=dtype),
            StyleEncoder(2, z_dim, dtype=dtype) if z_dim else None,
        )

    return make


def _pix2pixhd(channels, z_dim, dtype):
    """The same of pix2pixHD, with an enhancer and instance features."""
    shape = {"depth": 1, "blocks": 1, "enhancers": 1, "enhancer_blocks": 1}
    return (
        Pix2PixHD,
        Pix2PixHDGenerator(channels, SIZE, ngf=2, features=2, dtype=dtype, **shape),
        MultiscaleDiscriminator(channels, ndf=2, form="pix2pixhd", dtype=dtype),
        InstanceFeatureEncoder(2, ngf=2, depth=1, dtype=dtype),
    )


NETWORKS = {
    "ccfpse": _of_blocks(CCFPSE, Generator, FPSEDiscriminator),
    "spade": _of_blocks(AdversarialModel, SpadeGenerator, MultiscaleDiscriminator),
    "pix2pixhd": _pix2pixhd,
}


def small_model(z_dim=4, dtype=None, method="ccfpse", **compile_options):
    """A model of 3 classes and instances for 64x96 images, SIMS for 64x128."""
    if method in ONE_PLAYER:
        return _one_player(method, dtype, **compile_options)
    layout = LayoutEncoding(CLASSES, instances=True, dtype=dtype)
    channels = layout.semantic_channels
    kind, *parts = NETWORKS[method](channels, z_dim, dtype)
    model = kind(layout, *parts, seed=5, dtype=dtype)
    model.compile(Adam(1e-3), Adam(1e-3), **compile_options)
    return model


def _crn(dtype):
    return CRN, CRNGenerator(CLASSES, SIZE, widths_of(SIZE, 1), dtype=dtype)


def _sims(dtype):
    widths = (2, 2, 3, 4, 4, 4)
    return SIMS, RefinementNetwork(CLASSES, SIMS_SIZE, widths, dtype=dtype)


ONE_PLAYER = {"crn": _crn, "sims": _sims}


def _one_player(method, dtype, perceptual_loss=None, run_eagerly=False, **adversarial):
    """Without discriminator; the default loss is a difference of pixels."""
    layout = LayoutEncoding(CLASSES, instances=True, edges=False, dtype=dtype)
    kind, generator = ONE_PLAYER[method](dtype)
    model = kind(layout, generator, None, dtype=dtype)
    if method == "sims":
        model.fill_layouts_with(fill)
    model.compile(
        TensorFlowAdam(1e-3),
        perceptual_loss=perceptual_loss or _difference,
        run_eagerly=run_eagerly,
    )
    return model


def _difference(fake, real):
    return tf.reduce_mean(tf.abs(fake - tf.cast(real, fake.dtype)))


def fill(label):
    """Canvas, mask and changed layout as SIMS reads them: greys of all but class 0."""
    mask = (label > 0).astype(np.float32)
    grey = label.astype(np.float32)[..., None] / CLASSES
    return grey.repeat(3, -1), mask, np.roll(label, 8, 2).astype(np.int32)


def batch(size=2, seed=0, method="ccfpse"):
    """Random images, labels and instances as the data pipeline gives them."""
    random = np.random.default_rng(seed)
    height, width = SIMS_SIZE if method == "sims" else SIZE
    label = random.integers(0, CLASSES, (size, height // 16, width // 16))
    label = label.repeat(16, 1).repeat(16, 2).astype(np.int32)
    image = random.uniform(-1, 1, (size, height, width, 3)) * 0.2
    image += (label[..., None] - 1) * 0.5
    made = {
        "image": image.astype(np.float32),
        "label": label,
        "instance": (label + 1000).astype(np.int32),
    }
    if method != "sims":
        return made
    names = "canvas", "mask", "canvas_label"
    return made | dict(zip(names, fill(label), strict=True))


def batches(count, size, method="ccfpse"):
    """A data set of ``count`` different batches."""
    made = [batch(size, seed, method) for seed in range(count)]
    stacked = {key: np.stack([x[key] for x in made]) for key in made[0]}
    return tf.data.Dataset.from_tensor_slices(stacked)
