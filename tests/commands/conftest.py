"""A recipe, records, and trainings and conversions that take no time."""

import pytest

from tests.convert.official import read_npz, write_npz
from tests.evaluation.tiny import make_records
from tests.recipes import build_eager, load


@pytest.fixture(scope="module")
def quickly():
    """Steps are not traced, and official files are NumPy's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ccfpse_tf.training.train.build_model", build_eager)
        patch.setattr("ccfpse_tf.convert.official_files.read_tensors", read_npz)
        patch.setattr("ccfpse_tf.convert.to_official.write_tensors", write_npz)
        patch.setattr("ccfpse_tf.convert.to_official.require_torch", lambda what: None)
        yield


@pytest.fixture(scope="module")
def recipe(repository, quickly):
    """The recipe of folders."""
    return load(repository, "folder")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Of four classes, without instances."""
    return make_records(tmp_path_factory.mktemp("data"))
