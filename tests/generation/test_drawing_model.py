"""Batches of images on several devices."""

import types

import numpy as np
import pytest

from ccfpse_tf.generation.drawing_model import DrawingModel


def test_wrong_sizes_are_refused_before_the_devices_share_them():
    generator = types.SimpleNamespace(
        any_size=False, image_size=(64, 96), stride=32, z_dim=0
    )
    model = types.SimpleNamespace(generator=generator)
    several = types.SimpleNamespace(num_replicas_in_sync=2)
    label = np.zeros((2, 32, 64), np.int32)
    with pytest.raises(ValueError, match="32x64 .* own size only, 64x96"):
        DrawingModel(model, several).images(label, None, None)
