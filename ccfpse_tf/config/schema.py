"""The one typed description of a run: nested frozen dataclasses, JSON, overrides.

A recipe writes a :class:`Config` that reads like a page; ``--set generator.ngf=32``
changes it by :func:`override`; the run folder keeps it as JSON. Facts of the data
(classes, don't-care, instances) are not here: they come from the records' description,
so that a config can never disagree with the data.
"""

import dataclasses
import json
from collections.abc import Sequence

from ccfpse_tf.config import checks, parsing
from ccfpse_tf.errors import InputError

DISCRIMINATOR_FAKES = checks.DISCRIMINATOR_FAKES


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """Widths and depth of the generator; the style encoder shares its width."""

    ngf: int = 64  # channels at full resolution and of the layout pyramid
    depth: int = 5  # upsamplings: 5 or 6; the image's stride is 2**depth
    z_dim: int = 256  # size of the style code; 0 trains without style encoder
    hidden: int = 128  # channels inside the weight predictors
    # Above 0, such as 0.999: a running average of the weights draws all images outside
    # of training. The paper has none.
    average_decay: float = 0.0
    architecture: str = "ccfpse"  # a row of gan.methods


@dataclasses.dataclass(frozen=True)
class DiscriminatorConfig:
    """Width of the feature-pyramid discriminator."""

    ndf: int = 64
    architecture: str = "fpse"  # one that the generator's method knows


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """GAN mode, weight of each loss, and where the VGG19 weights come from."""

    gan_mode: str = "hinge"  # one of limits.GAN_MODES
    feature_matching: float = 20.0
    perceptual: float = 10.0  # ignored where vgg is "off"
    kl: float = 0.1  # of the mean over the batch; ignored where z_dim is 0
    vgg: str = "keras"  # one of limits.VGG_SOURCES
    vgg_weights: str | None = None  # file; None downloads them


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Adam with two rates (TTUR, Heusel et al. 2017), one optimiser per player."""

    generator_lr: float = 1e-4  # also of the style encoder
    discriminator_lr: float = 4e-4
    beta_1: float = 0.0
    beta_2: float = 0.9
    epsilon: float = 1e-8  # outside the bias correction, as in PyTorch


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which records feed the run and how they are cut."""

    records: str = ""  # folder written by `prepare`; `train --records` sets it
    image_size: tuple[int, int] = (256, 256)  # height, width
    batch_size: int = 32  # over all devices together
    flip: bool = True  # mirror half of the training images
    seed: int = 0  # initial weights, order, crops, flips and noise


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """How long to train and how often to write, in steps unless said otherwise."""

    epochs: int = 100  # at constant learning rates
    decay_epochs: int = 0  # then linearly towards 0
    steps_per_epoch: int | None = None  # None: once through the records
    checkpoint_every: int = 1000
    checkpoint_minutes: float | None = 30.0  # and after so many minutes; none: never
    keep: int = 3  # checkpoints kept, the newest ones; the best one in addition
    images_every: int = 1000  # grids of the fixed validation layouts
    images: int = 8  # rows of such a grid
    validate_every: int = 1000
    validation_images: int = 64
    best: str = "auto"  # metric of the best checkpoint, one of limits.BEST
    average_batches: int = 50  # that the average's batch statistics are estimated on
    skips_allowed: int = 20  # steps in a row that are not finite, before it stops
    log_every: int = 50  # losses, learning rates, images/s


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """The paper's metrics while training; `evaluate` measures a finished run."""

    every_epochs: int = 0  # 0: never
    images: int | None = None  # validation layouts; None: all
    segmenter: str | None = None  # as for `evaluate --segmenter`
    fid: str | None = None  # "download" or the Inception graph's file
    fid_resize: str = "pytorch-fid"  # one of limits.FID_RESIZES


@dataclasses.dataclass(frozen=True)
class StepConfig:
    """How the device computes a training step."""

    # "regenerate", as official, draws the discriminator a new image with the updated
    # generator; "reuse" gives it the one that the generator was just trained on.
    discriminator_fake: str = "regenerate"
    precision: str = "float32"  # or mixed_bfloat16, mixed_float16; weights stay float32
    jit_compile: bool = False  # the whole step by XLA; one device only
    # The same bits in every run on the same machine; slower on GPUs.
    deterministic: bool = False
    # Make predicted kernels, the largest tensors, again for the gradient instead of
    # keeping them: more arithmetic, and 0.89 GB less per 256x256 image at full width.
    recompute_kernels: bool = True


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run.

    Raises:
        InputError: on construction, listing every value out of its range.
    """

    name: str
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizers: OptimizerConfig = OptimizerConfig()
    data: DataConfig = DataConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    step: StepConfig = StepConfig()

    def __post_init__(self):
        """Checks every value; all problems are listed, not only the first."""
        problems = checks.problems(flatten(self))
        if problems:
            raise InputError("the config cannot be used:\n  " + "\n  ".join(problems))

    def to_json(self) -> str:
        """Returns indented JSON that :meth:`from_json` reads back equal."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str, source: str = "config") -> "Config":
        """Parses :meth:`to_json`'s output; ``source`` names the file in messages.

        Raises:
            InputError: for text that is not JSON, unknown or missing keys, wrong types.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{source} is not JSON: {error}") from None
        return from_dict(values, source)


def from_dict(values: object, source: str = "config") -> Config:
    """Builds a config from nested dicts; ``source`` names their file in messages.

    Raises:
        InputError: for unknown or missing keys and for values of the wrong type.
    """
    return parsing.build(Config, values, source)


def flatten(config: Config) -> dict[str, object]:
    """Returns ``{"generator.ngf": 64, ...}``: the keys that ``--set`` knows."""
    flat: dict[str, object] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            for inner in dataclasses.fields(value):
                flat[f"{field.name}.{inner.name}"] = getattr(value, inner.name)
        else:
            flat[field.name] = value
    return flat


def override(config: Config, assignments: Sequence[str]) -> Config:
    """Returns ``config`` with ``key=value`` texts applied, all before the checks.

    Args:
        config: where to start from; it is not changed.
        assignments: such as ``["generator.ngf=32", "data.image_size=256x512"]``.

    Raises:
        InputError: for an unknown key (with the nearest known ones), a value that is
            not of the key's type, or a result that fails :class:`Config`'s checks.
    """
    return parsing.override(config, assignments, "generator.ngf=32")
