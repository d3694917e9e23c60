"""What `segmenter` trains: one flat page of settings, changed by ``--set``."""

import dataclasses
import json
import math
from collections.abc import Sequence

from ccfpse_tf.config import parsing
from ccfpse_tf.errors import InputError

BACKBONES = ("deeplabv3plus", "segformer")
STRIDE = 32  # of the deepest features of both


@dataclasses.dataclass(frozen=True)
class SegmenterConfig:
    """A segmentation network and its training, in steps unless said otherwise.

    Raises:
        InputError: on construction, listing every value out of its range.
    """

    backbone: str = "deeplabv3plus"  # one of BACKBONES
    width: int = 32  # of the first stage; 64 is ResNet-18's, 32 is MiT-B0's
    # Height and width; none: those of the records' validation images, and the recipe's
    # where records keep their own sizes, down to multiples of 32.
    image_size: tuple[int, int] | None = None
    steps: int = 1500
    batch_size: int = 8
    learning_rate: float = 1e-3  # falls to 0 as (1 - step / steps) ** 0.9
    weight_decay: float = 1e-2
    # Classes weigh (median share of pixels / own share) ** balance: 0 is all alike.
    balance: float = 0.5
    flip: bool = True  # mirror half of the training images
    zoom: float = 1.5  # draw them up to so many times larger or smaller; 1: never
    jitter: float = 0.2  # change brightness and contrast by up to this part
    seed: int = 0  # initial weights, order, windows, flips, zooms
    checkpoint_every: int = 100
    log_every: int = 50

    def __post_init__(self):
        """Checks every value; all problems are listed, not only the first."""
        problems = list(_problems(dataclasses.asdict(self)))
        if problems:
            raise InputError(
                "the segmenter's config cannot be used:\n  " + "\n  ".join(problems)
            )

    def to_json(self) -> str:
        """Returns indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def override(config: SegmenterConfig, assignments: Sequence[str]) -> SegmenterConfig:
    """Returns ``config`` with ``key=value`` texts applied, see `typed.override`."""
    return parsing.override(config, assignments, "steps=3000")


def with_size(
    config: SegmenterConfig,
    records_size: tuple[int | None, int | None],
    recipe_size: tuple[int, int],
) -> SegmenterConfig:
    """Returns ``config`` with an image size.

    Args:
        config: its own image size stays, if it has one.
        records_size: of the validation images; None where they differ in size.
        recipe_size: what the recipe's generator draws.

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


def _problems(values):
    def check(keys, accept, wanted):
        for key in keys.split():
            if not accept(values[key]):
                yield f"{key} is {values[key]!r}; it must be {wanted}"

    yield from check("backbone", BACKBONES.__contains__, f"one of {BACKBONES}")
    yield from check(
        "steps batch_size checkpoint_every log_every",
        lambda value: value >= 1,
        "1 or more",
    )
    # Both backbones divide the width by 4 or by 8 somewhere.
    yield from check(
        "width", lambda value: value >= 8 and value % 8 == 0, "a multiple of 8"
    )
    yield from check("seed", lambda value: value >= 0, "0 or more")
    yield from check(
        "learning_rate", lambda value: 0 < value < math.inf, "above 0 and finite"
    )
    yield from check(
        "weight_decay balance", lambda value: 0 <= value < math.inf, "0 or more"
    )
    yield from check("zoom", lambda value: 1 <= value <= 4, "between 1 and 4")
    yield from check("jitter", lambda value: 0 <= value < 1, "0 or more and below 1")
    yield from check(
        "image_size",
        lambda size: size is None or all(x > 0 and x % STRIDE == 0 for x in size),
        f"two multiples of {STRIDE}, such as 96x128",
    )
