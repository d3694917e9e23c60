"""Label files of a folder, read as the run's own label files were."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.generation.label_folder import examples
from tests.data.toy import save

SIZE = (4, 4)
IDS = np.repeat(np.arange(4, dtype=np.uint8), 4).reshape(SIZE).T.copy()
COLORS = np.array([[0, 0, 0], [9, 8, 7], [255, 255, 255], [0, 0, 255]], np.uint8)


def description(instances=False, **changes):
    fields = {
        "name": "toy",
        "num_classes": 4,
        "dont_care_index": None,
        "instances": instances,
        "label_mapping": "identity",
        "class_names": tuple("abcd"),
        "palette": tuple(map(tuple, COLORS.tolist())),
        "label_ids": {index: index for index in range(4)},
        "splits": {},
        "tool": "test",
    }
    return Description(**fields | changes)


def by_color(reading):
    colors = tuple((*color, index) for index, color in enumerate(COLORS.tolist()))
    return description(label_colors=colors, label_format=reading)


def labels_of(folder, facts):
    found = examples(folder, None, facts, SIZE)
    return {example["key"][0].decode(): example["label"][0] for example in found}


def test_hidden_files_do_not_count_and_endings_come_in_any_case(tmp_path, capsys):
    for name in ("b.png", "A.PNG", "c/d.png", ".ipynb_checkpoints/b.png"):
        save(tmp_path / name, IDS)
    (tmp_path / "._b.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "photo.jpg").touch()
    assert list(labels_of(tmp_path, description())) == ["A", "b", "c/d"]
    assert f"note: {tmp_path}: left out photo.jpg" in capsys.readouterr().out


def test_templates_of_labels_and_instances(tmp_path):
    name = unicodedata.normalize("NFD", "é")
    save(tmp_path / f"{name}_L.png", IDS)
    save(tmp_path / "é_I.PNG", IDS)
    places = (f"{tmp_path}/{{key}}_L.png", f"{tmp_path}/{{key}}_I.png")
    (example,) = examples(*places, description(instances=True), SIZE)
    assert example["key"][0].decode() == name
    np.testing.assert_array_equal(example["instance"][0], IDS)
    with pytest.raises(InputError, match="'{L}' means nothing here"):
        labels_of(f"{tmp_path}/{{key}}_{{L}}.png", description())


def test_missing_instance_maps_and_equal_names_are_named(tmp_path):
    save(tmp_path / "lab/a.png", IDS)
    facts = description(instances=True)
    with pytest.raises(DataErrors, match="ins/a.png: missing instance map"):
        examples(tmp_path / "lab", tmp_path / "ins", facts, SIZE)
    save(tmp_path / "lab/x/y.png", IDS)
    save(tmp_path / "lab/x__y.png", IDS)
    with pytest.raises(DataErrors, match="x/y.png: same name as .*x__y.png; rename"):
        labels_of(tmp_path / "lab", description())


def test_a_run_of_colours_reads_greys_and_bits_as_colours(tmp_path):
    black_and_white = Image.fromarray(COLORS[np.where(IDS % 2, 2, 0)])
    black_and_white.convert("1").save(tmp_path / "a.png")
    black_and_white.convert("L").save(tmp_path / "b.png")
    labels = labels_of(tmp_path, by_color("colors"))
    for key in "ab":
        np.testing.assert_array_equal(labels[key], np.where(IDS % 2, 2, 0))


def test_a_run_of_ids_reads_numbers(tmp_path):
    table = Image.fromarray(IDS).convert("P")
    table.putpalette(COLORS.ravel().tolist())
    table.save(tmp_path / "a.png")
    np.testing.assert_array_equal(labels_of(tmp_path, description())["a"], IDS)


def test_earlier_records_leave_the_reading_to_the_files(tmp_path, capsys):
    facts = by_color("auto")
    save(tmp_path / "ids/a.png", IDS)
    np.testing.assert_array_equal(labels_of(tmp_path / "ids", facts)["a"], IDS)
    save(tmp_path / "both/a.png", COLORS[IDS])
    black = Image.fromarray(COLORS[np.where(IDS % 2, 2, 0)]).convert("1")
    black.save(tmp_path / "both/b.png")
    labels = labels_of(tmp_path / "both", facts)
    np.testing.assert_array_equal(labels["b"], np.where(IDS % 2, 2, 0))
    assert "b.png is grey, and like all label files" in capsys.readouterr().out
    save(tmp_path / "both/c.png", IDS)
    with pytest.raises(InputError, match="c.png: holds ids, but .*a.png holds colours"):
        labels_of(tmp_path / "both", facts)


def test_values_that_the_data_lack_are_all_named(tmp_path):
    save(tmp_path / "a.png", IDS + 1)
    save(tmp_path / "b.png", IDS + 2)
    with pytest.raises(DataErrors, match="2 problems in --labels") as error:
        labels_of(tmp_path, description())
    assert "a.png: id 4 at row 0, column 3; allowed 0..3" in str(error.value)
