"""Image sizes on command lines."""

import pytest

from ccfpse_tf.commands.size_option import read_size
from ccfpse_tf.errors import InputError


def test_height_comes_first():
    assert read_size("--size", "256x512") == (256, 512)
    assert read_size("--size", "064x064") == (64, 64)


@pytest.mark.parametrize("text", ["", "256", "256x", "256,512", "0x64", "-1x64"])
def test_others_are_refused(text):
    with pytest.raises(InputError, match=f"^--size {text}: write .*, or any"):
        read_size("--size", text, ", or any")
