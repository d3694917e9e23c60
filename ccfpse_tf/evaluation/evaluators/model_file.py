"""Any Keras file or SavedModel that gives class scores, as an evaluator."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.data.datasets import DATASETS, distinct_colors
from ccfpse_tf.data.label_mapping import dont_care_index
from ccfpse_tf.data.transforms import resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators.evaluator import (
    IGNORED,
    Evaluator,
    describe_files,
    integer_map,
)
from ccfpse_tf.evaluation.networks.resampling import resize_bilinear
from ccfpse_tf.files.saved_model import Signature
from ccfpse_tf.files.text_files import read_json

DESCRIPTION, MODEL_FILE = "segmenter.json", "segmenter.keras"
SCORES = ("softmax", "logits")


class ModelFileEvaluator(Evaluator):
    """The user's own segmentation network, from RGB of 0..255 to class scores.

    Its classes are our label indices; a label index beyond them is ignored.

    Args:
        path: a ``.keras`` file or a SavedModel's folder that maps float32
            ``(batch, height, width, 3)`` to ``(batch, h, w, classes)``. A
            ``segmenter.json`` next to the file or in the folder may name ``classes``
            (names), ``image_size`` (``[height, width]`` that it needs), ``scores``
            (``"softmax"``, or ``"logits"``, which are made probabilities before they
            are resized), ``label_ids`` (that label files have for the classes; default:
            their indices) and ``palette`` (their colours). A folder with such a
            ``segmenter.keras`` may be given, too.
        label_mapping: of the label indices (see ``label_mapping.file_ids``); under
            ``"raw"``, index 0 is not a class and is ignored, too.
        image_size: see :class:`Evaluator`; where the files name a size, images are
            resized to that one afterwards.

    Raises:
        InputError: files that cannot be read or contradict each other.
    """

    def __init__(
        self,
        path: Path,
        label_mapping: str = "identity",
        image_size: tuple[int, int] | None = None,
    ):
        path = Path(path)
        if (path / MODEL_FILE).is_file():
            path = path / MODEL_FILE
        description, source = _description(path)
        model = _open_keras(path) if path.is_file() else _open_saved_model(path)
        names = _class_names(description.get("classes"), model.classes, source)
        if len(names) > IGNORED:
            raise InputError(
                f"{path} has {len(names)} classes; label maps hold at most {IGNORED}, "
                f"as {IGNORED} stands for ignored pixels"
            )
        self.score_kind = description.get("scores")
        self._model = model
        self.dont_care = dont_care_index(label_mapping, len(names), True)
        size = _image_size(description.get("image_size"), model.image_size, source)
        self.input_size = size
        files = [path] if path.is_file() else [path / "saved_model.pb"]
        super().__init__(
            path.name,
            names,
            "present",
            image_size,
            {
                "weights": describe_files(files),
                "label_mapping": label_mapping,
                "input": {
                    "channels": "RGB",
                    "scale": 1,
                    "size": "any" if size is None else list(size),
                    "resize": None if size is None else "Pillow bicubic",
                },
                "scales": [1.0],
                "scores": self.score_kind or "as they are",
                "score_resize": "bilinear",
                "flips": False,
            },
        )
        self.file_ids = _file_ids(description.get("label_ids"), self.classes, source)
        self.palette = _palette(description.get("palette"), self.class_names, source)

    def scores(self, image, size):
        """See :class:`Evaluator`.

        Raises:
            InputError: outputs that are not class scores.
        """
        if self.input_size is not None:
            image = resize_image(image, self.input_size)
        found = self._model.run(tf.constant(image[None], tf.float32))
        shape = tuple(found.shape)
        if len(shape) != 4 or shape[0] != 1 or shape[-1] != self.classes:
            raise InputError(
                f"{self.name} gave an output of shape {shape} for one image; expected "
                f"(1, height, width, {self.classes})"
            )
        found = tf.cast(found, tf.float32)
        if self.score_kind == "logits":
            found = tf.nn.softmax(found)
        elif self.score_kind == "softmax":
            self._check_probabilities(found)
        return resize_bilinear(found, size).numpy()[0]

    def _check_probabilities(self, found):
        worst = float(tf.reduce_max(tf.abs(tf.reduce_sum(found, -1) - 1)))
        if not worst < 0.02:  # float16 outputs are that coarse
            raise InputError(
                f'{self.name}: {DESCRIPTION} says "scores": "softmax", but they do not '
                f'add up to 1 (off by {worst:.3g}); say "logits", or leave it out'
            )

    def labels(self, label):
        """Label indices below ``classes`` as they are; the others are ignored."""
        label = integer_map(label, self.name).astype(np.int64)
        if label.size and label.min() < 0:
            raise InputError(f"{self.name}: label index {label.min()} is below 0")
        ignored = (label >= self.classes) | (label == self.dont_care)
        return np.where(ignored, IGNORED, label).astype(np.int32)


@dataclass(frozen=True)
class _Model:
    """A function that runs a model, and the model's facts (None where it has none)."""

    run: object
    classes: int | None
    image_size: tuple[int, int] | None


