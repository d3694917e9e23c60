"""A generator whose weights are a running average of the trained one's.

The average makes steadier images than any single step's weights (Yazici et al. 2019,
"The unusual effectiveness of averaging in GAN training"); the published CC-FPSE numbers
were made without it.
"""

import tensorflow as tf

from ccfpse_tf.layers.normalization import BatchNormalization


def copy_of(generator):
    """Returns a copy of the generator with the same weights, which is not trained."""
    config = generator.get_config() | {"name": f"average_{generator.name}"}
    average = type(generator).from_config(config)
    average.build()
    average.trainable = False
    for mine, trained in zip(average.weights, generator.weights, strict=True):
        mine.assign(trained)
    return average


def update(average, generator, decay: float, steps) -> None:
    """Moves the average towards the generator; to be called once per training step.

    ``average += (1 - d) * (generator - average)`` with
    ``d = min(decay, (1 + steps) / (10 + steps))``, so that the random weights of the
    start are soon forgotten. Batch statistics and spectral vectors are copied; those of
    the averaged weights are found by :func:`accumulating_statistics` when needed.

    Args:
        average: from :func:`copy_of`.
        generator: the trained one.
        decay: below 1.
        steps: done before this one, a scalar tensor.
    """
    steps = tf.cast(steps, tf.float32)
    share = 1 - tf.minimum(decay, (1 + steps) / (10 + steps))
    trained = {id(variable) for variable in generator.trainable_variables}
    pairs = [
        (mine.value, source.value, id(source) in trained)
        for mine, source in zip(average.weights, generator.weights, strict=True)
    ]

    def on_all_devices(strategy, share):
        for mine, source, averaged in pairs:
            function = _approach if averaged else _copy
            # On every device its own copies: nothing is sent between them.
            strategy.extended.update(mine, function, (source, share), group=False)

    tf.distribute.get_replica_context().merge_call(on_all_devices, (share,))


def _approach(mine, source, share):
    mine.assign_add((source - mine) * tf.cast(share, mine.dtype))


def _copy(mine, source, share):
    mine.assign(source)


class accumulating_statistics:  # noqa: N801, used like a function
    """A context in which batch statistics become the mean over all batches so far.

    Args:
        network: the one with the batch normalisations.
        count: batches seen before this one, a scalar tensor.
    """

    def __init__(self, network, count):
        self._norms = [
            layer
            for layer in network._flatten_layers()
            if isinstance(layer, BatchNormalization)
        ]
        self._weight = tf.cast(count / (count + 1), tf.float32)

    def __enter__(self):
        self._usual = [norm.momentum for norm in self._norms]
        for norm in self._norms:
            norm.momentum = tf.cast(self._weight, norm.variable_dtype)

    def __exit__(self, *_):
        for norm, momentum in zip(self._norms, self._usual, strict=True):
            norm.momentum = momentum
