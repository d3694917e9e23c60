"""Records that a run draws from, against those that it was trained on."""

import pytest

from ccfpse_tf.config import derive
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import Run, read_run


def test_records_that_are_gone(repository, tmp_path):
    folder = repository / "tests" / "fixtures" / "old_run" / "run"
    gone = derive(read_run(folder).config, data={"records": str(tmp_path / "gone")})
    with pytest.raises(
        InputError, match="gone, which are not there any more: move .*--rec"
    ):
        describe_data(Run(folder, gone))
    with pytest.raises(InputError, match="other: does not hold dataset.json"):
        describe_data(Run(folder, gone), tmp_path / "other")
