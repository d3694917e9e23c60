"""Preparing records from the command line: results, refusals, resuming."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.prepare import records_folder as output_module
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.prepare.records_folder import write_records
from ccfpse_tf.data.records import read_description
from ccfpse_tf.data.transforms import resize_ids, resize_image
from ccfpse_tf.errors import InputError
from tests.data.prepare.written import contents, records_of
from tests.data.toy import coordinates, folder_argv, make_folder, save


def test_records_hold_the_resized_files_in_order(tmp_path):
    source = make_folder(tmp_path / "in", 5, instances=True)
    val = make_folder(tmp_path / "val", 2, instances=True, start=5)
    more = ["--val-images", val / "image", "--val-labels", val / "label"]
    more += ["--val-instances", val / "instance", "--shards", 2]
    out = tmp_path / "out"
    argv = folder_argv(source, out, "--size", "32", "--load-size", "36x42", *more)
    assert main("folder", argv) == 0
    train = records_of(out, "train")
    assert [record["key"] for record in train] == [b"p%03d" % n for n in range(5)]
    rows, columns = np.mgrid[:40, :48]
    size = (36, 42)
    for number, record in enumerate(train):
        image = resize_image(coordinates(40, 48, number), size)
        np.testing.assert_array_equal(record["image"], image)
        label = resize_ids((rows + number) % 4, size)
        np.testing.assert_array_equal(record["label"], label)
        instance = resize_ids(300 * rows + columns, size)
        np.testing.assert_array_equal(record["instance"], instance)
    (first, _) = records_of(out, "val")
    assert first["image"].shape == (32, 32, 3) and first["key"] == b"p005"


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    source = make_folder(tmp_path / "in", 7, instances=True)
    for workers in (1, 2):
        argv = folder_argv(source, tmp_path / f"w{workers}", "--shards", 3)
        main("folder", [*argv, "--name", "toy", "--workers", str(workers)])
    assert contents(tmp_path / "w1") == contents(tmp_path / "w2")
    assert len(contents(tmp_path / "w1")) == 3 + 4


def test_kept_sizes_and_bytes(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    rng = np.random.default_rng(0)
    save(source / "image/z.jpg", rng.integers(0, 256, (50, 34, 3), np.uint8))
    save(source / "label/z.png", np.zeros((50, 34), np.uint8))
    out = tmp_path / "out"
    main("folder", folder_argv(source, out, "--keep-size", "--num-classes", 4))
    shapes = [record["label"].shape for record in records_of(out, "train")]
    assert shapes == [(40, 48), (40, 48), (50, 34)]
    split = read_description(out).splits["train"]
    assert split.height is None and split.smallest == (40, 34)
    (shard,) = read_description(out).shard_paths(out, "train")
    assert (source / "image/z.jpg").read_bytes() in shard.read_bytes()


def test_check_prints_the_histogram_and_writes_nothing(tmp_path, capsys):
    source = make_folder(tmp_path / "in", 2)
    argv = folder_argv(source, tmp_path / "out", "--check", "--num-classes", 5)
    assert main("folder", argv) == 0
    printed = capsys.readouterr().out
    assert "train: 2 images" in printed and "25.00%       2  class 3" in printed
    assert "never: 1 of 5: class 4" in printed
    assert not (tmp_path / "out").exists()


def test_problems_are_all_listed_and_nothing_is_written(tmp_path):
    source = make_folder(tmp_path / "in", 4)
    (source / "label/p000.png").unlink()
    save(source / "label/p001.png", np.full((40, 48), 9, np.uint8))
    path = source / "image/p002.png"
    path.write_bytes(path.read_bytes()[:90])
    argv = folder_argv(source, tmp_path / "out", "--num-classes", 4)
    with pytest.raises(InputError) as error:
        main("folder", argv)
    for text in ("3 problems", "p000.png: has no", "id 9 at row 0", "p002.png: cannot"):
        assert text in str(error.value)
    assert not (tmp_path / "out").exists()


def test_inferred_classes_are_printed_and_written(tmp_path, capsys):
    source = make_folder(tmp_path / "in", 2)
    label = np.full((40, 48), 255, np.uint8)
    label[0] = 3
    save(source / "label/p001.png", label)
    main("folder", folder_argv(source, tmp_path / "out", "--size", "32"))
    printed = capsys.readouterr().out
    assert "ids 0..3, 255: taken as 4 classes, id 255 as don't care" in printed
    description = read_description(tmp_path / "out")
    assert (description.num_classes, description.dont_care_index) == (4, 4)


def test_colour_maps_with_a_palette(tmp_path):
    root = tmp_path / "in"
    save(root / "image/a.png", coordinates(32, 32))
    label = np.zeros((32, 32, 3), np.uint8)
    label[:16] = 10, 20, 30
    save(root / "label/a.png", label)
    palette = tmp_path / "palette.txt"
    palette.write_text("7 10 20 30 sky\n- 0 0 0 nothing\n")
    out = tmp_path / "out"
    main("folder", folder_argv(root, out, "--palette", palette, "--size", "32"))
    description = read_description(out)
    assert description.class_names == ("sky",)
    assert description.palette == ((10, 20, 30),)
    assert description.label_colors == ((10, 20, 30, 0), (0, 0, 0, 1))
    assert description.label_mapping == "custom"
    (batch,) = evaluation_dataset(out, (32, 32), 1, "train")
    assert np.unique(batch["label"][0, :16]) == [0]
    assert np.unique(batch["label"][0, 16:]) == [1]


def test_label_map_renames_ids(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    changes = tmp_path / "map.json"
    changes.write_text(json.dumps({"2": 0, "3": None}))
    argv = folder_argv(source, tmp_path / "out", "--label-map", changes)
    main("folder", [*argv, "--num-classes", "2", "--dont-care-id", "9"])
    description = read_description(tmp_path / "out")
    assert description.label_ids == {0: 0, 1: 1, 9: 2, 2: 0, 3: 2}
    changes.write_text('{"2": 7}')
    with pytest.raises(InputError, match="2 becomes 7, not a label id"):
        main("folder", [*argv, "--num-classes", "2", "--dont-care-id", "9"])
    changes.write_text('{"x": 7}')
    with pytest.raises(InputError, match=r"map\.json: .*expected"):
        main("folder", [*argv, "--num-classes", "2"])


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"2": true}', "2 becomes True; expected"),
        ('{"2": 1.0}', "2 becomes 1.0; expected"),
        ('{"2": "1"}', "2 becomes '1'; expected"),
        ('{"2": [1]}', r"2 becomes \[1\]; expected"),
        ('{"\u0662": 1}', "'\u0662' is not a label id; expected"),
        ('{"\u00b2": 1}', "'\u00b2' is not a label id; expected"),
        ('{"2.0": 1}', "'2.0' is not a label id; expected"),
        ('{"2": 1, "2": 0}', "'2' is there twice"),
        ('{"2": 1, "02": 0}', "2 is there twice"),
        ("[2, 1]", "is not a JSON object; expected"),
        ('{"2":\n}', "line 2 column 1.*; expected"),
        ("", "line 1 column 1.*; expected"),
    ],
)
def test_label_maps_that_cannot_be_meant(tmp_path, text, message):
    source = make_folder(tmp_path / "in", 1)
    changes = tmp_path / "map.json"
    changes.write_text(text)
    argv = folder_argv(source, tmp_path / "out", "--num-classes", 2)
    with pytest.raises(InputError, match=message) as error:
        main("folder", [*argv, "--label-map", str(changes)])
    assert str(error.value).startswith(str(changes))


def test_a_label_map_with_a_byte_order_mark(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    changes = tmp_path / "map.json"
    changes.write_bytes(b'\xef\xbb\xbf{"2": 0, "3": 1}')
    argv = folder_argv(source, tmp_path / "out", "--num-classes", 2, "--check")
    assert main("folder", [*argv, "--label-map", str(changes)]) == 0


def test_problems_of_a_folder_come_before_those_of_its_split(tmp_path):
    make_folder(tmp_path, 2)
    argv = ["--images", f"{tmp_path}/image", "--labels", f"{tmp_path}/none", "--check"]
    with pytest.raises(InputError, match="none: no such folder"):
        main("folder", [*argv, "--workers", "1", "--val-fraction", "0.5"])


def test_a_run_that_an_earlier_version_began(tmp_path, monkeypatch):
    """It read each label file by its own kind, which must not go on unnoticed."""
    root = make_folder(tmp_path / "in", 2)
    palette = tmp_path / "palette.txt"
    palette.write_text("0 0 0 0 a\n1 1 1 1 b\n2 2 2 2 c\n3 3 3 3 d\n")
    argv = folder_argv(root, tmp_path / "out", "--size", 32, "--palette", palette)

    def stop(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(output_module, "serialize_record", stop)
    with pytest.raises(OSError, match="full"):
        main("folder", argv)
    monkeypatch.undo()
    state = tmp_path / "out/.prepare.json"
    fields = json.loads(state.read_text())
    del fields["checked"]["train"]["by_color"], fields["checked"]["train"]["repeats"]
    fields["checked"]["train"]["counts"].append([True, 0, 1, 1])
    state.write_text(json.dumps(fields))
    with pytest.raises(
        InputError, match="begun by an earlier version, which read some"
    ):
        main("folder", argv)
    fields["checked"]["train"]["counts"].pop()
    state.write_text(json.dumps(fields))
    main("folder", argv)
    assert read_description(tmp_path / "out").label_format == "ids"


def test_val_fraction_is_the_same_every_time(tmp_path):
    source = make_folder(tmp_path / "in", 10)
    keys = []
    for out in (tmp_path / "a", tmp_path / "b"):
        main("folder", folder_argv(source, out, "--size", 32, "--val-fraction", 0.3))
        keys.append(
            [r["key"] for split in ("train", "val") for r in records_of(out, split)]
        )
        assert read_description(out).splits["val"].count == 3
    assert keys[0] == keys[1] and len(set(keys[0])) == 10
    with pytest.raises(InputError, match="sets 0 of 10 images aside"):
        main("folder", folder_argv(source, tmp_path / "c", "--val-fraction", 0.01))


def write_ade20k(root):
    layout = DATASETS["ade20k"].layout
    label = np.array([[0, 1], [150, 2]], np.uint8).repeat(16, 0).repeat(16, 1)
    for split, word in layout.splits.items():
        for template, array in (
            (layout.images, coordinates(32, 32)),
            (layout.labels, label),
        ):
            save(root / template.format(split=word, key=split), array)


@pytest.mark.parametrize(
    "mapping, indices, dont_care",
    [("shift", [0, 1, 149, 150], 150), ("raw", [0, 1, 2, 150], 0)],
)
def test_both_label_mappings(tmp_path, mapping, indices, dont_care):
    write_ade20k(tmp_path / "in")
    out = tmp_path / "out"
    argv = ["--source", str(tmp_path / "in"), "--out", str(out), "--workers", "1"]
    main("ade20k", [*argv, "--size", "32", "--label-mapping", mapping])
    description = read_description(out)
    assert description.label_mapping == mapping
    assert description.dont_care_index == dont_care
    assert description.label_channels == description.semantic_channels == 151
    (record,) = records_of(out, "val")
    assert np.unique(record["label"]).tolist() == indices
    assert records_of(out, "train")[0]["image"].shape == (36, 36, 3)


def test_a_split_alone_and_ids_beyond_the_table(tmp_path, capsys):
    write_ade20k(tmp_path / "in")
    argv = ["--source", str(tmp_path / "in"), "--workers", "1", "--split", "val"]
    main("ade20k", [*argv, "--out", str(tmp_path / "out")])
    assert list(read_description(tmp_path / "out").splits) == ["val"]
    assert "val has 1 images, the whole data set 2,000" in capsys.readouterr().out
    save(
        tmp_path / "in/annotations/validation/val.png", np.full((32, 32), 151, np.uint8)
    )
    with pytest.raises(
        InputError, match=r"id 151 at row 0, column 0; allowed 0\.\.150"
    ):
        main("ade20k", [*argv, "--check"])


def test_scenes(tmp_path):
    argv = ["--train", "3", "--val", "1", "--size", "32", "--workers", "1"]
    main("scenes", [*argv, "--out", str(tmp_path)])
    description = read_description(tmp_path)
    assert description.splits["train"].height == 36
    assert description.num_classes == 12 and description.instances
    assert [r["key"] for r in records_of(tmp_path, "val")] == [b"scene_000003"]


def test_nothing_to_do_the_second_time(tmp_path, capsys):
    source = make_folder(tmp_path / "in", 2)
    argv = folder_argv(source, tmp_path / "out")
    main("folder", argv)
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    main("folder", argv)
    assert "complete already" in capsys.readouterr().out
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}


def test_other_settings_or_inputs_are_refused(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    argv = folder_argv(source, tmp_path / "out", "--size", "32")
    main("folder", argv)
    before = contents(tmp_path / "out")
    with pytest.raises(InputError, match=r"sizes was .*36, 36.* is now .*72, 72"):
        main("folder", [*argv, "--size", "64"])
    save(source / "label/p001.png", np.zeros((40, 48), np.uint8))
    with pytest.raises(InputError, match="the input files have changed"):
        main("folder", argv)
    assert contents(tmp_path / "out") == before


def test_foreign_folders_are_refused(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    with pytest.raises(InputError, match=r"holds other files \(image, 2 in all\)"):
        main("folder", folder_argv(source, source))
    with pytest.raises(InputError, match="is a file; name a folder"):
        main("folder", folder_argv(source, source / "image/p000.png"))
    (tmp_path / "out").mkdir()
    for notes in ("{", "{}", "[]", '{"settings": 1, "inputs": "", "shards": {}}'):
        (tmp_path / "out/.prepare.json").write_text(notes)
        with pytest.raises(InputError, match="notes on an earlier run are damaged"):
            main("folder", folder_argv(source, tmp_path / "out"))


def test_a_run_is_no_folder_of_records(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    (tmp_path / "run").mkdir()
    # As `ccfpse convert` writes it, where there are no records.
    (tmp_path / "run/dataset.json").write_text('{"splits": {}, "prepared": {}}')
    with pytest.raises(InputError, match=r"holds other files \(dataset.json, 1 in"):
        main("folder", folder_argv(source, tmp_path / "run"))


def test_a_name_begins_with_a_letter_that_tfds_takes(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    main("folder", folder_argv(source, tmp_path / "Ünï-街", "--size", 32))
    assert read_description(tmp_path / "Ünï-街").name == "data_ünï_街"


def test_options_of_a_validation_that_is_not_there(tmp_path):
    source = make_folder(tmp_path / "in", 2)
    argv = folder_argv(source, tmp_path / "out", "--val-labels", source / "label")
    with pytest.raises(InputError, match="--val-labels: needs --val-images"):
        main("folder", argv)
    argv += ["--val-images", str(source / "image"), "--val-fraction", "0.5"]
    with pytest.raises(InputError, match="--val-fraction 0.5: --val-images names"):
        main("folder", argv)
    argv = folder_argv(source, tmp_path / "out", "--val-instances", source / "label")
    with pytest.raises(InputError, match="--val-instances: needs --val-images"):
        main("folder", argv)


def test_a_second_run_at_the_same_time_is_refused(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    out = tmp_path / "out"
    out.mkdir()
    with open(out / ".prepare.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another run is writing there"):
            main("folder", folder_argv(source, out))


def test_a_failed_run_keeps_its_shards_and_goes_on(tmp_path, monkeypatch, capsys):
    source = make_folder(tmp_path / "in", 6)
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ("--shards", 3, "--name", "toy", "--size", 32)
    main("folder", folder_argv(source, whole, *more))
    serialize = output_module.serialize_record

    def fail_at_the_fourth(record):
        if record.key == "p003":
            raise OSError(errno.ENOSPC, "full", str(out))
        return serialize(record)

    monkeypatch.setattr(output_module, "serialize_record", fail_at_the_fourth)
    with pytest.raises(OSError, match="full"):
        main("folder", folder_argv(source, out, *more))
    monkeypatch.undo()
    assert list(contents(out)) == ["toy-train.tfrecord-00000-of-00003"]
    assert not list(out.glob(".*.partial"))
    first = out / "toy-train.tfrecord-00000-of-00003"
    time_of_first = first.stat().st_mtime_ns
    with pytest.raises(InputError, match="does not hold dataset"):
        read_description(out)
    capsys.readouterr()
    main("folder", folder_argv(source, out, *more))
    printed = capsys.readouterr().out
    assert "goes on where it was stopped" in printed
    assert "1 of 3 shards are finished already" in printed
    assert first.stat().st_mtime_ns == time_of_first
    assert contents(out) == contents(whole)


def test_a_damaged_shard_is_made_again(tmp_path):
    source = make_folder(tmp_path / "in", 4)
    argv = folder_argv(source, tmp_path / "out", "--shards", 2)
    main("folder", argv)
    before = contents(tmp_path / "out")
    shard = read_description(tmp_path / "out").shard_paths(tmp_path / "out", "train")[1]
    shard.write_bytes(shard.read_bytes()[:100])
    main("folder", argv)
    assert contents(tmp_path / "out") == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_apart():
    record = output_module.Record("k", b"x" * 100000, b"", None, 1, 1)
    with pytest.raises(OSError, match="/dev") as error:
        write_records(Path("/dev/full"), [record])
    assert error.value.errno == errno.ENOSPC


def start(repository, argv):
    script = repository / "tfrecords/folder.py"
    return subprocess.Popen(
        [sys.executable, str(script), *argv],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def heard():
    """Lets programs hear SIGINT, which jobs in a script's background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.parametrize("sent, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_at_any_time_and_run_again(tmp_path, repository, sent, code, heard):
    source = make_folder(tmp_path / "in", 60)
    more = ("--name", "toy", "--workers", 2, "--shards", 30, "--size", "256x512")
    argv = folder_argv(source, tmp_path / "out", *more)
    with start(repository, argv) as process:
        while process.poll() is None and len(contents_or_none(tmp_path / "out")) < 3:
            time.sleep(0.01)
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    finished = contents_or_none(tmp_path / "out")
    assert 3 <= len(finished) < 33
    main("folder", argv)
    main("folder", folder_argv(source, tmp_path / "whole", *more))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert finished.items() <= contents(tmp_path / "out").items()


