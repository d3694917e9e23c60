"""Things drawn onto photos, with masks that say where."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import anomalies
from tests.data.toy import save


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_things_stand_where_the_masks_say(tmp_path, capsys):
    photo = np.full((60, 90, 3), 100, np.uint8)
    for name in ("a", "b"):
        save(tmp_path / "in" / f"{name}.png", photo)
    argv = ["--photos", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    anomalies.main(argv)
    assert "2 photos in" in capsys.readouterr().out
    masks = []
    for name in ("a", "b"):
        drawn = read(tmp_path / "out/photos" / f"{name}.png")
        mask = read(tmp_path / "out/masks" / f"{name}.png") > 0
        assert 0.005 < mask.mean() < 0.1
        np.testing.assert_array_equal(drawn[~mask], photo[~mask])
        assert len(np.unique(drawn[mask], axis=0)) == 2  # colours
        masks.append(mask)
    assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize("seed", range(20))
def test_things_are_whole_and_in_the_lower_half(seed):
    inside, _ = anomalies.thing(60, 90, np.random.default_rng(seed))
    rows, columns = np.nonzero(inside)
    assert rows.min() > 20 and inside.sum() > 30
    assert columns.min() > 0 and columns.max() < 89
