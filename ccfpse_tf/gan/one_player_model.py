"""A generator that is trained by losses alone, without a discriminator."""

import keras
import tensorflow as tf

from ccfpse_tf.gan import optimizers
from ccfpse_tf.gan.trainable_model import TrainableModel


class OnePlayerModel(TrainableModel):
    """A generator with its optimiser; a subclass has the losses.

    Batches, averaging and the treatment of losses that are not finite are those of
    :class:`ccfpse_tf.gan.adversarial_model.AdversarialModel`.

    Args: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`, with None for the discriminator.
    """

    def compile(
        self,
        generator_optimizer=None,
        loss_weights=None,
        perceptual_loss=None,
        jit_compile=False,
        **kwargs,
    ):
        """Sets optimiser and losses.

        Under ``mixed_float16`` the optimiser gets a loss scale.

        Args:
            generator_optimizer: default :class:`TensorFlowAdam` at 1e-4.
            loss_weights: of the losses that are logged; 1 for those not named.
            perceptual_loss: a :class:`PerceptualLoss`; None for a model that draws.
            jit_compile: compile the step with XLA (one device only).
            **kwargs: ``run_eagerly``, ``steps_per_execution`` as in Keras.

        Raises:
            ValueError: an unknown loss; XLA on several replicas.
        """
        self.loss_weights = dict(loss_weights or {})
        if unknown := set(self.loss_weights) - set(self.logged):
            raise ValueError(
                f"loss_weights {sorted(unknown)}: choose from {', '.join(self.logged)}"
            )
        self.perceptual_loss = perceptual_loss
        self._check_jit(jit_compile)
        scale = self.dtype_policy.name == "mixed_float16"
        adam = generator_optimizer or optimizers.TensorFlowAdam()
        with self.distribute_strategy.scope():
            super().compile(
                optimizers.guarded(adam, scale), jit_compile=jit_compile, **kwargs
            )
            self.optimizer.build(self._generator_variables())

    def train_step(self, data):
        """One update of the generator."""
        with tf.GradientTape() as tape:
            logs = self._weighted_losses(data, training=True)
            loss = self._scaled(self.optimizer, logs["generator_loss"])
        bad = self._update(self.optimizer, tape, loss, self._generator_variables())
        self._update_average()
        self._count(tf.cast(bad, tf.int64))
        return self._track(logs)

    def test_step(self, data):
        """All losses in evaluation mode."""
        return self._track(self._weighted_losses(data, training=False))

    def _weighted_losses(self, data, training):
        if self.perceptual_loss is None:
            raise ValueError(
                f"{self._method.title} is trained by a perceptual loss, and the model "
                "was compiled without; pass perceptual_loss"
            )
        logs = {
            name: self.loss_weights.get(name, 1.0) * value
            for name, value in self._terms(data, training).items()
        }
        return logs | {"generator_loss": tf.add_n(list(logs.values()))}

    def _terms(self, data, training):
        """Returns the losses of a batch by name; each is a mean over the batch."""
        raise NotImplementedError

    def get_compile_config(self):
        """Returns everything that ``compile`` was given, serialised."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "perceptual_loss": serialize(self.perceptual_loss),
            "loss_weights": self.loss_weights,
            "jit_compile": self.jit_compile,
        }
