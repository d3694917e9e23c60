"""The sections of a run's settings that say which networks are built, and how wide."""

from typing import Annotated, Literal

from pydantic import Field

from ccfpse_tf.config.parsing import ADDED_LATER, settings

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
# Numbers beyond it are slips, and TensorFlow's own errors on them are hard to read.
MOST = 65_536


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
        le=MOST,
        description="channels at full resolution and of the layout pyramid; crn: a "
        "sixteenth of those of the coarse modules",
    )
    depth: Literal[5, 6, 7] = Field(
        5, description="upsamplings; the stride of the image is 2**depth; 7: spade only"
    )
    z_dim: int = Field(
        256,
        ge=0,
        le=MOST,
        description="size of the style code; 0 trains without style encoder",
    )
    encoder_ngf: Annotated[int | None, ADDED_LATER] = Field(
        None,
        ge=1,
        le=MOST,
        description="channels of the style encoder's first layer; none: ngf",
    )
    hidden: int = Field(
        128, ge=1, le=MOST, description="channels inside the predictors of weights"
    )
    pyramid: Annotated[bool, ADDED_LATER] = Field(
        True,
        description="ccfpse: predict kernels from the layout pyramid, too; false: from "
        "the layout alone, an ablation",
    )
    mixed: Annotated[int, ADDED_LATER] = Field(
        4, ge=1, le=MOST, description="ccfpse_compact: learned kernels of every channel"
    )
    downsamplings: Annotated[int, ADDED_LATER] = Field(
        4,
        ge=1,
        le=MOST,
        description="pix2pixhd: halvings of the global generator, and of the encoder "
        "of instance features",
    )
    blocks: Annotated[int, ADDED_LATER] = Field(
        9,
        ge=0,
        le=MOST,
        description="pix2pixhd: residual blocks of the global generator",
    )
    enhancers: Annotated[int, ADDED_LATER] = Field(
        1,
        ge=1,
        le=MOST,
        description="pix2pixhd_local: enhancers; the outermost one has ngf halved so "
        "often, and the global generator ngf",
    )
    enhancer_blocks: Annotated[int, ADDED_LATER] = Field(
        3,
        ge=0,
        le=MOST,
        description="pix2pixhd_local: residual blocks of each enhancer",
    )
    instance_features: Annotated[int, ADDED_LATER] = Field(
        0,
        ge=0,
        le=MOST,
        description="pix2pixhd: features of every instance, such as 3; 0: none",
    )
    pool_features: Annotated[Literal["instance", "label"], ADDED_LATER] = Field(
        "instance", description="pix2pixhd: what features are averaged over"
    )
    images: Annotated[int, ADDED_LATER] = Field(
        1,
        ge=1,
        le=MOST,
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
    ndf: int = Field(64, ge=1, le=MOST, description="channels of the first level")
    scales: Annotated[int, ADDED_LATER] = Field(
        2,
        ge=1,
        le=MOST,
        description="multiscale: networks, each on half the size of the last",
    )
    backbone_weights: Annotated[str | None, ADDED_LATER] = Field(
        None,
        description="fpse_frozen: file of Lite0's weights; none takes the installed "
        "package's",
    )
