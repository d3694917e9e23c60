"""CC-FPSE on the embedded street scenes, 64x64: no download, no GPU needed.

    python recipes/scenes.py prepare --records RECORDS
    python recipes/scenes.py train --records RECORDS --run RUN --demo
    python recipes/scenes.py generate --run RUN --out GALLERY --styles 3

--demo trains a narrow network for a few minutes on two CPU cores; `make demo` does all
three. Its rates are higher than the paper's, so that a short training has visible
results. Without --demo the paper's hyperparameters are trained at half width, which
needs a GPU. There are no published scores on these scenes.

The perceptual loss takes SqueezeNet, if that was downloaded before, else there is none;
`train` says which (docs/pretrained.md).
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
from ccfpse_tf.models.perceptual.weight_files import perceptual_network_at_hand

# Keys that are not written here have their defaults, those of the paper for the losses
# and optimisers.
CONFIG = Config(
    name="scenes",
    generator=GeneratorConfig(ngf=32, depth=5, z_dim=256),
    discriminator=DiscriminatorConfig(ndf=32),
    losses=LossConfig(perceptual_network=perceptual_network_at_hand()),
    optimizers=OptimizerConfig(generator_lr=1e-4, discriminator_lr=4e-4),
    # Records are 72x72; every step sees another 64x64 window of them.
    data=DataConfig(image_size=(64, 64), batch_size=16),
    schedule=ScheduleConfig(epochs=100, decay_epochs=0),
)

# Learns visibly within minutes on two CPU cores.
DEMO = derive(
    CONFIG,
    generator={"ngf": 8, "z_dim": 32, "hidden": 32},
    discriminator={"ndf": 16},
    # Twenty and five times the paper's: few steps have to do.
    optimizers={"generator_lr": 2e-3, "discriminator_lr": 2e-3},
    data={"batch_size": 4},
    schedule={
        "epochs": 10,
        "steps_per_epoch": 50,
        "checkpoint_every": 100,
        "images_every": 50,
        "log_every": 10,
    },
)

# What the preset scenes_256 is trained by, on records of 256x256: `make presets`.
COMPACT = derive(
    CONFIG,
    generator={
        "architecture": "ccfpse_compact",
        "ngf": 48,
        "z_dim": 32,
        "encoder_ngf": 16,
        "hidden": 32,
        "average_decay": 0.999,
    },
    discriminator={"architecture": "fpse_frozen", "ndf": 32},
    # A light pull towards the prior: by the paper's, short trainings ignore styles.
    losses={"perceptual_network": "squeezenet", "kl": 0.01},
    optimizers={"generator_lr": 7e-4, "discriminator_lr": 7e-4},
    data={"image_size": (256, 256), "batch_size": 4},
    step={"discriminator_fake": "reuse"},  # saves a seventh of the time
    schedule={
        "epochs": 8,
        "decay_epochs": 16,
        "steps_per_epoch": 100,
        "small_epochs": 20,
        "checkpoint_every": 100,
        "images_every": 500,
        "validate_every": 1000,
        "log_every": 25,
    },
)

# A minute: shows that everything runs, not that it learns.
SMOKE = derive(
    CONFIG,
    generator={"ngf": 4, "z_dim": 16, "hidden": 16},
    discriminator={"ndf": 8},
    losses={"perceptual_network": "off"},
    # Far above the paper's rates, so that a minute leaves a trace of the layouts.
    optimizers={"generator_lr": 4e-3, "discriminator_lr": 2e-3},
    data={"batch_size": 2},
    schedule={
        "epochs": 2,
        "steps_per_epoch": 25,
        "checkpoint_every": 25,
        "images_every": 25,
    },
)


def main(argv=None) -> int:
    """Runs the command line and returns the exit code."""
    variants = {"smoke": SMOKE, "demo": DEMO, "compact": COMPACT}
    return recipe.main("scenes", CONFIG, variants, __doc__, argv)


if __name__ == "__main__":
    exit_cleanly(main)
