"""The images that a layout takes its styles from."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.config import Config, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.generation.styles import Styles, resolve_style, windows


@pytest.mark.parametrize(
    ("count", "size", "wanted"),
    [
        (3, 1, ["0", "1", "2"]),
        (4, 2, ["01", "12", "23", "30"]),
        (3, 3, ["012", "120", "201"]),
        (1, 1, ["0"]),
        (0, 2, []),
    ],
)
def test_windows_go_round_to_the_start(count, size, wanted):
    found = ["".join(map(str, window)) for window in windows(range(count), size)]
    assert found == wanted


def test_too_few_items_still_start_with_each_one():
    found = list(windows("ab", 5))
    assert [window[0] for window in found] == ["a", "b"]
    assert all(set(window) == {"a", "b"} for window in found)


def test_a_style_photo_is_read_as_all_photos_are(tmp_path, capsys):
    source = SimpleNamespace(
        config=SimpleNamespace(data=SimpleNamespace(image_size=(8, 8))), styles=()
    )
    path = tmp_path / "a.tif"
    Image.fromarray(np.ones((4, 6), np.float32)).save(path)
    with pytest.raises(InputError, match=r"--style .*a\.tif: a TIFF of 32 bits"):
        Styles(None, str(path), 1, 0, source)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 6)).save(tmp_path / "b.jpg", exif=exif)
    Styles(None, str(tmp_path / "b.jpg"), 1, 0, source)
    assert "EXIF" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["generator.z_dim=0"], "without style code .generator.z_dim is 0., so it has"),
        (["generator.architecture=pix2pixhd"], "by pix2pixHD, which has no style code"),
        (["generator.architecture=crn"], "by CRN, which has no style code, so it has"),
    ],
)
def test_styles_that_a_method_does_not_have(settings, words):
    config = override(Config(name="x"), settings)
    source = SimpleNamespace(config=config, name="runs/a", styles=())
    assert resolve_style(source, None, 1, photos=True) == "none"
    for style, count in (("random", 1), (None, 2)):
        with pytest.raises(InputError, match=f"^runs/a was trained {words}"):
            resolve_style(source, style, count, photos=True)
