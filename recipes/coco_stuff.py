"""CC-FPSE on COCO-Stuff, 256x256, as the paper trained it.

    python recipes/coco_stuff.py prepare --source COCO --records RECORDS
    python recipes/coco_stuff.py train --records RECORDS --run RUN
    python recipes/coco_stuff.py generate --run RUN --out GALLERY --styles 3

Hardware: the paper used 16 GPUs of 12 GB, 2 images on each, for this batch of 32. With
less memory, add --batch auto; the losses do not depend on the batch.
Length: 100 epochs of 3,696 steps, all at full rate.
Score in the paper's table (theirs, not measured here): mIoU 41.6, pixel accuracy 70.7,
FID 19.2; SPADE 37.4, 67.9, 22.6.
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
    name="coco_stuff",
    generator=GeneratorConfig(ngf=64, depth=5, z_dim=256),
    discriminator=DiscriminatorConfig(ndf=64),
    losses=LossConfig(
        # Downloaded; the paper's is "vgg19-torchvision" (see docs/recipes.md).
        perceptual_network="vgg19-keras",
    ),
    optimizers=OptimizerConfig(generator_lr=1e-4, discriminator_lr=4e-4),
    # Records are 286x286; every step sees another 256x256 window of them.
    data=DataConfig(image_size=(256, 256), batch_size=32),
    schedule=ScheduleConfig(epochs=100, decay_epochs=0),
)

# About a minute on two CPU cores, also on the real records: small windows, few steps.
SMOKE = derive(
    CONFIG,
    generator={"ngf": 4, "z_dim": 16, "hidden": 16},
    discriminator={"ndf": 8},
    losses={"perceptual_network": "off"},
    # Far above the paper's rates, so that a minute leaves a trace of the layouts.
    optimizers={"generator_lr": 4e-3, "discriminator_lr": 2e-3},
    data={"image_size": (64, 64), "batch_size": 2},
    schedule={
        "epochs": 2,
        "steps_per_epoch": 25,
        "checkpoint_every": 25,
        "images_every": 25,
    },
)


def main(argv=None) -> int:
    """Runs the command line and returns the exit code."""
    return recipe.main("coco_stuff", CONFIG, {"smoke": SMOKE}, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
