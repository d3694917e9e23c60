"""Settings of a segmentation network that is trained on real images.

One flat page, changed by ``--set``.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from ccfpse_tf.config import parsing
from ccfpse_tf.config.parsing import ADDED_LATER
from ccfpse_tf.errors import InputError

STRIDE = 32  # of the deepest features of all backbones


@parsing.settings
class SegmenterConfig:
    """A segmentation network and its training, in steps unless said otherwise.

    Raises:
        InputError: on construction, listing every value that it must not have.
    """

    backbone: Literal["deeplabv3plus", "segformer", "lite0"] = Field(
        "deeplabv3plus",
        description="which network; lite0: a small one on the features of "
        "EfficientNet-Lite0, which was trained on photographs and stays as it is",
    )
    backbone_weights: Annotated[str | None, ADDED_LATER] = Field(
        None,
        description="lite0: file of these weights; none takes the installed package's",
    )
    # keras-cv divides the width by 4 or by 8 somewhere.
    width: int = Field(
        32,
        ge=8,
        multiple_of=8,
        description="channels of the first stage; ResNet-18 has 64, MiT-B0 32; lite0: "
        "half of those that all stages are reduced to",
    )
    image_size: tuple[int, int] | None = Field(
        None,
        strict=False,
        description="height, width; none: those of the records' validation images, and "
        "the recipe's where records keep their own sizes, down to multiples of 32",
    )
    steps: int = Field(1500, ge=1, description="length of the training")
    batch_size: int = Field(8, ge=1, description="images of a step")
    learning_rate: float = Field(
        1e-3, gt=0, description="falls to 0 as (1 - step / steps) ** 0.9"
    )
    weight_decay: float = Field(1e-2, ge=0, description="of AdamW")
    balance: float = Field(
        0.5,
        ge=0,
        description="classes weigh (median share of pixels / own share) ** balance; "
        "0: all alike",
    )
    flip: bool = Field(True, description="mirror half of the training images")
    zoom: float = Field(
        1.5,
        ge=1,
        le=4,
        description="scale them up to so many times larger or smaller; 1: never",
    )
    jitter: float = Field(
        0.2, ge=0, lt=1, description="change brightness and contrast by up to this part"
    )
    seed: int = Field(
        0, ge=0, description="of initial weights, order, windows, flips and zooms"
    )
    checkpoint_every: int = Field(100, ge=1, description="between checkpoints")
    log_every: int = Field(50, ge=1, description="between logged losses")

    def __post_init__(self):
        """Checks that all backbones can halve the image often enough."""
        if any(side < 1 or side % STRIDE for side in self.image_size or ()):
            raise ValueError(
                f"image_size is {self.image_size}; it must be two multiples of "
                f"{STRIDE}, such as 96x128"
            )

    def to_json(self) -> str:
        """Returns indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def override(config: SegmenterConfig, assignments: Sequence[str]) -> SegmenterConfig:
    """Returns ``config`` with ``key=value`` texts applied.

    Raises:
        InputError: see :func:`ccfpse_tf.config.parsing.override`.
    """
    return parsing.override(config, assignments, "steps=3000", "the segmenter's config")


def with_size(
    config: SegmenterConfig,
    records_size: tuple[int | None, int | None],
    recipe_size: tuple[int, int],
) -> SegmenterConfig:
    """Returns ``config`` with an image size.

    Args:
        config: its own image size stays, if it has one.
        records_size: of the validation images; None where they differ in size.
        recipe_size: ``(height, width)`` of the recipe's generated images.

    Raises:
        InputError: records of less than 32 pixels.
    """
    if config.image_size:
        return config
    wanted = recipe_size if None in records_size else records_size
    size = tuple(side // STRIDE * STRIDE for side in wanted)
    if 0 in size:
        raise InputError(
            f"the records are {wanted[0]}x{wanted[1]}; a segmenter needs at least "
            f"{STRIDE}x{STRIDE}: prepare them with a larger --size"
        )
    return dataclasses.replace(config, image_size=size)
