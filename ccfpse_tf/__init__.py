"""CC-FPSE semantic image synthesis in Keras 3 on TensorFlow.

``from ccfpse_tf import CCFPSE, Generator, ...`` gives everything that is public; names
are imported when first used, so that tools without networks start quickly.
"""

import importlib
import os
import sys

__version__ = "0.1.0"

_PUBLIC = {
    "ccfpse_tf.config.schema": ("Config",),
    "ccfpse_tf.errors": ("InputError",),
    "ccfpse_tf.data.datasets": ("DATASETS", "Dataset"),
    "ccfpse_tf.layers.conditional_block": ("ConditionalBlock",),
    "ccfpse_tf.layers.conditional_convolution": ("ConditionalDepthwiseConvolution",),
    "ccfpse_tf.ops.conditional_convolution": ("conditional_depthwise_convolution",),
    "ccfpse_tf.layers.layout": ("LayoutEncoding",),
    "ccfpse_tf.ops.layout": ("instance_edges",),
    "ccfpse_tf.layers.layout_pyramid": ("LayoutPyramid",),
    "ccfpse_tf.layers.normalization": ("BatchNormalization", "InstanceNormalization"),
    "ccfpse_tf.layers.spade": ("SPADE",),
    "ccfpse_tf.layers.spade_block": ("SpadeBlock",),
    "ccfpse_tf.layers.spectral_convolution": ("SpectralConv2D",),
    "ccfpse_tf.models.discriminators.fpse": ("FPSEDiscriminator",),
    "ccfpse_tf.models.discriminators.multiscale": ("MultiscaleDiscriminator",),
    "ccfpse_tf.models.style_encoder": ("StyleEncoder",),
    "ccfpse_tf.models.generators.ccfpse": ("Generator",),
    "ccfpse_tf.models.generators.ccfpse_compact": ("CompactGenerator",),
    "ccfpse_tf.models.generators.crn": ("CRNGenerator",),
    "ccfpse_tf.models.generators.pix2pixhd": ("Pix2PixHDGenerator",),
    "ccfpse_tf.models.generators.sims": ("RefinementNetwork",),
    "ccfpse_tf.models.generators.spade": ("SpadeGenerator",),
    "ccfpse_tf.models.instance_features": ("InstanceFeatureEncoder",),
    "ccfpse_tf.data.transforms": ("to_uint8",),
    "ccfpse_tf.models.perceptual.loss": ("PerceptualLoss",),
    "ccfpse_tf.gan.adversarial_model": ("AdversarialModel",),
    "ccfpse_tf.gan.ccfpse": ("CCFPSE",),
    "ccfpse_tf.gan.crn": ("CRN",),
    "ccfpse_tf.gan.pix2pixhd": ("Pix2PixHD",),
    "ccfpse_tf.gan.sims": ("SIMS",),
    "ccfpse_tf.gan.optimizers": ("Adam", "TensorFlowAdam"),
    "ccfpse_tf.gan.schedules": ("LinearDecay",),
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}
__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604


def _require_tensorflow_backend():
    """Keras picks its backend when first imported, so this has to come before."""
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "__version__"):
        if int(keras.__version__.split(".")[0]) < 3:
            raise ImportError(
                f"ccfpse_tf needs Keras 3, found {keras.__version__}; "
                "pip install 'keras>=3'"
            )
        backend = keras.config.backend()
    if backend != "tensorflow" and not _doctor_is_called():
        raise ImportError(
            f"ccfpse_tf runs on Keras's TensorFlow backend, but it is set to "
            f"{backend!r}; set the environment variable KERAS_BACKEND=tensorflow "
            "before Keras is imported"
        )


def _doctor_is_called():
    """``ccfpse doctor`` loads no Keras; it has to start, to say what is wrong."""
    program = os.path.basename(sys.argv[0]).removesuffix(".exe") if sys.argv else ""
    return program in ("ccfpse", "-m") and sys.argv[1:2] == ["doctor"]


_require_tensorflow_backend()


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
