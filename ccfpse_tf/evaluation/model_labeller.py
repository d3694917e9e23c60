"""Label maps of photos for an exported model: its classes, its size."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccfpse_tf.data.image_files import decode_photo, encode_png
from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators import Evaluator, open_evaluator

_SHOWN = 5  # names of classes in a message


def open_labeller(spec: str, model: Mapping) -> Callable[[bytes], bytes]:
    """Opens an evaluator that labels photos in the classes of a model.

    Args:
        spec: of the evaluator, as :func:`open_evaluator` takes it.
        model: description of itself that the exported model gives.

    Returns:
        A function from a photo's file to a grey PNG of the model's file ids and size,
        which raises InputError for what cannot be read as a photo.

    Raises:
        InputError: an evaluator that cannot be opened, or with classes that are not the
            model's.
    """
    evaluator = open_evaluator(spec, multi_scale=False)
    known = {entry["name"]: entry["file_id"] for entry in model["classes"]}
    ids = matching_ids(evaluator, known, f"--evaluator {spec}", model["name"])
    size = tuple(model["image_size"])

    def label(content: bytes) -> bytes:
        photo = decode_photo(content, "the photo").pixels
        classes = resize_ids(_middle(evaluator.label_photo(photo), size), size)
        return encode_png(ids[classes])

    return label


def matching_ids(
    evaluator: Evaluator, known: Mapping[str, int], option: str, model: str
) -> np.ndarray:
    """Returns the id that a model has for every class of an evaluator, by their names.

    Args:
        evaluator: whose classes are looked up.
        known: name of a class of the model -> id.
        option: that gave the evaluator, for the message.
        model: its name, for the message.

    Raises:
        InputError: a class that the model does not have.
    """
    missing = [name for name in evaluator.class_names if name not in known]
    if missing:
        raise InputError(
            f"{option}: knows {_few(missing)}, not among the classes of the "
            f"model {model}: {_few(list(known))}; give a network for the same "
            "classes, such as a recipe's `segmenter` makes of the model's records"
        )
    ids = np.array([known[name] for name in evaluator.class_names])
    return ids.astype(np.uint8 if ids.max() < 256 else np.uint16)


def _middle(classes, size):
    """The largest part in the middle that has the ratio of ``(height, width)``."""
    height, width = classes.shape
    scale = min(height / size[0], width / size[1])
    rows, columns = (max(round(side * scale), 1) for side in size)
    top, left = (height - rows) // 2, (width - columns) // 2
    return classes[top : top + rows, left : left + columns]


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
