"""Images of an evaluation are found under the names that programs gave them."""

import unicodedata

import pytest
from PIL import Image

from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.image_folder import ImageFolder


def write(root, *names, size=(5, 3)):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(root / name)
    return root


def test_hidden_files_other_cases_folders_and_spellings(tmp_path):
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    write(tmp_path, "b.PNG", "c_style1.png", "d__e.png", "f/g.png", f"{decomposed}.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    write(tmp_path / ".ipynb_checkpoints", "a-checkpoint.png")
    images = ImageFolder(tmp_path)
    assert images.first_size() == (3, 5)
    for key, name in [
        ("b", "b.PNG"),
        ("c", "c_style1.png"),
        ("d/e", "d__e.png"),
        ("f/g", "f/g.png"),
        (composed, f"{decomposed}.png"),
    ]:
        assert images.path_of(key) == tmp_path / name
    with pytest.raises(InputError, match="no a.png .or a_style1.png. for the layout a"):
        images.path_of("a")


def test_templates(tmp_path):
    write(tmp_path, "a_real.png", "a_fake.png")
    images = ImageFolder(f"{tmp_path}/{{key}}_fake.png")
    assert images.path_of("a") == tmp_path / "a_fake.png"


def test_what_cannot_be_taken(tmp_path):
    with pytest.raises(DataErrors, match="(?s)--images .*none: no such folder"):
        ImageFolder(tmp_path / "none")
    write(tmp_path, "a.jpg")
    with pytest.raises(InputError, match=r"no \*\.png in there \(.*left out a.jpg"):
        ImageFolder(tmp_path)
    write(tmp_path, "a.png", "a.PNG")
    with pytest.raises(DataErrors, match="same name as .* but for upper and lower"):
        ImageFolder(tmp_path)
