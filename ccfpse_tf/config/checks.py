"""Which values a config may have; :class:`~ccfpse_tf.config.Config` asks."""

import math
from collections.abc import Mapping

GAN_MODES = ("hinge", "least_squares", "original", "wasserstein")
VGG_SOURCES = ("keras", "torchvision", "off")
DISCRIMINATOR_FAKES = ("regenerate", "reuse")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# auto: perceptual where there is that network
BEST = ("auto", "perceptual", "l1", "fid", "mean_iou")
FID_RESIZES = ("tf1", "pytorch-fid", "clean-fid")
MEASURED_BY = {"fid": "evaluation.fid", "mean_iou": "evaluation.segmenter"}
CHOICES = {
    "generator.architecture": ("ccfpse",),
    "discriminator.architecture": ("fpse",),
    "evaluation.fid_resize": FID_RESIZES,
    "losses.gan_mode": GAN_MODES,
    "losses.vgg": VGG_SOURCES,
    "schedule.best": BEST,
    "step.discriminator_fake": DISCRIMINATOR_FAKES,
    "step.precision": PRECISIONS,
}


def problems(flat: Mapping[str, object]) -> list[str]:
    """Returns what is wrong with the values of a config, one text per problem.

    Args:
        flat: ``{"generator.ngf": 64, ...}``, every key of a config.
    """
    return [*_out_of_range(flat), *_unfit(flat)]


def _out_of_range(flat):
    problems = []

    def check(keys, accept, wanted):
        for key in keys.split():
            if not accept(flat[key]):
                problems.append(f"{key} is {flat[key]!r}; it must be {wanted}")

    check(
        "generator.ngf generator.hidden discriminator.ndf data.batch_size "
        "schedule.checkpoint_every schedule.keep schedule.images_every "
        "schedule.images schedule.log_every schedule.validate_every "
        "schedule.validation_images schedule.average_batches",
        lambda value: value >= 1,
        "1 or more",
    )
    check(
        "generator.z_dim data.seed schedule.epochs schedule.decay_epochs "
        "schedule.skips_allowed evaluation.every_epochs",
        lambda value: value >= 0,
        "0 or more",
    )
    check("generator.depth", lambda value: value in (5, 6), "5 or 6")
    check(
        "losses.feature_matching losses.perceptual losses.kl",
        lambda value: 0 <= value < math.inf,
        "0 or more and finite",
    )
    check(
        "optimizers.generator_lr optimizers.discriminator_lr optimizers.epsilon",
        lambda value: 0 < value < math.inf,
        "above 0 and finite",
    )
    check(
        "optimizers.beta_1 optimizers.beta_2 generator.average_decay",
        lambda value: 0 <= value < 1,
        "at least 0 and below 1",
    )
    for key, values in CHOICES.items():
        check(key, values.__contains__, f"one of {values}")
    check(
        "schedule.checkpoint_minutes",
        lambda value: value is None or 0 < value < math.inf,
        "none or above 0",
    )
    check(
        "schedule.steps_per_epoch evaluation.images",
        lambda value: value is None or value >= 1,
        "none or 1 or more",
    )
    return problems


def _unfit(flat):
    problems = []
    if flat["schedule.best"] == "perceptual" and flat["losses.vgg"] == "off":
        problems.append(
            "schedule.best is 'perceptual', which losses.vgg 'off' cannot measure; "
            "choose 'l1', or a source of the VGG weights"
        )
    problems += _unmeasured(flat)
    if flat["schedule.epochs"] + flat["schedule.decay_epochs"] < 1:
        problems.append("schedule.epochs and schedule.decay_epochs are both 0")
    return problems


def _unmeasured(flat):
    best, every = flat["schedule.best"], flat["evaluation.every_epochs"]
    measures = [key for key in MEASURED_BY.values() if flat[key]]
    if best in MEASURED_BY and not (flat[MEASURED_BY[best]] and every):
        yield (
            f"schedule.best is {best!r}, which is not measured; set "
            f"{MEASURED_BY[best]} and evaluation.every_epochs"
        )
    if every and not measures:
        yield (
            f"evaluation.every_epochs is {every}, but there is nothing to measure; set "
            + " or ".join(MEASURED_BY.values())
        )
    if measures and not every:
        yield f"{measures[0]} is set; evaluation.every_epochs 0 never uses it"
