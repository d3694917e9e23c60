"""A run's settings and losses for TensorBoard's HParams page."""

from collections.abc import Iterable, Mapping

from tensorboard.plugins.hparams import api

SHOWN_FIRST = ("generator_loss", "discriminator_loss")  # the others follow


def write_hparams(writer, settings: Mapping, losses: Iterable[str]) -> None:
    """Writes the settings once per start of a training.

    Args:
        writer: the run's ``tf.summary`` writer.
        settings: keys and values, as ``config.flatten`` gives them.
        losses: names of the scalars below ``losses/``, which are the metrics.
    """
    values = {key: _plain(value) for key, value in settings.items()}
    names = sorted(losses, key=lambda name: (name not in SHOWN_FIRST, name))
    metrics = [api.Metric(f"losses/{name}", display_name=name) for name in names]
    with writer.as_default(step=0):
        api.hparams_config([api.HParam(key) for key in values], metrics)
        api.hparams(values)
    writer.flush()


def _plain(value):
    """Returns a value as one that TensorBoard takes: a number, a boolean or a text."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return "none" if value is None else value
