"""Images that an evaluation reads again: errors with the way out."""

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_folder import read_generated, read_image, write_image


def test_a_damaged_image_is_named_with_its_way_out(tmp_path):
    path = tmp_path / "a.png"
    write_image(path, np.zeros((4, 6, 3), np.uint8))
    assert read_generated(path, (4, 6)).shape == (4, 6, 3)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"a\.png: .*cut short") as caught:
        read_image(path, (4, 6))
    assert "generated again" not in str(caught.value)  # it is the user's own
    with pytest.raises(InputError, match="cut short.*delete it to have it generated"):
        read_generated(path, (4, 6))
