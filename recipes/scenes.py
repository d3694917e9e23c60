"""CC-FPSE on the embedded street scenes, 64x64: no download, no GPU needed.

    python recipes/scenes.py prepare --records RECORDS
    python recipes/scenes.py train --records RECORDS --run RUN --demo
    python recipes/scenes.py generate --run RUN --out GALLERY --styles 3

--demo trains a narrow network for a few minutes on two CPU cores; `make demo` does all
three. Its rates are higher than the paper's and it has no perceptual loss, so that the
little time shows. Without --demo the paper's hyperparameters are trained at half
width, which wants a GPU. Nobody has published scores on these scenes.
"""

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
)
from ccfpse_tf.errors import exit_cleanly

CONFIG = Config(
    name="scenes",
    generator=GeneratorConfig(ngf=32, depth=5, z_dim=256, hidden=128),
    discriminator=DiscriminatorConfig(ndf=32),
    losses=LossConfig(
        gan_mode="hinge", feature_matching=20.0, perceptual=10.0, kl=0.1, vgg="off"
    ),
    optimizers=OptimizerConfig(
        generator_lr=1e-4,
        discriminator_lr=4e-4,
        beta_1=0.0,
        beta_2=0.9,
        epsilon=1e-8,
    ),
    # Records are 72x72; every step sees another 64x64 window of them.
    data=DataConfig(image_size=(64, 64), batch_size=16, flip=True),
    schedule=ScheduleConfig(epochs=100, decay_epochs=0),
)

# Learns visibly within minutes on two CPU cores.
DEMO = Config(
    name="scenes",
    generator=GeneratorConfig(ngf=8, depth=5, z_dim=32, hidden=32),
    discriminator=DiscriminatorConfig(ndf=16),
    losses=LossConfig(vgg="off"),
    # Twenty and five times the paper's: few steps have to do.
    optimizers=OptimizerConfig(generator_lr=2e-3, discriminator_lr=2e-3),
    data=DataConfig(image_size=(64, 64), batch_size=4),
    schedule=ScheduleConfig(
        epochs=10,
        steps_per_epoch=50,
        checkpoint_every=100,
        images_every=50,
        log_every=10,
    ),
)

# A minute: shows that everything runs, not that it learns.
SMOKE = Config(
    name="scenes",
    generator=GeneratorConfig(ngf=4, depth=5, z_dim=16, hidden=16),
    discriminator=DiscriminatorConfig(ndf=8),
    losses=LossConfig(vgg="off"),
    # Far above the paper's rates, so that a minute leaves a trace of the layouts.
    optimizers=OptimizerConfig(generator_lr=4e-3, discriminator_lr=2e-3),
    data=DataConfig(image_size=(64, 64), batch_size=2),
    schedule=ScheduleConfig(
        epochs=2, steps_per_epoch=25, checkpoint_every=25, images_every=25
    ),
)


def main(argv=None) -> int:
    """Runs the command line and returns the exit code."""
    return recipe.main("scenes", CONFIG, {"smoke": SMOKE, "demo": DEMO}, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
