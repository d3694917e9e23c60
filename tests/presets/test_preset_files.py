"""The format of presets: the round trip, and files that are not as written."""

import dataclasses
import json
import os

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import write_arrays
from ccfpse_tf.files.digests import sha256_of_files
from ccfpse_tf.presets import preset_files
from ccfpse_tf.presets.preset_files import read_preset, write_preset
from tests.presets.made import invented


@pytest.fixture
def folder(tmp_path):
    write_preset(tmp_path / "tiny", invented())
    return tmp_path / "tiny"


def facts_of(folder, name="metadata.json"):
    return json.loads((folder / name).read_text())


def change(folder, **changes):
    """Writes other facts, and says of all files that they are as they are now."""
    config, facts = facts_of(folder, "config.json"), facts_of(folder)
    for key, value in changes.items():
        (config if key in config else facts)[key] = value
    (folder / "config.json").write_text(json.dumps(config))
    if "files" not in changes:
        facts["files"] = {
            name: sha256_of_files(folder / name) for name in facts["files"]
        }
    (folder / "metadata.json").write_text(json.dumps(facts))


def test_a_preset_is_read_as_it_was_written(folder):
    wanted, found = invented(), read_preset(folder)
    assert (found.config, found.data) == (wanted.config, wanted.data)
    for name in ("name", "title", "step", "difference", "layouts", "card"):
        assert getattr(found, name) == getattr(wanted, name), name
    assert found.weights.keys() == wanted.weights.keys()
    for name, values in wanted.weights.items():
        assert found.weights[name].dtype == values.dtype
        np.testing.assert_array_equal(found.weights[name], values)
    for style, same in zip(found.styles, wanted.styles, strict=True):
        assert (style.picture, style.source) == (same.picture, same.source)
        np.testing.assert_array_equal(style.code, same.code)
    assert found.source == str(folder)
    assert found.identity == f"tiny {sha256_of_files(folder / 'weights.npz')[:12]}"


def test_the_same_preset_has_the_same_bytes(folder, tmp_path):
    write_preset(tmp_path / "again", invented())
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_without_styles_and_instances(tmp_path):
    data = dataclasses.replace(invented().data, instances=False)
    layout = dataclasses.replace(invented().layouts[0], instance=None)
    sizes = write_preset(
        tmp_path / "plain", invented(data=data, styles=(), layouts=(layout,))
    )
    facts = {"README.md", "config.json", "metadata.json"}
    assert set(sizes) == facts | {"layout_1.png", "weights.npz"}
    found = read_preset(tmp_path / "plain")
    assert found.styles == () and found.layouts == (layout,)


def test_an_earlier_preset_is_replaced_when_the_new_one_is_whole(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(preset_files, "MOST_BYTES", 100)
    with pytest.raises(InputError) as caught:
        write_preset(folder, invented(title="another"))
    for words in ("at most 0 MB", "weights.npz: 0.00 MB", "Nothing was written"):
        assert words in str(caught.value)
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    monkeypatch.undo()
    write_preset(folder, invented(title="another", styles=()))
    assert read_preset(folder).title == "another"
    assert not (folder / "styles.npz").exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "ä", ".hidden", "a b"])
def test_names_that_are_no_names(name, tmp_path):
    with pytest.raises(InputError, match="has letters, digits"):
        write_preset(tmp_path / "out", invented(name=name))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_preset(tmp_path):
    with pytest.raises(
        InputError, match="is not a preset, as it holds no metadata.json"
    ):
        read_preset(tmp_path)


@pytest.mark.parametrize(
    "name", ["weights.npz", "styles.npz", "style_01.png", "config.json"]
)
def test_changed_cut_and_missing_files(name, folder):
    path = folder / name
    content = path.read_bytes()
    digest = sha256_of_files(path)
    for damaged in (content[:-7], content[:-1] + b"x", b""):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name}: is damaged: its SHA-256") as e:
            read_preset(folder)
        assert digest in str(e.value) and "copy or install" in str(e.value)
    path.unlink()
    with pytest.raises(InputError, match=f"{name}: cannot be read .No such file"):
        read_preset(folder)


def test_weights_that_are_no_archive(folder):
    (folder / "weights.npz").write_bytes(b"PK\x03\x04 and no more")
    change(folder)
    with pytest.raises(InputError, match="weights.npz: is not a readable .npz file"):
        read_preset(folder)


def test_weights_with_code_are_not_unpickled(folder):
    class Command:
        def __reduce__(self):
            return os.mkdir, (str(folder / "executed"),)

    write_arrays(folder / "weights.npz", {"a": np.array([Command()], object)})
    change(folder)
    with pytest.raises(InputError, match="object, not of numbers"):
        read_preset(folder)
    assert not (folder / "executed").exists()


def test_arrays_that_would_not_fit_in_memory(folder):
    zeros = {"a": np.zeros(80_000_000, np.uint8)}
    write_arrays(folder / "weights.npz", zeros, compressed=True)
    assert (folder / "weights.npz").stat().st_size < 1_000_000
    change(folder)
    with pytest.raises(InputError, match="80,000,128 bytes, at most 64,000,000"):
        read_preset(folder)


