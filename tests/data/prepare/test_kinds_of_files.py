"""What a preparation does with unusual image files."""

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import InputError
from tests.data.prepare.written import records_of
from tests.data.raw_images import chunk, encoded, png
from tests.data.toy import coordinates, folder_argv, make_folder


def test_photos_with_an_exif_orientation_are_counted_in_one_line(tmp_path, capsys):
    source = make_folder(tmp_path / "in", 3)
    argv = folder_argv(source, tmp_path / "out", "--size", "32", "--check")
    main("folder", argv)
    assert "EXIF" not in capsys.readouterr().out
    exif = Image.Exif()
    for number, orientation in ((0, 3), (2, 2)):
        exif[0x0112] = orientation
        path = source / f"image/p{number:03d}.png"
        Image.fromarray(coordinates(40, 48, number)).save(path, exif=exif)
    main("folder", argv)
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "EXIF" in x]
    assert line.startswith("note: 2 photos have") and "image/p000.png, ..." in line


def test_the_limit_of_pixels_is_an_option(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    argv = folder_argv(source, tmp_path / "out", "--check", "--max-pixels")
    with pytest.raises(InputError, match=r"image/p000.png: has 40 x 48 = 1,920 pixels"):
        main("folder", [*argv, "1919"])
    main("folder", [*argv, "1920"])
    with pytest.raises(InputError, match="--max-pixels 1000000000: allowed are up to"):
        main("folder", [*argv, "1000000000"])


@pytest.mark.parametrize("part", ["image", "label"])
def test_a_png_with_a_wrong_checksum_is_refused(tmp_path, part):
    source = make_folder(tmp_path / "in", 2)
    path = source / part / "p001.png"
    content = bytearray(path.read_bytes())
    content[-14] ^= 1
    path.write_bytes(content)
    for more in ((), ("--keep-size",)):
        with pytest.raises(InputError, match=rf"{part}/p001\.png: .*wrong checksum"):
            main("folder", folder_argv(source, tmp_path / "out", *more))
    assert not (tmp_path / "out").exists()


def test_kept_are_the_bytes_that_tensorflow_decodes(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    pixels = coordinates(40, 48, 1)
    unknown = png(pixels, 8, before=chunk(b"ABCD", b"x"))  # Pillow passes over it
    (source / "image/p001.png").write_bytes(unknown)
    main("folder", folder_argv(source, tmp_path / "out", "--keep-size"))
    np.testing.assert_array_equal(
        records_of(tmp_path / "out", "train")[1]["image"], pixels
    )


def test_ids_in_16_bits_of_colour_are_refused_as_instances_too(tmp_path):
    source = make_folder(tmp_path / "in", 1, instances=True)
    ids = np.repeat(np.mgrid[:40, :48][0][..., None], 3, -1)
    (source / "instance/p000.png").write_bytes(png(ids, 16))
    with pytest.raises(InputError, match=r"instance/p000\.png: RGB of 16 bits"):
        main("folder", folder_argv(source, tmp_path / "out"))


def test_a_jpeg_behind_png_is_refused_as_a_map(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    smeared = encoded(coordinates(40, 48)[..., 0].copy(), "JPEG")
    (source / "label/p000.png").write_bytes(smeared)
    with pytest.raises(InputError, match=r"label/p000\.png: .*this is JPEG"):
        main("folder", folder_argv(source, tmp_path / "out"))
