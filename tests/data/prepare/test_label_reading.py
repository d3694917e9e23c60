"""Label files of a data set are read in one way: all by number, or all by colour."""

import json

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.prepare.label_reading import load_label
from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import DataErrors, InputError
from tests.data.prepare.written import records_of
from tests.data.toy import coordinates, save

PALETTE = """\
0 0 255 255 urban
1 255 255 0 field
2 #0000ff water
3 #FFFFFF barren
- 0 0 0 unknown
"""
COLORS = np.array(
    [[0, 255, 255], [255, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]], np.uint8
)


def bands(*ids):
    """Vertical bands of these ids, 32 x 32."""
    return np.repeat(np.array(ids, np.uint8), 32 // len(ids))[None].repeat(32, axis=0)


def greys(*values):
    return Image.fromarray(bands(*values))


def write(root, files, palette=PALETTE):
    """Saves photos and Pillow images of label maps, and the palette."""
    for key, label in files.items():
        save(root / f"img/{key}.png", coordinates(32, 32))
        (root / "lab").mkdir(exist_ok=True)
        label.save(root / f"lab/{key}.png")
    (root / "palette.txt").write_text(palette)
    return root


def prepare(root, *more):
    argv = ["--images", f"{root}/img", "--labels", f"{root}/lab", "--workers", "1"]
    argv += ["--palette", f"{root}/palette.txt", "--size", "32", "--load-size", "32"]
    main(
        "folder", [*argv, *([] if "--check" in more else ["--out", f"{root}/r"]), *more]
    )


def labels_of(root, split="train"):
    return [record["label"] for record in records_of(root / "r", split)]


def color(*ids):
    return Image.fromarray(COLORS[bands(*ids)])


def test_greys_and_bits_are_colours_where_others_are(tmp_path, capsys):
    table = color(0, 1, 2, 3).convert("P", palette=Image.Palette.ADAPTIVE)
    files = {
        "a": color(0, 1, 2, 4),
        "b": color(3, 4).convert("1"),
        "c": color(4).convert("L"),
        "d": color(3, 4).convert("LA"),
        "e": table,
    }
    root = write(tmp_path, files)
    prepare(root)
    wanted = [bands(0, 1, 2, 4), bands(3, 4), bands(4), bands(3, 4), bands(0, 1, 2, 3)]
    np.testing.assert_array_equal(labels_of(root), wanted)
    (note,) = [x for x in capsys.readouterr().out.splitlines() if "note" in x]
    assert note == (
        f"note: {root}/lab/b.png is grey, and like all label files read by its "
        f"colours, as {root}/lab/a.png is"
    )
    assert read_description(root / "r").label_format == "colors"


def test_a_label_map_changes_colours_as_it_does_ids(tmp_path):
    write(tmp_path, {"a": color(0, 1, 2, 3), "b": color(4, 3, 2, 2)})
    (tmp_path / "map.json").write_text('{"3": 1, "2": null}')
    prepare(tmp_path, "--label-map", f"{tmp_path}/map.json")
    a, b = labels_of(tmp_path)
    assert a[0, ::8].tolist() == [0, 1, 4, 1] and b[0, ::8].tolist() == [4, 1, 4, 4]


def test_colours_that_were_not_looked_at_may_be_others_now(tmp_path, capsys):
    write(tmp_path, {"a": greys(0, 1, 2, 3)})
    prepare(tmp_path)
    path = tmp_path / "r" / "dataset.json"
    fields = json.loads(path.read_text())
    fields["prepared"]["settings"]["label_colors"][0][1] += 1  # of another version
    path.write_text(json.dumps(fields))
    capsys.readouterr()
    prepare(tmp_path)
    assert "complete already" in capsys.readouterr().out


def test_dont_care_is_no_class_of_the_palette(tmp_path):
    write(tmp_path, {"a": color(0, 1, 2, 3)})
    with pytest.raises(InputError, match="id 2: .*txt names it a class, 'water'; wri"):
        prepare(tmp_path, "--dont-care-id", "2")


def test_both_splits_are_read_alike(tmp_path):
    root = write(tmp_path, {"a": color(0, 1)})
    val = write(tmp_path / "val", {"b": color(3, 4).convert("1")})
    prepare(root, "--val-images", f"{val}/img", "--val-labels", f"{val}/lab")
    np.testing.assert_array_equal(labels_of(root, "val"), [bands(3, 4)])


def test_ids_beside_colours_are_refused_with_one_of_each(tmp_path):
    root = write(tmp_path, {"a": color(0, 1), "b": greys(0, 1, 2, 3)})
    with pytest.raises(DataErrors) as error:
        prepare(root, "--check")
    (problem,) = error.value.problems
    assert problem.startswith(
        f"{root}/lab/b.png: holds ids, but {root}/lab/a.png holds"
    )
    assert "colour (1, 1, 1) at row 0, column 8; allowed the palette's" not in problem
    assert "colour (1, 1, 1) at row 0, column 8" in problem
    assert "--label-format" not in problem


def test_ids_beside_colour_tables_have_a_way_out(tmp_path):
    table = greys(0, 1, 2, 3).convert("P")
    table.putpalette(COLORS.ravel().tolist())
    root = write(tmp_path, {"a": table, "b": greys(0, 1, 2, 3)})
    with pytest.raises(DataErrors, match="or give --label-format ids"):
        prepare(root, "--check")
    prepare(root, "--label-format", "ids")
    np.testing.assert_array_equal(labels_of(root), [bands(0, 1, 2, 3)] * 2)
    assert read_description(root / "r").label_format == "ids"
    assert read_description(root / "r").label_colors == ()


def test_greys_alone_are_ids_as_long_as_they_can_be(tmp_path):
    root = write(tmp_path, {"a": greys(0, 1), "b": greys(2, 3)})
    prepare(root)
    np.testing.assert_array_equal(labels_of(root), [bands(0, 1), bands(2, 3)])
    assert read_description(root / "r").label_format == "ids"


def test_greys_alone_are_colours_if_nothing_else_explains_them(tmp_path, capsys):
    root = write(tmp_path, {"a": greys(0, 255)})
    prepare(root)
    np.testing.assert_array_equal(labels_of(root), [bands(4, 3)])
    assert "a.png is grey, and like all label files read by" in capsys.readouterr().out


def test_what_neither_reading_explains_is_listed(tmp_path):
    root = write(tmp_path, {"a": greys(0, 77)})
    with pytest.raises(DataErrors, match="id 77 at row 0, column 16; allowed 0..3"):
        prepare(root, "--check")
    write(root, {"b": color(0, 1)})
    with pytest.raises(DataErrors, match=r"a\.png: colour \(77, 77, 77\) at row 0"):
        prepare(root, "--check")


def test_label_format_decides_for_every_file(tmp_path):
    root = write(
        tmp_path, {"a": greys(0, 1)}, "0 0 0 0 sky\n1 #ffffff sea\n2 #010101 x"
    )
    prepare(root, "--label-format", "colors")
    np.testing.assert_array_equal(labels_of(root), [bands(0, 2)])
    root = write(tmp_path / "more", {"a": color(3, 4).convert("1")})
    prepare(root, "--label-format", "colors")
    np.testing.assert_array_equal(labels_of(root), [bands(3, 4)])


def test_the_format_is_a_setting_and_unknown_to_earlier_notes(tmp_path, capsys):
    root = write(tmp_path, {"a": greys(0, 1)}, "0 0 0 0 sky\n1 #010101 sea\n")
    prepare(root)
    with pytest.raises(InputError, match="label_format was 'auto', is now 'colors'"):
        prepare(root, "--label-format", "colors")
    path = root / "r/dataset.json"
    fields = json.loads(path.read_text())
    assert fields.pop("label_format") == "ids"
    assert fields["prepared"]["settings"].pop("label_format") == "auto"
    path.write_text(json.dumps(fields))
    assert read_description(root / "r").label_format == "auto"
    prepare(root)
    assert "complete already" in capsys.readouterr().out


def test_ids_of_16_bits_are_no_colours(tmp_path):
    path = save(tmp_path / "a.png", bands(0, 1).astype(np.uint16))
    with pytest.raises(
        InputError, match="a.png: holds greys of 0..65535, where colours of"
    ):
        load_label(str(path), "colors")


def test_white_of_single_bits_and_of_masks_is_not_mixed_up(tmp_path):
    files = {"a": greys(0, 255).convert("1"), "b": greys(0, 255)}
    root = write(tmp_path, files)
    argv = ["--images", f"{root}/img", "--labels", f"{root}/lab", "--check"]
    with pytest.raises(InputError, match="white is 1 in .*a.png.* and 255 in .*b.png"):
        main("folder", [*argv, "--workers", "1"])
    (root / "map.json").write_text('{"255": 1}')  # as advised
    argv += ["--num-classes", "2", "--label-map", f"{root}/map.json"]
    assert main("folder", [*argv, "--workers", "1"]) == 0


def test_white_of_single_bits_is_named_beside_255(tmp_path, capsys):
    root = write(tmp_path, {"a": greys(0, 2, 255, 255), "b": greys(0, 0).convert("1")})
    argv = ["--images", f"{root}/img", "--labels", f"{root}/lab", "--check"]
    main("folder", [*argv, "--workers", "1"])
    assert "note" not in capsys.readouterr().out  # it holds no white
    write(root, {"b": greys(0, 255).convert("1")})
    main("folder", [*argv, "--workers", "1"])
    assert (
        f"note: white is id 1 in {root}/lab/b.png, a file of single bits, and 255 in "
        f"{root}/lab/a.png; if both mean one class, save all"
    ) in capsys.readouterr().out
