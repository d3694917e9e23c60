"""Checks that the values of a config fit each other.

The range of a single value is on its field in :mod:`ccfpse_tf.config.networks` or
:mod:`ccfpse_tf.config.sections`.
"""

from collections.abc import Iterator

MEASURED_BY = {
    "fid": "evaluation.fid",
    "kid_lite0": "evaluation.features",
    "mean_iou": "evaluation.segmenter",
}
_LITE0 = "efficientnet-lite0"


def problems(config) -> Iterator[str]:
    """Yields a text for every pair of values that does not fit.

    Args:
        config: a :class:`~ccfpse_tf.config.Config`, its single values checked.
    """
    if (
        config.schedule.best == "perceptual"
        and config.losses.perceptual_network == "off"
    ):
        yield (
            "schedule.best is 'perceptual', which losses.perceptual_network 'off' "
            "cannot measure; choose 'l1', or a network"
        )
    height, width = config.data.image_size
    if config.data.quarter_turns and height != width:
        yield (
            f"data.quarter_turns needs a square data.image_size, not {height}x{width}"
        )
    yield from _metric_problems(config.schedule.best, config.evaluation)
    epochs = config.schedule.epochs + config.schedule.decay_epochs
    if config.schedule.small_epochs > epochs:
        yield (
            f"schedule.small_epochs is {config.schedule.small_epochs}, of {epochs} "
            "epochs in all"
        )
    if epochs < 1:
        yield "schedule.epochs and schedule.decay_epochs are both 0"


def _metric_problems(best, evaluation):
    measured = {
        "fid": evaluation.fid,
        "kid_lite0": evaluation.features,
        "mean_iou": evaluation.segmenter,
    }
    every = evaluation.every_epochs
    if best in measured and not (measured[best] and every):
        yield (
            f"schedule.best is {best!r}, which is not measured; set "
            f"{MEASURED_BY[best]} and evaluation.every_epochs"
        )
    elif best == "kid_lite0" and evaluation.features.partition(":")[0] != _LITE0:
        yield (
            f"schedule.best is 'kid_lite0', which evaluation.features "
            f"{evaluation.features!r} does not measure; set it to {_LITE0}"
        )
    if evaluation.fid and evaluation.features:
        yield "evaluation.fid and evaluation.features exclude each other; choose one"
    if every and not any(measured.values()):
        yield (
            f"evaluation.every_epochs is {every}, but there is nothing to measure; set "
            + " or ".join(MEASURED_BY.values())
        )
    unused = [MEASURED_BY[metric] for metric in measured if measured[metric]]
    if unused and not every:
        yield f"{unused[0]} is set; evaluation.every_epochs 0 never uses it"
