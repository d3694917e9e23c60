"""Settings that were asked for and that the chosen networks do not read."""

from collections.abc import Sequence

from ccfpse_tf.config import Config, flatten
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.adversaries import ADVERSARIES
from ccfpse_tf.gan.methods import METHODS, method_of


def unread(config: Config, assignments: Sequence[str]) -> list[str]:
    """Returns the keys that were asked for and that training a config does not read.

    Keys that have their default value anyway are none of them.

    Args:
        config: that can be trained.
        assignments: the texts for ``config.override`` that asked.
    """
    method = method_of(config)
    adversary = method.adversaries[config.discriminator.architecture]
    values, defaults = flatten(config), flatten(Config(name=config.name))
    ignored = {key for key in values if readers(key) and values[key] != defaults[key]}
    ignored -= {*method.reads, *adversary.reads}
    if config.generator.z_dim == method.z_dim(config):
        ignored -= {"generator.z_dim"}  # 0, true of methods without style code
    keys = (assignment.partition("=")[0].strip() for assignment in assignments)
    return [key for key in dict.fromkeys(keys) if key in ignored]


def refuse_unread(config: Config, assignments: Sequence[str]) -> None:
    """Refuses settings that would change nothing.

    Args:
        config: that can be trained.
        assignments: the texts for ``config.override`` that asked.

    Raises:
        InputError: naming the settings, and what reads them.
    """
    if found := unread(config, assignments):
        lines = [f"{key} is read by {', '.join(readers(key))}" for key in found]
        raise InputError(
            f"{config.generator.architecture} with the discriminator "
            f"{config.discriminator.architecture} does not read these settings; leave "
            "them out:\n  " + "\n  ".join(lines)
        )


def readers(key: str) -> list[str]:
    """Returns the generators and discriminators that a key is for; none: it is for all.

    Args:
        key: such as ``"generator.mixed"``.
    """
    rows = [*METHODS.items(), *ADVERSARIES.items()]
    return [name for name, row in rows if key in row.reads]
