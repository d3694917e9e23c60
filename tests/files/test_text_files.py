"""Text files of every kind that people save, and what messages say about the others."""

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import parse_json, read_json, read_text


def write(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    return path


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    text = "# Straße\r\n1 é\n"
    for content in (text.encode(), text.encode("utf-8-sig")):
        assert read_text(write(tmp_path, content), "a list") == text
    assert read_json(write(tmp_path, b'\xef\xbb\xbf{"2": 1}'), "a map") == {"2": 1}


@pytest.mark.parametrize(
    "content, message",
    [
        ("0 sky".encode("utf-16"), r"\(it is UTF-16 text; save it as UTF-8\)"),
        (b"\xfe\xff\x000", "UTF-16"),
        ("0 sky".encode("utf-32"), "UTF-32"),
        (b"0 sky\n1 \xe9toile\n", "line 2 holds the byte 0xe9, which is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file, as it holds zero bytes"),
    ],
)
def test_what_is_no_utf_8_is_named(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=message) as error:
        read_text(path, "a list")
    assert str(error.value).startswith(f"{path}: cannot be read as a list (")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="as a list .No such file or directory"):
        read_text(tmp_path / "none", "a list")
    with pytest.raises(InputError, match="as a list .Is a directory"):
        read_text(tmp_path, "a list")


def test_a_video_is_not_read_to_its_end(tmp_path):
    path = write(tmp_path, b"")
    with open(path, "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match="larger than 64 MB"):
        read_text(path, "a list")


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "line 1 column 2"),
        ('{"a": 1,\n "a": 2}', "'a' is there twice; leave one out"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "integer string conversion"),
    ],
)
def test_json_that_cannot_be_meant(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)
    path = write(tmp_path, text.encode())
    with pytest.raises(InputError, match=message) as error:
        read_json(path, "a map")
    assert str(error.value).startswith(f"{path}: cannot be read as a map (")
