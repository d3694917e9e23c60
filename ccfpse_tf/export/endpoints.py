"""The signatures of an exported model, as functions to be traced."""

import tensorflow as tf

from ccfpse_tf.data.transforms import normalize_image, to_uint8
from ccfpse_tf.export.graph_checks import all_rows, require, require_rows
from ccfpse_tf.export.id_table import IdTable
from ccfpse_tf.export.images import decode_maps, decode_photos, resize_photos
from ccfpse_tf.export.sizes import Sizes
from ccfpse_tf.export.stored_weights import StoredWeights
from ccfpse_tf.gan.synthesizer import Synthesizer

FORMAT = 1  # of what `describe` answers
# The default, 6, takes nearly three times as long, for files a quarter shorter.
_COMPRESSION = 1


class Endpoints:
    """The functions of a model that a server offers; `signatures` lists them.

    Args:
        model: the trained model; its running average is used, if there is one.
        ids: file ids and their class indices.
        sizes: of the images that can be generated.
        precision: of the stored weights. The computation is in bfloat16 for
            ``bfloat16``, else in float32.
        describe: the JSON that ``describe`` answers.

    Attributes:
        weights: everything that the graphs read.
    """

    def __init__(
        self, model: Synthesizer, ids: IdTable, sizes: Sizes, precision: str, describe
    ):
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self.ids, self.sizes = ids, sizes
        self.description = describe
        own = model.layout_encoding
        self.label_channels, self.instances = own.label_channels, own.instances
        self._layout = model.layout_in(policy)
        self._generator = _in_policy(model.drawing_generator, policy)
        self._encoder = _in_policy(model.encoder, policy)
        self.z_dim = model.z_dim
        self.image_size = tuple(self._generator.image_size)
        networks = [self._generator, self._encoder]
        self.weights = StoredWeights(
            [weight for network in networks if network for weight in network.weights],
            precision,
        )
        self._draw = tf.function(
            self._draw_once, autograph=False, reduce_retracing=True
        )
        self._encode = tf.function(self._encode_once, autograph=False)

    def serve(self, **inputs):
        """Encoded maps and seeds to encoded images."""
        inputs = require_rows(**inputs)
        label, instance = self._decoded(inputs)
        z = _noise(inputs["seed"], self.z_dim) if self.z_dim else None
        return {"image_bytes": _encode_png(self._draw(label, instance, z))}

    def synthesize_bytes(self, **inputs):
        """Encoded maps and style codes to encoded images."""
        inputs = require_rows(**inputs)
        label, instance = self._decoded(inputs)
        z = self._checked_code(inputs["z"])
        return {"image_bytes": _encode_png(self._draw(label, instance, z))}

    def stylize_bytes(self, **inputs):
        """Encoded maps and photos to encoded images in their mean style."""
        inputs = require_rows(**inputs)
        label, instance = self._decoded(inputs)
        photo = decode_photos(inputs["style_bytes"], "style_bytes", self.image_size)
        mean, _ = self._encode(photo)
        return {"image_bytes": _encode_png(self._draw(label, instance, mean))}

    def synthesize(self, **inputs):
        """Class indices, maybe instances and style codes, to images."""
        inputs = require_rows(**inputs)
        z = self._checked_code(inputs["z"]) if self.z_dim else None
        return {"image": self._draw(*self._checked_maps(inputs), z)}

    def stylize(self, **inputs):
        """Class indices, maybe instances, and photos, to images in their mean style."""
        inputs = require_rows(**inputs)
        mean, _ = self._encode(self._checked_photo(inputs, "style_image"))
        return {"image": self._draw(*self._checked_maps(inputs), mean)}

    def encode(self, **inputs):
        """Photos to mean and log-variance of their style."""
        inputs = require_rows(**inputs)
        mean, log_variance = self._encode(self._checked_photo(inputs, "image"))
        return {"mean": mean, "log_variance": log_variance}

    def describe(self, **inputs):
        """Returns the model's description as JSON."""
        wanted = require_rows(**inputs)["format"]
        [wanted] = require(
            [wanted],
            all_rows(
                wanted == FORMAT,
                lambda row: tf.strings.format(
                    f"format[{{}}] is {{}}; this model describes itself in {FORMAT}",
                    [row, wanted[row]],
                ),
            ),
        )
        text = tf.constant(self.description)
        return {"description_bytes": tf.fill(tf.shape(wanted), text)}

    def draw(self, label, instance=None, z=None):
        """Images of inputs that have been checked."""
        return self._draw(label, instance, z)

    def _decoded(self, inputs):
        label = decode_maps(inputs["label_bytes"], "label_bytes", self.sizes)
        label = self.ids.indices(label, "label_bytes")
        if not self.instances:
            return label, None
        encoded = inputs["instance_bytes"]
        return label, decode_maps(encoded, "instance_bytes", self.sizes, label)

    def _checked_maps(self, inputs):
        label, instance = inputs["label"], inputs.get("instance")
        height, width = tf.unstack(tf.shape(label)[1:])
        allowed = (
            "label is {}x{} (height x width), the model generates " + self.sizes.allowed
        )
        checks = [
            (
                self.sizes.passed(height, width),
                tf.strings.format(allowed, [height, width]),
            )
        ]
        if instance is not None:
            same = tf.reduce_all(tf.shape(label) == tf.shape(instance))
            message = "label has the shape {}, instance {}: they must be equal"
            shapes = [tf.shape(label), tf.shape(instance)]
            checks.append((same, tf.strings.format(message, shapes)))
        [label] = require([label], *checks)
        label = _in_range(label, self.label_channels)
        shape = (None, *self.sizes.shape())
        if instance is not None:
            [instance] = require([instance], *checks)
            instance = tf.ensure_shape(instance, shape)
        return tf.ensure_shape(label, shape), instance

    def _checked_code(self, z):
        width = tf.shape(z)[1]
        [z] = require(
            [z],
            (
                width == self.z_dim,
                tf.strings.format(
                    f"z has {{}} values per image, the model takes {self.z_dim}", width
                ),
            ),
        )
        [z] = require(
            [z],
            all_rows(
                tf.reduce_all(tf.math.is_finite(z), -1),
                lambda row: tf.strings.format("z[{}] holds NaN or infinity", row),
            ),
        )
        return tf.ensure_shape(z, (None, self.z_dim))

    def _checked_photo(self, inputs, name):
        photo = inputs[name]
        shape = tf.shape(photo)
        [photo] = require(
            [photo],
            (
                (shape[3] == 3) & tf.reduce_all(shape > 0),
                tf.strings.format(
                    f"{name} has the shape {{}}; send (batch, height, width, 3)", shape
                ),
            ),
        )
        photo = tf.ensure_shape(photo, (None, None, None, 3))
        return resize_photos(photo, self.image_size)

    def _draw_once(self, label, instance, z):
        with self.weights.in_place():
            semantics = self._layout(label, instance)
            return to_uint8(self._generator(semantics, z, training=False))

    def _encode_once(self, photo):
        with self.weights.in_place():
            return self._encoder(normalize_image(photo), training=False)


