"""The sections of a run's settings: type, range, choices and description of each key.

Facts of the data (classes, don't care, instances) are not here: they come from the
records' description, so that a config can never disagree with the data.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from ccfpse_tf.config.parsing import ADDED_LATER, Renamed, settings

Architecture = Literal[
    "ccfpse",
    "ccfpse_compact",
    "spade",
    "pix2pixhd",
    "pix2pixhd_local",
    "crn",
    "sims",
]
DiscriminatorArchitecture = Literal[
    "fpse",
    "fpse_frozen",
    "fpse_plain",
    "multiscale",
    "multiscale_pix2pixhd",
    "none",
]
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
class GeneratorConfig:
    """Widths and depth of the generator, and of its style encoder."""

    architecture: Annotated[Architecture, ADDED_LATER] = Field(
        "ccfpse",
        description="which generator; ccfpse_compact: a small one, whose kernels are "
        "mixtures of a few learned ones, for quick pictures on CPUs; spade: SPADE's; "
        "pix2pixhd: the global generator; pix2pixhd_local: with enhancers around it; "
        "crn: the cascaded refinement network; sims: semi-parametric synthesis from a "
        "memory bank; these two have no discriminator",
    )
    ngf: int = Field(
        64,
        ge=1,
        description="channels at full resolution and of the layout pyramid; crn: a "
        "sixteenth of those of the coarse modules",
    )
    depth: Literal[5, 6, 7] = Field(
        5, description="upsamplings; the stride of the image is 2**depth; 7: spade only"
    )
    z_dim: int = Field(
        256, ge=0, description="size of the style code; 0 trains without style encoder"
    )
    encoder_ngf: Annotated[int | None, ADDED_LATER] = Field(
        None, ge=1, description="channels of the style encoder's first layer; none: ngf"
    )
    hidden: int = Field(
        128, ge=1, description="channels inside the predictors of weights"
    )
    pyramid: Annotated[bool, ADDED_LATER] = Field(
        True,
        description="ccfpse: predict kernels from the layout pyramid, too; false: from "
        "the layout alone, an ablation",
    )
    mixed: Annotated[int, ADDED_LATER] = Field(
        4, ge=1, description="ccfpse_compact: learned kernels of every channel"
    )
    downsamplings: Annotated[int, ADDED_LATER] = Field(
        4,
        ge=1,
        description="pix2pixhd: halvings of the global generator, and of the encoder "
        "of instance features",
    )
    blocks: Annotated[int, ADDED_LATER] = Field(
        9, ge=0, description="pix2pixhd: residual blocks of the global generator"
    )
    enhancers: Annotated[int, ADDED_LATER] = Field(
        1,
        ge=1,
        description="pix2pixhd_local: enhancers; the outermost one has ngf halved so "
        "often, and the global generator ngf",
    )
    enhancer_blocks: Annotated[int, ADDED_LATER] = Field(
        3, ge=0, description="pix2pixhd_local: residual blocks of each enhancer"
    )
    instance_features: Annotated[int, ADDED_LATER] = Field(
        0, ge=0, description="pix2pixhd: features of every instance, such as 3; 0: none"
    )
    pool_features: Annotated[Literal["instance", "label"], ADDED_LATER] = Field(
        "instance", description="pix2pixhd: what features are averaged over"
    )
    images: Annotated[int, ADDED_LATER] = Field(
        1,
        ge=1,
        description="crn: drawn at once, of which each class is trained in the best; "
        "the paper's has 1 or 9",
    )
    fine: Annotated[bool, ADDED_LATER] = Field(
        False, description="sims: the form for images of twice the size, as 512x1024"
    )
    average_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="above 0, such as 0.999: a running average of the weights makes "
        "all images outside of training; the paper's models do not have one",
    )


@settings
class DiscriminatorConfig:
    """Width of the discriminator."""

    architecture: Annotated[DiscriminatorArchitecture, ADDED_LATER] = Field(
        "fpse",
        description="which discriminator; fpse_frozen: FPSE whose bottom-up path is "
        "EfficientNet-Lite0, which was trained on photographs and stays as it is; "
        "fpse_plain: FPSE that sees layout and image without semantics embedding; "
        "multiscale: SPADE's, of patches; multiscale_pix2pixhd: pix2pixHD's; none: for "
        "generators that are trained without",
    )
    ndf: int = Field(64, ge=1, description="channels of the first level")
    scales: Annotated[int, ADDED_LATER] = Field(
        2, ge=1, description="multiscale: networks, each on half the size of the last"
    )
    backbone_weights: Annotated[str | None, ADDED_LATER] = Field(
        None,
        description="fpse_frozen: file of Lite0's weights; none takes the installed "
        "package's",
    )


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
