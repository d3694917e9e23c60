"""What a model says of itself beside what every export says."""

import base64
import json

import numpy as np
import pytest

from ccfpse_tf.export.self_description import (
    MOST_STYLES,
    describe,
    encoded_style,
    to_json,
)
from ccfpse_tf.export.sizes import Sizes
from tests.export.exported import description, pixels, table

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def told(z_dim=3, **options):
    facts = {"image_size": (64, 96), "step": 1, "precision": "float32", "examples": []}
    sizes = Sizes((64, 96), 32)
    return describe(description(), table(), sizes, z_dim=z_dim, **facts, **options)


def test_styles_are_told_exactly():
    code = np.array([0.1, -1 / 3, 2], np.float32)
    said = json.loads(to_json(told(styles=[encoded_style("dusk", code, PICTURE)])))
    [style] = said["styles"]
    assert style["name"] == "dusk"
    assert np.array(style["z"], np.float32).tolist() == code.tolist()
    assert style["z"][0] == 0.1  # not the double of that float
    assert (pixels(base64.b64decode(style["image"])) == PICTURE).all()
    assert "styles" not in told()


def test_styles_that_cannot_be_chosen():
    good = encoded_style("dusk", np.zeros(3), PICTURE)
    with pytest.raises(ValueError, match=f"13 styles; at most {MOST_STYLES}"):
        told(styles=[good] * 13)
    with pytest.raises(ValueError, match="'dusk' has 3 values, the model's code 4"):
        told(z_dim=4, styles=[good])
    with pytest.raises(ValueError, match="its code is not finite"):
        encoded_style("dawn", np.array([np.inf]), PICTURE)


def test_whether_instances_change_the_picture_is_told():
    assert description().instances
    assert told()["uses_instances"] is True
    assert told(uses_instances=False)["uses_instances"] is False
