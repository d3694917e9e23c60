"""Learning-rate schedules."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then linear to zero, changing once per epoch, as the reference does.

    The rate of epoch ``e`` (the first is 1) is
    ``base * min(1, (constant + decay + 1 - e) / decay)``: full through epoch
    ``constant + 1``, then down to ``base / decay`` in the last epoch.

    Args:
        base: the full rate.
        constant_epochs: epochs before the decay.
        decay_epochs: epochs of decay; 0 keeps the rate constant forever.
        steps_per_epoch: optimiser steps in an epoch.
    """

    def __init__(self, base, constant_epochs, decay_epochs, steps_per_epoch):
        self.base = base
        self.constant_epochs = constant_epochs
        self.decay_epochs = decay_epochs
        self.steps_per_epoch = steps_per_epoch

    def at_epoch(self, epoch):
        """The rate in ``epoch``, counted from 1; a float64 scalar tensor."""
        base = tf.constant(self.base, tf.float64)
        if not self.decay_epochs:
            return base
        left = self.constant_epochs + self.decay_epochs + 1 - tf.cast(epoch, tf.int64)
        share = tf.cast(left, tf.float64) / self.decay_epochs
        return base * tf.clip_by_value(share, 0, 1)

    def __call__(self, step):
        """The rate at optimiser ``step``, counted from 0; a float64 scalar tensor."""
        return self.at_epoch(tf.cast(step, tf.int64) // self.steps_per_epoch + 1)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "base": self.base,
            "constant_epochs": self.constant_epochs,
            "decay_epochs": self.decay_epochs,
            "steps_per_epoch": self.steps_per_epoch,
        }