def _open_keras(path):
    try:
        with zipfile.ZipFile(path) as archive:
            uses_keras_cv = b"keras_cv" in archive.read("config.json")
        if uses_keras_cv:
            import keras_cv  # noqa: F401  registers its classes

        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # of zipfile, h5py or Keras
        raise InputError(f"{path}: cannot be read as a Keras model: {error}") from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            f"{path}: has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "an evaluator has one of each, images and class scores"
        )
    run = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    return _Model(run, model.output_shape[-1], _known(model.input_shape[1:3]))


def _open_saved_model(path):
    try:
        run = Signature(path)
    except Exception as error:  # of tf.errors, or KeyError
        raise InputError(
            f"{path}: cannot be read as a SavedModel with the signature "
            f"serving_default: {error}"
        ) from error
    if len(run.inputs) != 1 or len(run.outputs) != 1:
        raise InputError(
            f"{path}: its signature has {len(run.inputs)} inputs and "
            f"{len(run.outputs)} outputs; an evaluator has one of each, images and "
            "class scores"
        )
    ((name, spec),) = run.inputs.items()
    ((output, scores),) = run.outputs.items()
    return _Model(
        lambda x: run(**{name: tf.cast(x, spec.dtype)})[output],
        _last(scores.shape),
        _known(spec.shape[1:3] if spec.shape.rank == 4 else ()),
    )


def _last(shape):
    return shape[-1] if shape.rank else None


def _known(size):
    size = tuple(size)
    return None if len(size) != 2 or None in size else size


def _description(path):
    file = (path.parent if path.is_file() else path) / DESCRIPTION
    if not file.is_file():
        return {}, file
    found = read_json(file, "a description of an evaluator")
    if not isinstance(found, dict):
        raise InputError(f"{file}: is not an object with classes, image_size, scores")
    if found.get("scores") not in (*SCORES, None):
        raise InputError(
            f"{file}: scores is {found['scores']!r}; allowed are {', '.join(SCORES)}"
        )
    return found, file


def _class_names(said, found, source):
    if said is None:
        if found is None:
            raise InputError(
                f"{source}: needed, with the classes' names, as the model does not say "
                "how many scores it gives"
            )
        return [f"class {index}" for index in range(found)]
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        raise InputError(f"{source}: classes is {said!r}; it has to be a list of names")
    if found is not None and found != len(said):
        raise InputError(
            f"{source}: names {len(said)} classes, but the model gives {found} scores"
        )
    return said


def _file_ids(said, classes, source):
    if said is None:
        return tuple(range(classes))
    good = isinstance(said, list) and len(set(map(str, said))) == len(said) == classes
    if not good or not all(type(x) is int and 0 <= x < 65536 for x in said):
        raise InputError(
            f"{source}: label_ids is {said!r}; it has to be a list of {classes} ids of "
            "0 to 65535, no two alike"
        )
    return tuple(said)


def _palette(said, names, source):
    if said is None:
        known = (x.palette for x in DATASETS.values() if x.class_names == names)
        return next(known, distinct_colors(len(names)))
    good = isinstance(said, list) and len(said) == len(names)
    for color in said if good else ():
        good &= isinstance(color, list) and len(color) == 3
        good = good and all(type(x) is int and 0 <= x < 256 for x in color)
    if not good:
        raise InputError(
            f"{source}: palette is {said!r}; it has to be a list of {len(names)} "
            "colours [red, green, blue] of 0 to 255"
        )
    return tuple(map(tuple, said))


def _image_size(said, found, source):
    if said is None:
        return found
    good = isinstance(said, list) and len(said) == 2
    if not good or not all(type(length) is int and length > 0 for length in said):
        raise InputError(
            f"{source}: image_size is {said!r}; it has to be [height, width]"
        )
    if found is not None and found != tuple(said):
        raise InputError(
            f"{source}: image_size is {said}, but the model takes {list(found)}"
        )
    return tuple(said)
