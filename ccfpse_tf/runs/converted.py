"""``converted.json`` of a run: the official files that its first weights came from."""

import json
from pathlib import Path

from ccfpse_tf.errors import InputError

FILE_NAME = "converted.json"


def missing_networks(directory: Path) -> tuple[str, ...]:
    """Returns the networks that a converted run lacks, such as "discriminator".

    Their weights in its checkpoint are random ones. Empty for a run that was trained.

    Raises:
        InputError: a file that cannot be read.
    """
    path = Path(directory) / FILE_NAME
    if not path.exists():
        return ()
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8"))["missing"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: is damaged ({error!r}); convert the files again"
        ) from error


def refuse_training(directory: Path) -> None:
    """Refuses to train a run that lacks some of its networks.

    Raises:
        InputError: names the missing networks.
    """
    missing = missing_networks(directory)
    if missing:
        raise InputError(
            f"{directory} was converted without {' and '.join(missing)}, so it can "
            "generate images but not be trained; convert again with "
            + " ".join(f"--{name} FILE" for name in missing)
            + ", or start another run"
        )