def contents_or_none(folder):
    return contents(folder) if folder.is_dir() else {}


def test_the_script_prints_errors_without_traceback(tmp_path, repository):
    with start(repository, folder_argv(tmp_path / "no", tmp_path / "out")) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no such folder" in errors and "Traceback" not in errors


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], "--out DIR is needed"),
        (["--out", "o", "--keep-size", "--size", "32"], "does not go with --size"),
        (["--out", "o", "--size", "2x3x4"], "expected HEIGHTxWIDTH"),
        (["--out", "o", "--shards", "0"], "integer of 1 or more"),
        (["--out", "o", "--val-fraction", "1"], "number in"),
    ],
)
def test_command_lines_that_make_no_sense(argv, message, capsys):
    with pytest.raises(SystemExit) as error:
        main("folder", ["--images", "i", "--labels", "l", *argv])
    assert error.value.code == 2 and message in capsys.readouterr().err


def test_options_that_contradict_each_other(tmp_path):
    source = make_folder(tmp_path / "in", 1)
    argv = folder_argv(source, tmp_path / "out")
    palette = tmp_path / "p.txt"
    palette.write_text("0 sky\n")
    for more, message in [
        (["--size", "64", "--load-size", "32"], "below --size 64x64"),
        (["--palette", palette, "--num-classes", "3"], "palette file already says"),
        (["--label-map", palette], "needs --num-classes or --palette"),
        (["--val-images", source / "image"], "needs --val-labels"),
    ]:
        with pytest.raises(InputError, match=message):
            main("folder", [*argv, *map(str, more)])
    with pytest.raises(SystemExit):
        main("ade20k", ["--out", "o"])
    with pytest.raises(SystemExit):
        main("ade20k", ["--source", "s", "--out", "o", "--split", "test"])


def test_validation_windows(tmp_path, capsys):
    make_folder(tmp_path / "in", 2, (40, 70))
    options = ("--keep-size", "--val-fraction", 0.5, "--val-windows", "32x32")
    argv = folder_argv(tmp_path / "in", tmp_path / "out", *options)
    main("folder", argv)
    splits = read_description(tmp_path / "out").splits
    assert (splits["train"].count, splits["val"].count) == (1, 2)
    assert (splits["val"].height, splits["val"].width) == (256, 256)
    main("folder", argv)
    assert "complete already" in capsys.readouterr().out
    with pytest.raises(InputError, match="--val-windows: needs validation photos"):
        main("folder", [*argv[:-4], "--val-windows", "32x32"])