def test_files_larger_than_a_preset(folder):
    with open(folder / "README.md", "wb") as file:
        file.truncate(9_000_000)
    with pytest.raises(InputError, match="files have more than 8 MB"):
        read_preset(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"format": "1"}', "\ufeff{}"])
def test_facts_that_are_no_facts(text, folder):
    (folder / "metadata.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"metadata\.json: .*copy or install"):
        read_preset(folder)


def test_another_format(folder):
    change(folder, format=3)
    words = "has format 3, this version .* reads 2; install a newer version"
    with pytest.raises(InputError, match=words):
        read_preset(folder)


def test_the_format_of_earlier_versions(folder):
    (folder / "metadata.json").rename(folder / "preset.json")
    with pytest.raises(InputError, match="is a preset of format 1.* `ccfpse publish"):
        read_preset(folder)


def test_an_architecture_of_another_version(folder):
    config = facts_of(folder, "config.json")["config"]
    config["generator"]["architecture"] = "ccfpse_of_tomorrow"
    change(folder, config=config)
    with pytest.raises(InputError) as caught:
        read_preset(folder)
    for words in ("'ccfpse_of_tomorrow'", "must be", "'ccfpse'", "was written by 0."):
        assert words in str(caught.value)


def test_absurd_widths(folder):
    config = facts_of(folder, "config.json")["config"]
    config["generator"]["ngf"] = 10**30
    change(folder, config=config)
    with pytest.raises(InputError, match="config.json .*\n.*ngf is 10{30}; .* or less"):
        read_preset(folder)


WRONG = [
    {"name": 7},
    {"title": None},
    {"step": -1},
    {"step": True},
    {"difference": {}},
    {"difference": {"largest": "much", "mean": 0, "images": 1}},
    {"styles": "ab"},
    {"styles": ["one"]},
    {"styles": [1, 2]},
    {"layouts": 2},
    {"layouts": 10**12},
    {"data": {}},
    {"data": 7},
    {"files": []},
    {"files": {}},
    {"files": {"../metadata.json": "0"}},
    {"files": {"preset/../../x": "0"}},
    {"files": {"/etc/hostname": "0"}},
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_facts_of_wrong_kinds(changes, folder):
    change(folder, **changes)
    with pytest.raises(InputError, match="metadata.json|config.json|style_0"):
        read_preset(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_classes", 0),
        ("num_classes", 4),
        ("class_names", ["low", 7, "high"]),
        ("palette", [[0, 0, 0]] * 2),
        ("palette", [[0, 0, 256]] * 3),
        ("dont_care_index", 9),
        ("label_ids", {"7": 3}),
        ("instances", "yes"),
        ("format", 2),
    ],
)
def test_descriptions_that_contradict_themselves(key, value, folder):
    data = facts_of(folder, "config.json")["data"]
    change(folder, data=data | {key: value})
    with pytest.raises(InputError, match="config.json.* (damaged|format)"):
        read_preset(folder)


def test_graphs_for_onnx_runtime(folder, tmp_path):
    graphs = {"model.onnx": b"a graph", "encoder.onnx": b"another"}
    write_preset(tmp_path / "both", invented(graphs=graphs))
    assert read_preset(tmp_path / "both").graphs == graphs
    assert read_preset(folder).graphs == {}
    (tmp_path / "both" / "model.onnx").write_bytes(b"a grapH")
    with pytest.raises(InputError, match="model.onnx: is damaged: its SHA-256"):
        read_preset(tmp_path / "both")


def test_the_card_may_be_edited_and_is_not_lost(folder):
    card = folder / "README.md"
    card.write_text("# Mine, edited on a hub\n")
    assert read_preset(folder).card == "# Mine, edited on a hub\n"
    with pytest.raises(
        InputError, match="README.md: .* move it away, and give .* --card"
    ):
        write_preset(folder, invented())
    assert card.read_text() == "# Mine, edited on a hub\n"
    card.unlink()
    write_preset(folder, invented())
    assert read_preset(folder).card == invented().card


def test_the_picture_of_the_card(tmp_path):
    write_preset(tmp_path / "tiny", invented(picture=b"a JPEG"))
    assert read_preset(tmp_path / "tiny").picture == b"a JPEG"


def test_a_difference_that_was_not_measured(tmp_path):
    write_preset(tmp_path / "tiny", invented(difference=None))
    assert read_preset(tmp_path / "tiny").difference is None


def test_the_metadata_tell_versions_and_sizes(folder):
    facts = facts_of(folder)
    assert facts["library"] == "ccfpse_tf" and facts["parameter_count"] == 16
    assert facts["versions"].keys() >= {"ccfpse-tf", "keras", "tensorflow"}
    assert set(facts["files"]) == {path.name for path in folder.iterdir()} - {
        "metadata.json"
    }


@pytest.mark.parametrize("library", ["keras_hub_version", "keras_version"])
def test_a_preset_of_keras_hub(library, tmp_path):
    (tmp_path / "metadata.json").write_text(json.dumps({library: "0.30.0"}))
    with pytest.raises(InputError, match="another library .a model of Keras."):
        read_preset(tmp_path)
    config = {"module": "keras_hub.src.models.vit", "class_name": "ViTBackbone"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=".ViTBackbone., not of ccfpse_tf: open it by"):
        read_preset(tmp_path)
