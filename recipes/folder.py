"""CC-FPSE on a folder of your own: any classes, with or without instances.

    python recipes/folder.py prepare --images DIR --labels DIR --records RECORDS
    python recipes/folder.py train --records RECORDS --run RUN
    python recipes/folder.py generate --run RUN --out GALLERY --styles 3

Labels are integer maps, or colour-coded maps with a palette file; see docs/data.md.
This recipe also trains on records of any other data set, as they describe themselves.

The hyperparameters are the paper's for COCO-Stuff. Adapt these to your data:
  --set data.image_size=256x512     height x width, multiples of 2**generator.depth
  --set generator.depth=6           for images of 512 pixels and more
  --batch auto                      as many images a step as fit into the memory
  --set schedule.epochs=200         small data sets need more epochs
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
    name="folder",
    generator=GeneratorConfig(ngf=64, depth=5, z_dim=256),
    discriminator=DiscriminatorConfig(ndf=64),
    losses=LossConfig(
        # 0.7 MB, downloaded, and measured best (docs/pretrained.md). The paper's is
        # "vgg19-torchvision".
        perceptual_network="squeezenet",
    ),
    optimizers=OptimizerConfig(generator_lr=1e-4, discriminator_lr=4e-4),
    data=DataConfig(image_size=(256, 256), batch_size=32),
    schedule=ScheduleConfig(epochs=100, decay_epochs=0),
)

# About a minute on two CPU cores, also on large records: small windows, few steps.
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
    return recipe.main("folder", CONFIG, {"smoke": SMOKE}, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
