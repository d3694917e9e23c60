"""`ccfpse study build`: the page, the facts that it must hide, and the refusals."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.study.design import Options
from ccfpse_tf.study.matching import label_colors, match
from ccfpse_tf.study.study_builder import build
from ccfpse_tf.study.trial_pictures import draw_layout, hold_colors, spoil
from tests.study.files import SIZE, write_pictures

COUNT = 8


@pytest.fixture
def places(tmp_path):
    return write_pictures(tmp_path / "in", COUNT)


def _page_and_key(out):
    page = (out / "page" / "index.html").read_text()
    study = re.search(r'id="study">(.*?)</script>', page)[1]
    return page, json.loads(study), json.loads((out / "key.json").read_text())


def _pixels(path):
    return np.asarray(Image.open(path))


def test_the_key_tells_what_the_page_shows(places, tmp_path):
    options = Options(pairs=5, checks=2, question="a </script> & b?")
    built = build(*places, tmp_path / "out", options)
    page, study, key = _page_and_key(tmp_path / "out")
    assert study["question"] == "a </script> & b?"
    assert page.count("</script>") == 2 and "{{" not in page
    assert built.pictures == len(list((tmp_path / "out/page/pictures").iterdir()))
    assert study["study"] == key["study"]
    assert (len(key["pairs"]), len(key["checks"])) == (5, 2)
    pictures = tmp_path / "out" / "page" / "pictures"
    shown = {trial["id"]: trial for trial in study["pairs"] + study["checks"]}
    for id_, pair in key["pairs"].items():
        for name, place in zip("ab", places[:2], strict=True):
            wanted = _pixels(place / f"{pair['key']}.png")
            np.testing.assert_array_equal(_pixels(pictures / pair[name]), wanted)
            assert f"pictures/{pair[name]}" in shown[id_]["images"]
        assert shown[id_]["layout"] == f"pictures/{pair['layout']}"
    for id_, check in key["checks"].items():
        image, spoilt = (_pixels(pictures / check[x]) for x in ("image", "spoilt"))
        place = places["ab".index(check["side"])]
        np.testing.assert_array_equal(image, _pixels(place / f"{check['key']}.png"))
        assert np.abs(image.astype(int) - spoilt).mean() > 30
        assert f"pictures/{check['spoilt']}" in shown[id_]["images"]


def test_checks_use_other_layouts_while_there_are_any(places, tmp_path):
    build(*places, tmp_path / "out", Options(pairs=5, checks=3))
    _, _, key = _page_and_key(tmp_path / "out")
    keys = [
        {trial["key"] for trial in key[kind].values()}
        for kind in key
        if kind in ("pairs", "checks")
    ]
    assert not keys[0] & keys[1]
    assert {check["side"] for check in key["checks"].values()} == {"a", "b"}


def test_the_page_does_not_tell_whose_image_is_whose(tmp_path):
    # Many pairs: where the order of addresses depended on the method, all would have
    # the same; half of 60 is exceeded by 18 once in 300,000 times.
    places = write_pictures(tmp_path / "in", 60, (8, 8))
    build(*places, tmp_path / "out", Options())
    page, study, key = _page_and_key(tmp_path / "out")
    for word in ("_method", "label_maps", "k00", "spoilt", str(tmp_path)):
        assert word not in page
    first = 0
    for trial in study["pairs"]:
        assert trial["images"] == sorted(trial["images"])
        first += trial["images"][0].endswith(key["pairs"][trial["id"]]["a"])
    assert 12 < first < 48
    for path in (tmp_path / "out" / "page" / "pictures").iterdir():
        with Image.open(path) as image:
            assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})


def _digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    content = [(str(x.relative_to(folder)), x.read_bytes()) for x in files]
    return hashlib.sha256(repr(content).encode()).hexdigest()


def test_the_same_input_gives_the_same_study_and_another_seed_another(places, tmp_path):
    for name, seed in (("x", 0), ("y", 0), ("z", 1)):
        build(*places, tmp_path / name, Options(pairs=4, seed=seed))
    assert _digest(tmp_path / "x") == _digest(tmp_path / "y")
    keys = [_page_and_key(tmp_path / name)[2] for name in "xz"]
    assert keys[0]["study"] != keys[1]["study"]
    Image.new("RGB", SIZE[::-1]).save(places[0] / "k00.png")
    build(*places, tmp_path / "changed", Options())
    build(*write_pictures(tmp_path / "again", COUNT), tmp_path / "as before", Options())
    changed, before = (
        _page_and_key(tmp_path / name)[2] for name in ("changed", "as before")
    )
    assert changed["study"] != before["study"]


def test_outputs_of_generate_and_templates_are_matched(places, tmp_path):
    drawn = tmp_path / "drawn"
    (drawn / "images").mkdir(parents=True)
    colors = {"0": [1, 2, 3], "1": [4, 5, 6], "2": [7, 8, 9]}
    (drawn / "generated.json").write_text(json.dumps({"label_colors": colors}))
    for path in places[0].iterdir():
        for style in (1, 2):
            Image.open(path).save(drawn / "images" / f"{path.stem}_style{style}.png")
    labels = tmp_path / "deep" / "er"
    labels.mkdir(parents=True)
    for path in places[2].iterdir():
        path.rename(labels / f"{path.stem}_ids.png")
    matched = match(drawn, places[1], f"{tmp_path}/deep/er/{{key}}_ids.png")
    assert len(matched.pairs) == COUNT and matched.missing == {}
    assert {pair.a.stem for pair in matched.pairs} == {
        f"k{index:02d}_style1" for index in range(COUNT)
    }
    found = label_colors(drawn, places[1], None)
    assert found == {0: (1, 2, 3), 1: (4, 5, 6), 2: (7, 8, 9)}
    layout = draw_layout(matched.pairs[0].label, (24, 32), found)
    assert layout.shape == (24, 32, 3)
    assert {tuple(color) for color in layout.reshape(-1, 3)} == set(found.values())
    assert label_colors(places[0], places[1], None) is None


def test_layouts_without_palette_and_with_an_unknown_id(places, tmp_path):
    path = places[2] / "k00.png"
    first = draw_layout(path, SIZE, None)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) == 3
    Image.fromarray(first).save(tmp_path / "colours.png")
    np.testing.assert_array_equal(
        draw_layout(tmp_path / "colours.png", SIZE, {}), first
    )
    palette = tmp_path / "palette.txt"
    palette.write_text("0 9 9 9 sky\n1 8 8 8 road\n- 0 0 0 nothing\n")
    colors = label_colors("a", "b", palette)
    assert colors == {0: (9, 9, 9), 1: (8, 8, 8), 255: (0, 0, 0)}
    with pytest.raises(InputError, match=r"id 2 at row 7, column 63 has no colour"):
        draw_layout(path, SIZE, colors)


def test_missing_keys_are_told(places, tmp_path, capsys):
    (places[1] / "k03.png").unlink()
    (places[2] / "k05.png").unlink()
    a, b, labels = map(str, places)
    command = ["study", "build", "--a", a, "--b", b, "--labels", labels]
    assert main.run([*command, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "--b lacks 1 that another has: k03" in text
    assert "--labels lacks 1 that another has: k05" in text
    assert "6 pairs; a rater answers 6 of them, 1 twice, and 1 attention check" in text
    with pytest.raises(
        InputError, match=r"--pairs 7: allowed 1..6, the layouts in all"
    ):
        main.run([*command, "--pairs", "7", "--out", str(tmp_path / "more")])
    assert not (tmp_path / "more").exists()


def test_the_command_needs_no_tensorflow(places, tmp_path, repository):
    code = (
        "import sys; from ccfpse_tf.commands import main\n"
        "main.run(['study', 'build', *sys.argv[1:]])\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    options = zip(
        ("--a", "--b", "--labels", "--out"), (*places, tmp_path / "out"), strict=True
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *(str(x) for pair in options for x in pair)],
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_cannot_be_compared_is_refused(places, tmp_path):
    a, b, labels = places
    out = tmp_path / "out"
    Image.new("RGB", (10, 20)).save(b / "k01.png")
    with pytest.raises(DataErrors, match="k01: .* has 48x64, .* has 20x10"):
        build(*places, out, Options())
    (b / "k01.png").write_bytes((a / "k01.png").read_bytes())
    with pytest.raises(DataErrors, match="k01.* are the same image"):
        build(*places, out, Options())
    (b / "k01.png").write_bytes((b / "k02.png").read_bytes()[:900])
    (labels / "k02.png").write_bytes(b"no picture")
    with pytest.raises(DataErrors, match="k01.png: cannot be read as an image"):
        build(*places, out, Options())
    (b / "k01.png").unlink()
    with pytest.raises(DataErrors, match="k02.png: cannot be read as an image"):
        build(*places, out, Options())
    assert not list(tmp_path.glob("*out*")) and not list(tmp_path.glob(".*"))


def test_folders_as_people_have_them(places, tmp_path):
    a, b, labels = places
    for folder in places:
        (folder / "._k00.png").write_bytes(b"\0\5\x16\7")
        (folder / "k01.png").rename(folder / "k01.PNG")
        (folder / "k02.png").rename(folder / "e\u0301.png")
    (b / "e\u0301.png").rename(b / "\u00e9.png")
    for folder in (a, b):
        pictures = tmp_path / folder.name
        for path in sorted(folder.glob("k0[3-5].png")):
            nested = pictures / path.stem / "out" / f"{path.stem}.png"
            nested.parent.mkdir(parents=True)
            path.rename(nested)
    matched = match(a, b, labels)
    assert [pair.key for pair in matched.pairs] == [
        "k00",
        "k01",
        "k06",
        "k07",
        "\u00e9",
    ]
    twice = (
        f"{folder}/{{key}}/out/{{key}}.png"
        for folder in (tmp_path / a.name, tmp_path / b.name)
    )
    matched = match(*twice, labels)
    assert [pair.key for pair in matched.pairs] == ["k03", "k04", "k05"]
    with pytest.raises(DataErrors, match="--a d/{x}.png: '{x}' means nothing here"):
        match("d/{x}.png", b, labels)


def test_two_pictures_of_one_name_are_not_given_up(places):
    a, b, labels = places
    Image.open(a / "k00.png").save(a / "k00.jpg")
    with pytest.raises(DataErrors) as error:
        match(a, b, labels)
    assert f"choose one ending by --a '{a}/{{key}}.jpg' or --a '{a}/{{key}}.png'" in (
        str(error.value)
    )
    assert len(match(f"{a}/{{key}}.png", b, labels).pairs) == COUNT


def test_greys_and_bits_among_coloured_layouts_are_colours(tmp_path):
    for name, mode in (("a.png", "RGB"), ("b.png", "1"), ("c.png", "L")):
        picture = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
        picture = picture.convert("RGB")
        if mode == "RGB":
            picture.putpixel((0, 0), (9, 8, 7))
        picture.convert(mode).save(tmp_path / name)
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    assert hold_colors(paths) and not hold_colors(paths[1:])
    for path in paths[1:]:
        drawn = draw_layout(path, (2, 2), {0: (1, 1, 1), 1: (2, 2, 2)}, by_color=True)
        np.testing.assert_array_equal(drawn[..., 1], [[0, 255], [255, 0]])


def test_folders_that_do_not_fit(places, tmp_path, monkeypatch):
    a, b, labels = places
    with pytest.raises(DataErrors, match="--b .*nowhere.*no such folder"):
        match(a, tmp_path / "nowhere", labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataErrors, match="--labels .*: no pictures"):
        match(a, b, tmp_path / "empty")
    with pytest.raises(InputError, match="no name is in all of --a, --b and --labels"):
        match(a, f"{b}/k{{key}}.png", labels)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(InputError, match="holds files; name a new folder"):
        build(*places, tmp_path / "out", Options())
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="--out .: .* while you are in it"):
        build(*places, Path("."), Options())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(per_rater=9), "--per-rater 9: allowed 1..8, the pairs of the study"),
        (Options(repeats=5), "--repeats 5: allowed 0..4"),
        (Options(checks=-1), "--checks -1: allowed 0..8"),
        (Options(min_seconds=100), "--min-seconds 100: allowed 0..60"),
        (Options(question=" "), "--question is empty"),
    ],
)
def test_numbers_that_do_not_fit(places, tmp_path, options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        build(*places, tmp_path / "out", options)


def test_spoilt_images_are_worse_than_noise_alone():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    spoilt = spoil(noise, np.random.default_rng(1))
    assert np.abs(spoilt.astype(int) - noise).mean() > 30
    np.testing.assert_array_equal(spoilt, spoil(noise, np.random.default_rng(1)))
