"""A program as users write it, which `mypy` checks; CONTRIBUTING.md, "Types"."""

from typing import assert_type

import ccfpse_tf
from ccfpse_tf import (
    CCFPSE,
    DATASETS,
    Adam,
    Config,
    Dataset,
    Generator,
    InputError,
    LayoutEncoding,
    conditional_depthwise_convolution,
)

assert_type(ccfpse_tf.__version__, str)
assert_type(DATASETS, dict[str, Dataset])


def describe(name: str) -> str:
    """Returns a data set's title and size."""
    dataset = DATASETS[name]
    height, width = dataset.image_size
    assert_type(height, int)
    return f"{dataset.title}: {dataset.num_classes} classes, {height}x{width}, {width}"


def config() -> Config:
    """Returns a config; the generator's values are checked by name and type."""
    from ccfpse_tf.config import GeneratorConfig

    changed = Config(name="mine", generator=GeneratorConfig(ngf=32))
    assert_type(changed.generator.ngf, int)
    return changed


def draw(label, instance):
    """Draws layouts by a preset that ships."""
    try:
        model = CCFPSE.from_preset("scenes_256")
    except InputError as error:
        raise SystemExit(str(error)) from error
    return model.synthesize(label, instance)


PARTS: tuple[type, ...] = (Generator, LayoutEncoding, Adam)
FUNCTION = conditional_depthwise_convolution