def _in_policy(network, policy):
    """The network, or a copy of it that computes in another precision."""
    if network is None or network.dtype_policy.name == policy:
        return network
    copy = type(network).from_config(network.get_config() | {"dtype": policy})
    copy.build()
    for mine, theirs in zip(copy.weights, network.weights, strict=True):
        mine.assign(theirs)
    return copy


def _in_range(label, channels):
    flat = tf.reshape(label, (-1,))
    wrong = tf.argmax(tf.cast((flat < 0) | (flat >= channels), tf.int32))
    known = tf.reduce_all((flat >= 0) & (flat < channels))
    place = tf.unravel_index(wrong, tf.shape(label, tf.int64))
    message = f"label{{}} is {{}}; class indices are 0..{channels - 1}"
    [label] = require(
        [label], (known, tf.strings.format(message, [place, flat[wrong]]))
    )
    return label


def _noise(seeds, z_dim):
    """Standard normal ``(batch, z_dim)``; every row depends on its own seed alone."""

    def one(seed):
        # XLA would choose another generator, and give other numbers.
        key = tf.stack([seed, 0])
        return tf.random.stateless_normal((z_dim,), key, alg="philox")

    return tf.map_fn(
        one, seeds, fn_output_signature=tf.TensorSpec((z_dim,), tf.float32)
    )


def _encode_png(images):
    return tf.map_fn(
        lambda image: tf.io.encode_png(image, _COMPRESSION),
        images,
        fn_output_signature=tf.TensorSpec((), tf.string),
    )
