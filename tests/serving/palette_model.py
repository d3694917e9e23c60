"""A SavedModel with all signatures of an exported one, which paints with a palette.

Every class becomes its colour, shifted by the style; so tests know the right picture.
"""

import base64
import dataclasses
import io
import json

import numpy as np
import tensorflow as tf
from PIL import Image

PALETTE = np.array([[0, 0, 0], [200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)
CLASSES = len(PALETTE)
Z_DIM = 2


class PaletteModel(tf.Module):
    """Args: instances, whether there are instance maps; step, for the description."""

    def __init__(self, instances=True, step=7):
        super().__init__()
        self.palette = tf.Variable(PALETTE.astype(np.int32), trainable=False)
        self.instances = instances
        self.description = json.dumps(self._describe(step)).encode()

    def draw(self, label, shift):
        """``(batch, h, w)`` indices, ``(batch,)`` shifts -> uint8 images."""
        wrong = tf.reduce_any((label < 0) | (label >= CLASSES))
        message = f"label: an index is not in 0..{CLASSES - 1}"
        with tf.control_dependencies([tf.Assert(~wrong, [message])]):
            image = tf.gather(self.palette, tf.clip_by_value(label, 0, CLASSES - 1))
        return tf.cast((image + shift[:, None, None, None]) % 256, tf.uint8)

    def draw_files(self, label_bytes, shift):
        """PNG strings -> PNG strings."""

        def decode(content):
            return tf.cast(tf.io.decode_png(content, channels=1)[..., 0], tf.int32)

        label = tf.map_fn(decode, label_bytes, fn_output_signature=tf.int32)
        image = self.draw(tf.ensure_shape(label, (None, None, None)), shift)
        return tf.map_fn(tf.io.encode_png, image, fn_output_signature=tf.string)

    def signatures(self):
        """``{name: concrete function}``."""
        strings = tf.TensorSpec((None,), tf.string)
        numbers = tf.TensorSpec((None,), tf.int64)
        maps = tf.TensorSpec((None, None, None), tf.int32)
        images = tf.TensorSpec((None, None, None, 3), tf.uint8)
        codes = tf.TensorSpec((None, Z_DIM), tf.float32)
        files = {"label_bytes": strings, "seed": numbers}
        arrays = {"label": maps}
        photos = {"label_bytes": strings, "style_bytes": strings}
        coded = {"label_bytes": strings, "z": codes}
        if self.instances:
            for inputs in (files, photos, coded):
                inputs["instance_bytes"] = strings
            arrays["instance"] = maps
        table = {
            "serving_default": (self._serve, files),
            "stylize_bytes": (self._stylize_files, photos),
            "synthesize": (self._synthesize, arrays | {"z": codes}),
            "synthesize_bytes": (self._synthesize_files, coded),
            "stylize": (self._stylize, arrays | {"style_image": images}),
            "encode": (self._encode, {"image": images}),
            "describe": (self._tell, {"format": numbers}),
        }
        return {
            name: tf.function(function).get_concrete_function(
                **{key: tf.TensorSpec(s.shape, s.dtype, key) for key, s in spec.items()}
            )
            for name, (function, spec) in table.items()
        }

    def _serve(self, label_bytes, seed, instance_bytes=None):
        shift = tf.cast(seed % 50, tf.int32)
        return {"image_bytes": self.draw_files(label_bytes, shift)}

    def _stylize_files(self, label_bytes, style_bytes, instance_bytes=None):
        def mean(content):
            photo = tf.io.decode_image(content, channels=3, expand_animations=False)
            return tf.reduce_mean(tf.cast(photo, tf.int32))

        shift = tf.map_fn(mean, style_bytes, fn_output_signature=tf.int32)
        return {"image_bytes": self.draw_files(label_bytes, shift)}

    def _synthesize(self, label, z, instance=None):
        return {"image": self.draw(label, tf.cast(z[:, 0], tf.int32))}

    def _synthesize_files(self, label_bytes, z, instance_bytes=None):
        shift = tf.cast(z[:, 0], tf.int32)
        return {"image_bytes": self.draw_files(label_bytes, shift)}

    def _stylize(self, label, style_image, instance=None):
        shift = tf.reduce_mean(tf.cast(style_image, tf.int32), (1, 2, 3))
        return {"image": self.draw(label, shift)}

    def _encode(self, image):
        mean = tf.reduce_mean(tf.cast(image, tf.float32), (1, 2))[:, :Z_DIM]
        return {"mean": mean, "log_variance": -mean}

    def _tell(self, format):
        tf.debugging.assert_equal(format, tf.ones_like(format), "format must be 1")
        return {"description_bytes": tf.fill(tf.shape(format), self.description)}

    def _describe(self, step):
        label = base64.b64encode(png(np.eye(8, dtype=np.uint8))).decode()
        return {
            "format": 1,
            "name": "palette",
            "title": "Palettes",
            "step": step,
            "image_size": [8, 8],
            "instances": self.instances,
            "z_dim": Z_DIM,
            "classes": [
                {"index": i, "file_id": i, "name": f"class {i}"}
                | {"color": "#" + PALETTE[i].tobytes().hex()}
                for i in range(CLASSES)
            ],
            "dont_care_index": None,
            "precision": "float32",
            "versions": {"tensorflow": tf.__version__},
            "examples": [{"label_bytes": label, "instance_bytes": ""}],
            "styles": [{"name": "dusk", "z": [9.0, 0.5], "image": label}],
        }


def save(folder, instances=True, step=7):
    """Writes a version; returns its folder."""
    model = PaletteModel(instances, step)
    tf.saved_model.save(model, str(folder), signatures=model.signatures())
    return folder


@dataclasses.dataclass
class LiveSignature:
    """A signature as a model in this process has it; ``traces`` counts."""

    function: object
    traces: int = 0

    def __post_init__(self):
        given, named = self.function.structured_input_signature
        self.inputs = {spec.name: spec for spec in (*given, *named.values())}
        self.outputs = self.function.structured_outputs

    def trace(self):
        self.traces += 1
        return self.function


def png(array):
    """An array as a PNG file's bytes."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def b64(content):
    """Bytes as JSON holds them."""
    return {"b64": base64.b64encode(content).decode()}


def picture(answer):
    """The array of ``{"b64": PNG}``."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["b64"]))))


def expected(label, shift=0):
    """Returns the images that the model should make."""
    return ((PALETTE[label].astype(int) + shift) % 256).astype(np.uint8)
