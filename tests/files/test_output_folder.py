"""Folders that results are written to."""

from pathlib import Path

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.output_folder import check_out


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")


@pytest.mark.parametrize("out", [".", "..", "../below", "/", "new/.."])
def test_the_working_folder_cannot_be_replaced(out, here):
    with pytest.raises(InputError, match=f"--out {out}: .* while you are in it"):
        check_out(Path(out))


def test_folders_beside_it_can(here):
    check_out(Path("new"))
    check_out(Path("../beside"))
