"""A model with two optimisers: those of a generator and of its discriminator."""

import keras

from ccfpse_tf.config.sections import DISCRIMINATOR_FAKES
from ccfpse_tf.gan import losses, optimizers
from ccfpse_tf.gan.optimizers import Adam
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.gan.teacher import Teacher
from ccfpse_tf.gan.trainable_model import TrainableModel


class TwoPlayerModel(TrainableModel):
    """Generator and discriminator, each with its optimiser; a subclass has the step.

    Args: as :class:`ccfpse_tf.gan.ccfpse.CCFPSE`.
    """

    optimizer_names = ("generator_optimizer", "discriminator_optimizer")

    def __init__(self, *parts, **options):
        super().__init__(*parts, **options)
        self._teacher = None

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        gan_mode="hinge",
        loss_weights=None,
        perceptual_loss=None,
        discriminator_fake="regenerate",
        jit_compile=False,
        **kwargs,
    ):
        """Sets optimisers and losses.

        Under ``mixed_float16`` both optimisers get a loss scale of their own.

        Args:
            generator_optimizer: for generator and encoder; default Adam at 1e-4.
            discriminator_optimizer: default Adam at 4e-4 (TTUR, Heusel et al. 2017).
            gan_mode: a key of ``losses.GAN_MODES``.
            loss_weights: overrides of ``losses.WEIGHTS``.
            perceptual_loss: a :class:`PerceptualLoss`, or None to train without.
            discriminator_fake: ``"regenerate"`` or ``"reuse"``, see the class.
            jit_compile: compile the step with XLA (one device only). XLA leaves out
                assertions, such as the one that labels are classes.
            **kwargs: ``run_eagerly``, ``steps_per_execution`` as in Keras.

        Raises:
            ValueError: an unknown mode, loss or kind of fake; XLA on several replicas.
        """
        self.gan_mode = losses.check_gan_mode(gan_mode)
        self.loss_weights = losses.check_weights(loss_weights)
        self.perceptual_loss = perceptual_loss
        self.discriminator_fake = _checked_fake(discriminator_fake)
        self._check_jit(jit_compile)
        scale = self.dtype_policy.name == "mixed_float16"
        with self.distribute_strategy.scope():
            super().compile(
                optimizers.guarded(generator_optimizer or Adam(1e-4), scale),
                jit_compile=jit_compile,
                **kwargs,
            )
            other = optimizers.guarded(discriminator_optimizer or Adam(4e-4), scale)
            self.discriminator_optimizer = other
            # Inside the strategy's scope, else two replicas die on a placeholder.
            self.optimizer.build(self._generator_variables())
            other.build(self.discriminator.trainable_variables)

    def learn_from(self, teacher: Synthesizer) -> None:
        """Makes the generator learn what a trained model draws (distillation).

        In training, the teacher's image of the same layout and style code takes the
        photograph's place in the perceptual and feature-matching losses, and the mean
        absolute difference to it is one loss more, ``imitation``. The discriminator
        tells the generator's images from photographs, as always. The style encoder
        becomes the teacher's and is not trained, so a code means the same to both.

        The teacher is not part of the model: it is neither trained nor saved.

        Args:
            teacher: for the same semantics, with a style code of the same length.

        Raises:
            ValueError: a teacher for other semantics or style codes, or with another
                style encoder.
        """
        self._teacher = Teacher(teacher, self)
        self._trackers["imitation"] = keras.metrics.Mean("imitation")

    def _generator_variables(self):
        trained = self.encoder is not None and self._teacher is None
        encoder = self.encoder.trainable_variables if trained else []
        return self.generator.trainable_variables + encoder

    def get_compile_config(self):
        """Returns everything that ``compile`` was given, serialised."""
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "perceptual_loss": serialize(self.perceptual_loss),
            "gan_mode": self.gan_mode,
            "loss_weights": self.loss_weights,
            "discriminator_fake": self.discriminator_fake,
            "jit_compile": self.jit_compile,
        }


def _checked_fake(kind):
    if kind not in DISCRIMINATOR_FAKES:
        raise ValueError(
            f"discriminator_fake {kind!r}: choose from {', '.join(DISCRIMINATOR_FAKES)}"
        )
    return kind
