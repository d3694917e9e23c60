"""Recipes as modules, and settings that make their runs tiny."""

import importlib.util

TINY_OF_ALL = [  # keys that every method reads
    *("generator.ngf=1", "data.batch_size=1", "schedule.steps_per_epoch=2"),
    *("schedule.images=1", "schedule.checkpoint_every=3", "schedule.images_every=2"),
    "losses.perceptual_network=off",  # whatever is installed
]
TINY = [
    *TINY_OF_ALL,
    *("generator.hidden=2", "generator.z_dim=4", "discriminator.ndf=2"),
]


def load(repository, name):
    """Imports a recipe, which is a script outside of packages."""
    path = repository / "recipes" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"recipe_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_eager(*arguments, **options):
    """As ``build_model``. Two steps are done sooner than the graph is traced again."""
    from ccfpse_tf.gan.build import build_model

    model = build_model(*arguments, **options)
    model.run_eagerly = True
    return model
