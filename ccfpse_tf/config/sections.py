"""The sections of a run's settings: type, range, choices and description of each key.

Those of generator and discriminator are in :mod:`ccfpse_tf.config.networks`.
Facts of the data (classes, don't care, instances) are not here: they come from the
records' description, so that a config can never disagree with the data.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from ccfpse_tf.config.parsing import ADDED_LATER, Renamed, settings

GanMode = Literal["hinge", "least_squares", "original", "wasserstein"]
GAN_MODES = get_args(GanMode)
DiscriminatorFake = Literal["regenerate", "reuse"]
DISCRIMINATOR_FAKES = get_args(DiscriminatorFake)
FidResize = Literal["tf1", "pytorch-fid", "clean-fid"]
FID_RESIZES = get_args(FidResize)
PerceptualNetwork = Literal[
    "vgg19-torchvision",
    "vgg19-keras",
    "vgg19-mean-pooling",
    "squeezenet",
    "efficientnet-lite0",
    "off",
]


@settings
class LossConfig:
    """GAN mode, weight of each loss, and the network of the perceptual loss."""

    gan_mode: GanMode = Field("hinge", description="loss of the discriminator's scores")
    feature_matching: float = Field(
        20.0,
        ge=0,
        description="weight of a mean over FPSE's levels; multiscale's is a sum over "
        "layers, which SPADE weights by 10",
    )
    perceptual: float = Field(
        10.0, ge=0, description="weight; ignored where perceptual_network is off"
    )
    kl: float = Field(
        0.1,
        ge=0,
        description="weight of the mean over the batch, 0.1 being the official 0.05 of "
        "a sum over two images; ignored where z_dim is 0",
    )
    semantic: Annotated[float, ADDED_LATER] = Field(
        10.0, ge=0, description="sims: weight of the cross entropy of classes"
    )
    imitation: Annotated[float, ADDED_LATER] = Field(
        10.0,
        ge=0,
        description="weight of the difference to the teacher's image; ignored where "
        "the run has no teacher",
    )
    perceptual_network: Annotated[
        PerceptualNetwork,
        Renamed("vgg", {"keras": "vgg19-keras", "torchvision": "vgg19-torchvision"}),
    ] = Field(
        "vgg19-keras",
        description="whose features the perceptual loss compares; the paper's is "
        "vgg19-torchvision, that of crn is vgg19-mean-pooling (Keras's weights)",
    )
    perceptual_weights: Annotated[str | None, Renamed("vgg_weights")] = Field(
        None,
        description="file of that network's weights; none takes those of an installed "
        "package, or downloads them",
    )


@settings
class OptimizerConfig:
    """Adam with two rates (TTUR, Heusel et al. 2017), one optimiser per player."""

    generator_lr: float = Field(1e-4, gt=0, description="also the style encoder's")
    discriminator_lr: float = Field(
        4e-4, gt=0, description="the discriminator's, if there is one"
    )
    beta_1: float = Field(0.0, ge=0, lt=1, description="decay of the mean")
    beta_2: float = Field(0.9, ge=0, lt=1, description="decay of the squares' mean")
    epsilon: float = Field(
        1e-8,
        gt=0,
        description="added outside the bias correction, as in PyTorch; crn: inside, as "
        "in Keras",
    )


@settings
class DataConfig:
    """The records of the run, and their crops and batches."""

    records: str = Field(
        "", description="folder written by `prepare`; `train --records` sets it"
    )
    bank: Annotated[str | None, ADDED_LATER] = Field(
        None,
        description="sims: memory bank that `ccfpse bank` made of the records; "
        "`train --bank` sets it",
    )
    image_size: tuple[int, int] = Field(
        (256, 256), strict=False, description="height, width in pixels"
    )
    batch_size: int = Field(32, ge=1, description="over all devices together")
    flip: bool = Field(True, description="mirror half of the training images")
    quarter_turns: Annotated[bool, ADDED_LATER] = Field(
        False,
        description="turn training images by 0 to 3 quarters; for images seen from "
        "above, in square sizes",
    )
    half_scale: Annotated[float, ADDED_LATER] = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the training images that are cut twice as large from "
        "the records, where these have room, and halved",
    )
    seed: int = Field(
        0, ge=0, description="of initial weights, order, crops, flips and noise"
    )


@settings
class ScheduleConfig:
    """The length of the training and its intervals, in steps unless said otherwise."""

    epochs: int = Field(100, ge=0, description="at constant learning rates")
    decay_epochs: int = Field(0, ge=0, description="then linearly towards 0")
    steps_per_epoch: int | None = Field(
        None, ge=1, description="none: once through the records"
    )
    small_epochs: Annotated[int, ADDED_LATER] = Field(
        0,
        ge=0,
        description="first epochs that see windows of half the image's height and "
        "width, which take a quarter of the time; for generators that draw any size",
    )
    fix_global_epochs: Annotated[int, ADDED_LATER] = Field(
        0,
        ge=0,
        description="pix2pixhd_local: first epochs that train the outermost enhancer "
        "alone, and the encoder of instance features",
    )
    checkpoint_every: int = Field(1000, ge=1, description="between checkpoints")
    checkpoint_minutes: float | None = Field(
        30.0, gt=0, description="and after so many minutes; none: never"
    )
    keep: int = Field(
        3, ge=1, description="newest checkpoints kept; the best one in addition"
    )
    images_every: int = Field(
        1000, ge=1, description="between grids of the fixed validation layouts"
    )
    images: int = Field(8, ge=1, description="rows of such a grid")
    validate_every: int = Field(1000, ge=1, description="between validations")
    validation_images: int = Field(64, ge=1, description="images of a validation")
    best: Literal["auto", "perceptual", "l1", "fid", "kid_lite0", "mean_iou"] = Field(
        "auto",
        description="metric of the best checkpoint; auto: perceptual where the losses "
        "have it, else l1",
    )
    average_batches: int = Field(
        50, ge=1, description="that the average's batch statistics are estimated on"
    )
    skips_allowed: int = Field(
        20, ge=0, description="steps in a row that are not finite, before it stops"
    )
    log_every: int = Field(
        50, ge=1, description="between logged losses, learning rates and images/s"
    )


@settings
class EvaluationConfig:
    """The paper's metrics while training; `evaluate` measures a finished run."""

    every_epochs: int = Field(0, ge=0, description="between measurements; 0: never")
    images: int | None = Field(None, ge=1, description="validation layouts; none: all")
    segmenter: str | None = Field(None, description="as for `evaluate --segmenter`")
    fid: str | None = Field(
        None, description="`download`, or the file of the Inception graph"
    )
    fid_resize: FidResize = Field(
        "pytorch-fid", description="which code's resizing of images FID follows"
    )
    features: Annotated[str | None, ADDED_LATER] = Field(
        None,
        description="as for `evaluate --features`, such as efficientnet-lite0, in "
        "place of fid",
    )


@settings
class StepConfig:
    """The computation of a training step on the device."""

    discriminator_fake: DiscriminatorFake = Field(
        "regenerate",
        description="regenerate, as official: the discriminator sees a new image of "
        "the updated generator; reuse: the image that the generator was trained on",
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "float32", description="of the arithmetic; weights stay float32"
    )
    jit_compile: bool = Field(
        False, description="compile the whole step by XLA; one device only"
    )
    deterministic: bool = Field(
        False,
        description="the same bits in every run on the same machine; slower on GPUs",
    )
    recompute_kernels: bool = Field(
        True,
        description="make predicted kernels, the largest tensors, again for the "
        "gradient instead of keeping them: more arithmetic, and 0.89 GB less per "
        "256x256 image at full width; spade: what its modulations make of the layout",
    )
