"""CC-FPSE on Cityscapes, 512x256 (width x height), as the paper trained it.

    python recipes/cityscapes.py prepare --source CITYSCAPES --records RECORDS
    python recipes/cityscapes.py train --records RECORDS --run RUN
    python recipes/cityscapes.py generate --run RUN --out GALLERY --styles 3

Hardware: the paper used 16 GPUs of 12 GB, 2 images on each, for this batch of 32. With
less memory, add --batch auto; the losses do not depend on the batch.
Length: 200 epochs of 92 steps, the last 100 with rates falling to zero.
Score in the paper's table (theirs, not measured here): mIoU 65.5, pixel accuracy 82.3,
FID 54.3; SPADE 62.3, 81.9, 71.8.
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
    derive,
)
from ccfpse_tf.errors import exit_cleanly

# Keys that are not written here have their defaults, those of the paper for the losses
# and optimisers.
CONFIG = Config(
    name="cityscapes",
    generator=GeneratorConfig(
        ngf=64,
        depth=6,  # one upsampling more than for square images
        z_dim=256,
    ),
    discriminator=DiscriminatorConfig(ndf=64),
    losses=LossConfig(
        # Downloaded; the paper's is "vgg19-torchvision" (see docs/recipes.md).
        perceptual_network="vgg19-keras",
    ),
    optimizers=OptimizerConfig(generator_lr=1e-4, discriminator_lr=4e-4),
    # Records already have this size: images are mirrored, not cropped.
    data=DataConfig(image_size=(256, 512), batch_size=32),
    schedule=ScheduleConfig(epochs=100, decay_epochs=100),
)

# About a minute on two CPU cores, also on the real records: small windows, few steps.
SMOKE = derive(
    CONFIG,
    generator={"ngf": 4, "z_dim": 16, "hidden": 16},
    discriminator={"ndf": 8},
    losses={"perceptual_network": "off"},
    # Far above the paper's rates, so that a minute leaves a trace of the layouts.
    optimizers={"generator_lr": 4e-3, "discriminator_lr": 2e-3},
    data={"image_size": (64, 128), "batch_size": 2},
    schedule={
        "epochs": 2,
        "decay_epochs": 0,
        "steps_per_epoch": 25,
        "checkpoint_every": 25,
        "images_every": 25,
    },
)


def main(argv=None) -> int:
    """Runs the command line and returns the exit code."""
    return recipe.main("cityscapes", CONFIG, {"smoke": SMOKE}, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
