"""Few ids that are far apart are not taken for a hundred classes without a word."""

import json
import re

import numpy as np
import pytest

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.data.prepare.spread_ids import spread_note
from ccfpse_tf.errors import InputError
from tests.data.toy import coordinates, save


def prepare(root, ids, *more):
    save(root / "img/a.png", coordinates(32, len(ids) * 8))
    save(root / "lab/a.png", np.repeat(np.array(ids), 8)[None].repeat(32, axis=0))
    argv = ["--images", f"{root}/img", "--labels", f"{root}/lab", "--workers", "1"]
    return main("folder", [*argv, "--check", *more])


def advised(root, text):
    """The options that a message gives, with the file that it describes."""
    options, label_map = re.search(
        r"give (--num\S+ \d+[^F]*)FILE with (\{.*?\})", text
    ).groups()
    (root / "map.json").write_text(label_map)
    return [*options.split(), str(root / "map.json")]


@pytest.mark.parametrize(
    "values",
    [[0, 127, 255], [0, 128, 255], [0, 85, 170, 255], [0, 64, 128, 191, 255]],
)
def test_even_greys_are_refused_with_advice_that_works(tmp_path, values, capsys):
    ids = np.array(values, np.uint8)
    with pytest.raises(InputError, match="divide 0..255 evenly") as error:
        prepare(tmp_path, ids)
    assert prepare(tmp_path, ids, *advised(tmp_path, str(error.value))) == 0
    printed = capsys.readouterr().out
    assert all(f"class {index}\n" in printed for index in range(len(values)))
    assert "never" not in printed and "note" not in printed
    as_ids = re.search(r"say so: (.*)", str(error.value))[1].split()
    assert prepare(tmp_path, ids, *as_ids) == 0


@pytest.mark.parametrize(
    "values", [[0, 38, 75, 220], [0, 100], [0, 10, 20, 30], [3, 64, 200, 255]]
)
def test_other_spread_ids_are_noted_with_advice_that_works(tmp_path, values, capsys):
    ids = np.array(values, np.uint8)
    assert prepare(tmp_path, ids) == 0
    (note,) = [x for x in capsys.readouterr().out.splitlines() if "note:" in x]
    assert ('"255": 3} if 255 is a class, too' in note) == (255 in values)
    classes = len(set(values) - {255})
    assert f"hold only {classes} of the ids 0..{max(set(values) - {255})}" in note
    assert prepare(tmp_path, ids, *advised(tmp_path, note)) == 0
    printed = capsys.readouterr().out
    assert "never" not in printed and "note" not in printed
    as_ids = re.search(r"if they are ids, (--num\S+ \d+(?: --dont\S+ \d+)?)", note)[1]
    assert prepare(tmp_path, ids, *as_ids.split()) == 0
    assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "values",
    [
        range(34),
        [*range(150), 255],
        [0, 15, 20],
        [7, 8, 11, 21, 23, 24, 26, 33],
        [0, 1, 2],
        [0],
    ],
)
def test_ids_as_data_sets_have_them_pass_without_a_note(tmp_path, values, capsys):
    assert prepare(tmp_path, np.array(values, np.uint8)) == 0
    assert "note" not in capsys.readouterr().out


def test_greys_of_16_bits(tmp_path):
    ids = np.array([0, 32768, 65535], np.uint16)
    with pytest.raises(
        InputError, match=r"ids 0\.\.65535.*if 0, 32768, 65535"
    ) as error:
        prepare(tmp_path, ids)
    assert prepare(tmp_path, ids, *advised(tmp_path, str(error.value))) == 0


def test_the_dont_care_id_is_left_where_it_is():
    note = spread_note({0, 1, 50, 100}, 1)
    assert (
        '--num-classes 3 --dont-care-id 1 --label-map FILE with {"50": 2, "100": 3}'
        in (note)
    )
    assert json.loads(re.search(r"\{.*\}", note)[0]) == {"50": 2, "100": 3}
