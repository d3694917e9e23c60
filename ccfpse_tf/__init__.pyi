"""The names of `ccfpse_tf` for type checkers; `__init__.py` imports them lazily."""

from ccfpse_tf.config.schema import Config as Config
from ccfpse_tf.data.datasets import DATASETS as DATASETS
from ccfpse_tf.data.datasets import Dataset as Dataset
from ccfpse_tf.data.transforms import to_uint8 as to_uint8
from ccfpse_tf.errors import InputError as InputError
from ccfpse_tf.gan.adversarial_model import AdversarialModel as AdversarialModel
from ccfpse_tf.gan.ccfpse import CCFPSE as CCFPSE
from ccfpse_tf.gan.crn import CRN as CRN
from ccfpse_tf.gan.optimizers import Adam as Adam
from ccfpse_tf.gan.optimizers import TensorFlowAdam as TensorFlowAdam
from ccfpse_tf.gan.pix2pixhd import Pix2PixHD as Pix2PixHD
from ccfpse_tf.gan.schedules import LinearDecay as LinearDecay
from ccfpse_tf.gan.sims import SIMS as SIMS
from ccfpse_tf.layers.conditional_block import ConditionalBlock as ConditionalBlock
from ccfpse_tf.layers.conditional_convolution import (
    ConditionalDepthwiseConvolution as ConditionalDepthwiseConvolution,
)
from ccfpse_tf.layers.layout import LayoutEncoding as LayoutEncoding
from ccfpse_tf.layers.layout_pyramid import LayoutPyramid as LayoutPyramid
from ccfpse_tf.layers.normalization import BatchNormalization as BatchNormalization
from ccfpse_tf.layers.normalization import (
    InstanceNormalization as InstanceNormalization,
)
from ccfpse_tf.layers.spade import SPADE as SPADE
from ccfpse_tf.layers.spade_block import SpadeBlock as SpadeBlock
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D as SpectralConv2D
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator as FPSEDiscriminator
from ccfpse_tf.models.discriminators.multiscale import (
    MultiscaleDiscriminator as MultiscaleDiscriminator,
)
from ccfpse_tf.models.generators.ccfpse import Generator as Generator
from ccfpse_tf.models.generators.ccfpse_compact import (
    CompactGenerator as CompactGenerator,
)
from ccfpse_tf.models.generators.crn import CRNGenerator as CRNGenerator
from ccfpse_tf.models.generators.pix2pixhd import (
    Pix2PixHDGenerator as Pix2PixHDGenerator,
)
from ccfpse_tf.models.generators.sims import RefinementNetwork as RefinementNetwork
from ccfpse_tf.models.generators.spade import SpadeGenerator as SpadeGenerator
from ccfpse_tf.models.instance_features import (
    InstanceFeatureEncoder as InstanceFeatureEncoder,
)
from ccfpse_tf.models.perceptual.loss import PerceptualLoss as PerceptualLoss
from ccfpse_tf.models.style_encoder import StyleEncoder as StyleEncoder
from ccfpse_tf.ops.conditional_convolution import (
    conditional_depthwise_convolution as conditional_depthwise_convolution,
)
from ccfpse_tf.ops.layout import instance_edges as instance_edges

__version__: str
