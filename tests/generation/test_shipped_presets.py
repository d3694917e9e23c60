"""The presets that ship: what they draw."""

import io

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.transforms import resize_image
from ccfpse_tf.generation.preset_model import PresetModel
from ccfpse_tf.presets.shipped import shipped_presets

NAMES = ("aerial_256", "scenes_256")


def test_names():
    assert tuple(shipped_presets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_draws_the_pictures_that_it_holds(name):
    trained = PresetModel(name)
    label, instance = trained.layouts()[0]
    objects = None if instance is None else instance[None]
    styles = trained.preset.styles[:3]
    drawn = [
        trained.images(label[None], objects, style.code[None])[0] for style in styles
    ]
    for image, style in zip(drawn, styles, strict=True):
        assert image.shape == (256, 256, 3)
        assert image.std() > 20  # neither one colour nor grey
        stored = np.asarray(Image.open(io.BytesIO(style.picture)))
        small = resize_image(image, stored.shape[:2]).astype(int)
        assert np.abs(small - stored).mean() < 4  # 40 or more, were it another layout
    for one, other in zip(drawn, drawn[1:], strict=False):
        assert np.abs(one.astype(int) - other).mean() > 4  # grey levels
