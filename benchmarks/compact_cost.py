"""The cost of compact generators: weights, arithmetic, and time beside each other.

    python -m benchmarks.compact_cost [--size 256x256]

The generators are those of `python -m benchmarks.training_choices compact`, which
measures what their images are worth. They draw one layout in turn, in one process; the
processor's time is told as a ratio to the first.
"""

import argparse
import math
import operator
import resource
import statistics
import sys

from benchmarks.training_choices import EXPERIMENTS, SMALL
from ccfpse_tf.data.prepare.arguments import size as parse_size
from ccfpse_tf.runtime.startup import import_tensorflow
from ccfpse_tf.runtime.text_table import text_table

CLASSES = 13
ROUNDS = 7


def main(argv=None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=parse_size, default=(256, 256), metavar="HxW")
    size = parser.parse_args(argv).size
    import_tensorflow()
    arms = {
        name: generator_of(settings, size)
        for name, settings in EXPERIMENTS["compact"].items()
    }
    draws = {name: drawing(generator, size) for name, generator in arms.items()}
    times = processor_seconds(draws)
    first = next(iter(times.values()))
    rows = [
        (
            name,
            f"{arms[name].count_params() / 1e6:.2f}",
            _gmac(arms[name], size),
            f"{statistics.median(map(operator.truediv, seconds, first)):.2f}",
        )
        for name, seconds in times.items()
    ]
    heads = "generator", "million weights", "GMAC", "time, to the first"
    print(text_table(heads, rows))
    return 0


def generator_of(settings, size):
    """Builds the generator of an arm."""
    from ccfpse_tf.config import Config, override
    from ccfpse_tf.gan.methods import method_of

    texts = [f"{key}={value}" for key, value in (SMALL | settings).items()]
    texts = [text for text in texts if text.startswith("generator.")]
    texts += [f"data.image_size={size[0]}x{size[1]}", "losses.perceptual_network=off"]
    config = override(Config(name="cost"), texts)
    generator = method_of(config).generator(config, CLASSES)
    generator.build()
    return generator


def drawing(generator, size):
    """Returns a function that draws a layout of bands, compiled."""
    import tensorflow as tf

    from ccfpse_tf.ops.layout import Layout

    rows = tf.range(size[0])[None, :, None] * CLASSES // size[0]
    label = tf.broadcast_to(rows, (1, *size))
    layout = Layout(label, tf.zeros((1, *size, 0)))
    z = tf.zeros((1, generator.z_dim))
    draw = tf.function(lambda: generator(layout, z, training=False))
    return draw.get_concrete_function()


def processor_seconds(draws):
    """Returns ``{name: [seconds, ...]}``, measured in turn."""
    times = {name: [] for name in draws}
    for draw in draws.values():
        draw()  # the first call allocates
    for _ in range(ROUNDS):
        for name, draw in draws.items():
            before = _used()
            draw()
            times[name].append(_used() - before)
    return times


def _used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _gmac(generator, size):
    if generator.architecture != "ccfpse_compact":
        return ""  # its arithmetic is in docs/performance.md
    return f"{multiply_adds(generator, size) / 1e9:.2f}"


def multiply_adds(generator, size) -> int:
    """Counts the multiplications with weights of a compact generator's image.

    Args:
        generator: the generator.
        size: ``(height, width)`` of the image.
    """
    # A convolution multiplies each of its weights at each place of its result.
    finest = math.prod(size) // 4
    levels = len(generator.blocks)
    places = [finest // 4**n for n in range(levels - 1, -1, -1)]  # coarse to fine
    pyramid = generator.pyramid
    pairs = [
        *zip(pyramid.bottom_up, places[::-1], strict=True),
        *zip(pyramid.lateral, places[1:], strict=True),
        *zip(pyramid.top_down, places[1:], strict=True),
        *zip(generator.blocks, places, strict=True),
        (generator.latent, places[0]),
        (generator.cell_convolution, finest),
        (generator.image_convolution, 4 * finest),
    ]
    return sum(count * _kernels(layer) for layer, count in pairs)


def _kernels(layer):
    """Values of all kernels of a layer; those that read the style are used once."""
    kernels = [
        weight
        for weight in layer.trainable_weights
        if "kernel" in weight.name and len(weight.shape) == 4
    ]
    return sum(math.prod(weight.shape) for weight in kernels)


if __name__ == "__main__":
    sys.exit(main())
