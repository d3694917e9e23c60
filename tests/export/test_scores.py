"""Which evaluation a preset's card quotes."""

import json
import os
import shutil

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.export.scores import newest_scores, read_scores
from ccfpse_tf.runs.checkpoint_folder import digest_of


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoints" / "ckpt-5"
    folder.mkdir(parents=True)
    (folder / "state.index").write_text("weights")
    return folder


@pytest.fixture
def result(checkpoint):
    """Of an evaluation of that checkpoint."""
    sha256 = digest_of(checkpoint)
    protocol = {"checkpoint": "ckpt-5", "checkpoint_sha256": sha256}
    return {
        "protocol": protocol | {"data": "streets", "split": "val"},
        "metrics": {"generated": {"mean_iou": 0.5, "fid": None}},
        "paper_line": "mIoU 50.0 (...)",
    }


def write(folder, content, time=100):
    folder.mkdir(exist_ok=True)
    path = folder / "metrics.json"
    path.write_text(json.dumps(content))
    os.utime(path, (time, time))


def test_numbers_and_protocol(checkpoint, result, tmp_path):
    write(tmp_path / "one", result)
    assert read_scores(tmp_path / "one", checkpoint) == {
        "line": "mIoU 50.0 (...)",
        "numbers": {"mean_iou": 0.5, "fid": None},
        "protocol": result["protocol"],
    }


def test_the_newest_evaluation_of_the_checkpoint_counts(checkpoint, result, tmp_path):
    scores, reason = newest_scores(tmp_path, checkpoint)
    assert scores is None and f"evaluate --run {tmp_path}" in reason
    of_others = result["protocol"] | {"checkpoint": "ckpt-7", "checkpoint_sha256": "0"}
    write(tmp_path / "old", result | {"paper_line": "old"}, 100)
    write(tmp_path / "new", result | {"paper_line": "new"}, 200)
    write(tmp_path / "of_others", result | {"protocol": of_others}, 300)
    scores, _ = newest_scores(tmp_path, checkpoint)
    assert scores["line"] == "new"
    for name in ("old", "new"):
        shutil.rmtree(tmp_path / name)
    scores, reason = newest_scores(tmp_path, checkpoint)
    assert scores is None and "is about ckpt-7, not about the weights" in reason


@pytest.mark.parametrize(
    "metrics", [{}, {"generated": 7}, {"generated": {"fid": "low"}}, None]
)
def test_damaged_numbers(metrics, checkpoint, result, tmp_path):
    write(tmp_path / "one", result | {"metrics": metrics})
    with pytest.raises(InputError, match="metrics.json: is damaged .*evaluate again"):
        read_scores(tmp_path / "one", checkpoint)


@pytest.mark.parametrize("key", ["data", "split"])
def test_a_protocol_without_its_data(key, checkpoint, result, tmp_path):
    del result["protocol"][key]
    write(tmp_path / "one", result)
    with pytest.raises(InputError, match=f"metrics.json: is damaged .no '{key}'"):
        read_scores(tmp_path / "one", checkpoint)
