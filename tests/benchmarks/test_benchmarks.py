"""The benchmarks' own logic; nothing here depends on how fast the machine is."""

import dataclasses
import importlib
import itertools
import math
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks import (
    BENCHMARKS,
    __main__,
    arithmetic,
    check,
    machine,
    memory,
    models,
    official_input,
    other_methods,
    report,
    results,
    unfolding,
)
from benchmarks import conditional_convolution as convolution
from benchmarks.command import override, run
from benchmarks.measure import Ratio, Timings, interleaved, ratio
from benchmarks.models import Network
from ccfpse_tf.errors import InputError


def figure(value, name="a / b", better="higher", target=None):
    return Ratio(name, value, value, value, better, target)


def test_sides_take_turns_after_the_warm_up():
    turns = []
    ticks = itertools.count()
    sides = {name: lambda name=name: turns.append(name) for name in "ab"}
    timings = interleaved(sides, rounds=5, warm_up=1, clock=lambda: next(ticks))
    assert "".join(turns) == "ab" * 6
    assert timings.seconds == {"a": (1,) * 5, "b": (1,) * 5}


def test_quick_sides_are_called_until_their_turn_is_long_enough():
    turns, now = [], [0.0]

    def side(name, seconds):
        turns.append(name)
        now[0] += seconds

    sides = {"a": lambda: side("a", 2.0), "b": lambda: side("b", 0.5)}
    timings = interleaved(sides, rounds=5, warm_up=0, turn=1.8, clock=lambda: now[0])
    assert "".join(turns) == "ab" + "abbbb" * 5
    assert timings.seconds == {"a": (2.0,) * 5, "b": (0.5,) * 5}


def test_too_few_rounds_are_refused():
    with pytest.raises(InputError, match="4 rounds; at least 5"):
        interleaved({"a": lambda: None}, rounds=4)
    with pytest.raises(InputError, match="3 rounds; at least 5"):
        other_methods.measure(other_methods.Settings(rounds=3))


def test_ratios_are_formed_round_by_round():
    # The machine is ten times slower in the last rounds: every round's ratio is 2.
    timings = Timings({"a": (2, 4, 20, 40, 60), "b": (1, 2, 10, 20, 30)})
    assert timings.quotients("a", "b") == [2] * 5
    assert timings.quotients("a", "b", 0.5) == [1] * 5
    found = ratio("a / b", [3, 1, 2], "lower", 2)
    assert (found.value, found.low, found.high, found.reached) == (2, 1, 3, True)
    assert ratio("a / b", [1], "higher", 2).reached is False
    assert ratio("a / b", [1], "higher").reached is None
    with pytest.raises(ValueError, match="allowed: higher, lower"):
        ratio("a / b", [1], "faster")


def test_peak_memory_sees_what_was_let_go():
    if not memory.available():
        pytest.skip("this system does not let a process reset its peak")
    with memory.PeakMemory() as peak:
        array = np.ones(64 << 20, np.uint8)
        del array
    assert 63 << 20 < peak.extra < 96 << 20
    with memory.PeakMemory(peak.baseline) as later:
        pass
    assert later.extra < 32 << 20


def test_a_fresh_process_returns_what_the_function_returns(repository, monkeypatch):
    monkeypatch.chdir(repository)
    assert memory.measured_alone("builtins", "dict", a=[1, "b"]) == {"a": [1, "b"]}


def test_a_fresh_process_finds_the_variables_that_it_is_given(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("OURS", "kept")
    given = {"GIVEN": "new"}
    assert memory.measured_alone("os", "getenv", given, key="GIVEN") == "new"
    assert memory.measured_alone("os", "getenv", given, key="OURS") == "kept"


def test_results_survive_their_file(tmp_path):
    path = tmp_path / "new" / "x.json"
    result = results.Result((figure(2.0, target=1.0),), {"seconds": 1}, ("note",))
    results.write(path, {"benchmark": "x"}, result)
    assert results.read(path) == ({"benchmark": "x"}, result)
    path.write_text("{}")
    with pytest.raises(InputError, match="not a result of a benchmark"):
        results.read(path)


@pytest.mark.parametrize(
    ("better", "now", "worse"),
    [
        ("higher", 8.1, False),
        ("higher", 7.9, True),
        ("higher", 30.0, False),
        ("lower", 11.9, False),
        ("lower", 12.1, True),
        ("lower", 3.0, False),
    ],
)
def test_worse_means_by_more_than_a_fifth(better, now, worse):
    assert check.is_worse(figure(10.0, better=better), figure(now), 0.2) is worse


def test_comparison_pairs_by_name():
    old = [figure(10.0, "kept"), figure(10.0, "fallen"), figure(1.0, "gone")]
    new = [figure(9.0, "kept"), figure(5.0, "fallen"), figure(1.0, "new")]
    found = check.compare(old, new)
    assert found.worse == ((old[1], new[1]),)
    assert found.fine == ("kept",)
    assert found.unrecorded == ("new",)
    assert found.unmeasured == ("gone",)


def _recorded(folder, **values):
    folder = results.recordings_of(machine.processor(), folder)
    for name, value in values.items():
        result = results.Result((figure(value),), {})
        results.write(folder / f"{name}.json", {}, result)


def test_a_regression_is_reported_with_both_values(tmp_path, monkeypatch, capsys):
    _recorded(tmp_path, slow=10.0, same=10.0)
    now = {"slow": iter([5.0, 6.0]), "same": iter([9.0])}
    monkeypatch.setattr(
        check, "_measured", lambda name: results.Result((figure(next(now[name])),), {})
    )
    assert check.report(["slow", "same", "never"], tmp_path) == 1
    printed = capsys.readouterr().out
    assert "WORSE by 40%: slow: a / b: recorded 10.000, now 6.000" in printed
    assert "WORSE" not in printed.replace("WORSE by 40%: slow", "")
    assert "no recording of never" in printed


def test_what_does_not_repeat_is_no_regression(tmp_path, monkeypatch, capsys):
    _recorded(tmp_path, shaky=10.0, absent=10.0)
    now = iter([5.0, 10.0])

    def measured(name):
        return None if name == "absent" else results.Result((figure(next(now)),), {})

    monkeypatch.setattr(check, "_measured", measured)
    assert check.report(["shaky", "absent"], tmp_path) == 0
    assert "absent: cannot be measured here" in capsys.readouterr().out


def test_another_processor_is_said(tmp_path, monkeypatch, capsys):
    for name, processor, value in (
        ("same", machine.processor(), 10.0),
        ("same", "an abacus", 1000.0),
        ("other", "an abacus", 10.0),
    ):
        head = {"machine": {"processor": processor}}
        path = results.recordings_of(processor, tmp_path) / f"{name}.json"
        results.write(path, head, results.Result((figure(value),), {}))
    result = results.Result((figure(10.0),), {})
    monkeypatch.setattr(check, "_measured", lambda name: result)
    assert check.report(["same", "other"], tmp_path) == 0
    printed = capsys.readouterr().out
    expected = f"other: recorded on an abacus, this is {machine.processor()}"
    assert expected in printed
    assert "same: recorded on" not in printed


def test_nothing_recorded_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing is recorded"):
        check.report(["a"], tmp_path)
    with pytest.raises(InputError, match="speed: benchmarks are"):
        check.main(["speed"])


def test_arithmetic_of_the_full_generator():
    # The counts that the work was planned with, in GMAC.
    parts = {k: v / 1e9 for k, v in arithmetic.generator_parts(Network()).items()}
    assert parts["predicted kernels"] == pytest.approx(257, abs=0.5)
    assert parts["SPADE and shortcuts"] == pytest.approx(38, abs=0.5)
    assert parts["layout convolutions"] == pytest.approx(33, abs=0.5)
    assert arithmetic.generator_total(Network()) / 1e9 == pytest.approx(357, abs=0.5)
    assert arithmetic.largest_activation(Network()) == 4 * 256 * 256 * 9 * 128


def test_the_last_block_has_the_images_size():
    for depth in (5, 6):
        shapes = arithmetic.block_shapes(Network(depth=depth))
        assert shapes[-1] == (256 * 256, 128, 64)
        assert shapes[0][0] == (256 >> depth) ** 2


def test_arithmetic_is_that_of_the_layers():
    network = Network(5, (64, 128), ngf=2, ndf=3, hidden=4, z_dim=7)
    model = models.model_to_train(network)
    one = {name: tf.constant(x) for name, x in models.batch(network).items()}
    semantics = model.layout_encoding(one["label"], one["instance"])
    scored = _arithmetic_of(lambda: model.discriminator(one["image"], semantics))
    assert arithmetic.discriminator_total(network) == scored
    styled = _arithmetic_of(lambda: model.encoder(one["image"]))
    assert arithmetic.encoder_total(network) == styled


def _arithmetic_of(function):
    """Multiply-adds of the convolutions and matrix products in a graph."""
    operations = tf.function(function).get_concrete_function().graph.get_operations()
    total = 0
    for operation in operations:
        if operation.type in ("Conv2D", "MatMul"):
            *places, _ = operation.outputs[0].shape[1:]
            total += math.prod((*places, *operation.inputs[1].shape))
    return total


def test_a_step_repeats_what_it_computes():
    network = Network(ngf=16, ndf=16)
    made = arithmetic.generator_total(network) + arithmetic.encoder_total(network)
    total = arithmetic.training_step_total(network, regenerates=True)
    assert total - arithmetic.training_step_total(network, regenerates=False) == made
    assert total == 4 * made + 9 * arithmetic.discriminator_total(network)


def test_settings_change_by_name():
    settings = override(convolution.Settings(), ["sizes=[[4, 4, 2]]", "rounds=5"])
    assert settings == convolution.Settings(sizes=((4, 4, 2),), rounds=5)
    for change, word in {"size=1": "sizes, rounds", "rounds=x": "rounds=7"}.items():
        with pytest.raises(InputError, match=word):
            override(convolution.Settings(), [change])


def test_a_further_run_adds_to_a_recording(tmp_path):
    path = tmp_path / "speed.json"
    head = {"machine": {"cores": 2, "load_before": 0.1}}
    head["settings"] = {"size": [8, 8], "methods": ["x", "y"], "width": 4}
    with pytest.raises(InputError, match="nothing is recorded there"):
        results.recorded(path, head)
    one, two = (Ratio(name, 1, 1, 1, "lower") for name in "ab")
    newer = dataclasses.replace(one, value=3)
    old = results.Result(
        (one, two), {"a": {"seconds": 1.0, "memory": 5}, "b": 2}, ("n",)
    )
    results.write(path, head, old)
    fewer = {"size": (8, 8), "methods": ("x",), "width": 4}
    further = {"machine": {"cores": 2, "load_before": 3.0}, "settings": fewer}
    found, read = results.recorded(path, further)
    assert (found, read) == (head, old)
    both = results.updated(read, results.Result((newer,), {"a": {"seconds": 3.0}}))
    numbers = {"a": {"seconds": 3.0, "memory": 5}, "b": 2}
    assert both == results.Result((newer, two), numbers, ("n",))
    for part, change, words in (
        ("machine", {"cores": 4}, "cores 2, now 4.*without --update"),
        ("settings", {"width": 5}, "width 4, now 5"),
        ("settings", {"size": (8, 9)}, r"size \[8, 8\], now \[8, 9\]"),
    ):
        with pytest.raises(InputError, match=words):
            results.recorded(path, further | {part: further[part] | change})


@pytest.mark.parametrize("passes", [convolution.FORWARD, convolution.BACKWARD])
@pytest.mark.parametrize("side", [convolution.PATCHES, convolution.TORCH])
def test_unfolding_computes_the_same(side, passes):
    if side == convolution.TORCH:
        pytest.importorskip("torch")
    size = (6, 5, 3)
    sides = {name: convolution.calls(name, passes, size)() for name in ("ours", side)}
    arrays = {name: [np.asarray(a) for a in found] for name, found in sides.items()}
    assert len(arrays["ours"]) == (1 if passes == convolution.FORWARD else 3)
    convolution._check_equal(arrays, size)
    arrays["ours"][-1] = arrays["ours"][-1] + 1
    with pytest.raises(AssertionError):
        convolution._check_equal(arrays, size)


def test_torch_order_becomes_ours():
    theirs = np.arange(2 * 9 * 4).reshape(1, 18, 2, 2)  # (channel, tap)
    (ours,) = unfolding.from_torch([theirs], channels=2)
    assert ours[0, 1, 0, 2 * 5 + 1] == theirs[0, 9 * 1 + 5, 1, 0]


def test_a_benchmark_from_command_to_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, "available", lambda: False)
    monkeypatch.setattr(unfolding, "torch_available", lambda: False)
    options = [
        "--out",
        str(tmp_path),
        "--set",
        "sizes=[[8, 8, 4]]",
        "--set",
        "rounds=5",
        "--set",
        "turn=0.0",
    ]
    assert run(convolution.BENCHMARK, options) == 0
    printed = capsys.readouterr().out
    assert "torch unfold: left out" in printed and "memory: left out" in printed
    head, result = results.read(tmp_path / "conditional_convolution.json")
    assert head["settings"] == {"sizes": [[8, 8, 4]], "rounds": 5, "turn": 0.0}
    assert {one.name for one in result.ratios} == {
        f"8x8x4 {passes}: {what}"
        for passes in ("forward", "forward+backward")
        for what in (
            "extract_patches / ours",
            "ours / bound by copy (warm)",
            "ours / bound by copy (fresh)",
            "ours / bound by reading alone",
        )
    }
    picture = tmp_path / "conditional_convolution.png"
    assert picture.exists() != ("no picture" in printed)


def test_the_bound_counts_what_must_move():
    moved = convolution.bytes_to_move((2, 3, 5))
    feature, kernels = 4 * 30, 4 * 270
    assert moved["forward"] == kernels + 2 * feature
    both = moved["forward"] + (kernels + 2 * feature) + (kernels + feature)
    assert moved["forward+backward"] == both


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_full_and_quick_settings(name):
    benchmark = importlib.import_module(f"benchmarks.{name}").BENCHMARK
    assert benchmark.name == name
    assert type(benchmark.full) is type(benchmark.quick)
    assert benchmark.full != benchmark.quick
    assert dataclasses.asdict(benchmark.full)["rounds"] >= 5


def test_full_size_files_as_the_official_code_reads_them(tmp_path):
    names = {
        "leftImg8bit/train/ulm/ulm_1_leftImg8bit.png": (np.uint8, (3,)),
        "gtFine/train/ulm/ulm_1_gtFine_labelIds.png": (np.uint8, ()),
        "gtFine/train/ulm/ulm_1_gtFine_instanceIds.png": (np.uint16, ()),
    }
    random = np.random.default_rng(0)
    for name, (dtype, rest) in names.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 200, (512, 1024, *rest), dtype)).save(path)
    (photo,) = official_input.photos(tmp_path)
    plain = official_input.load((photo, False))
    assert plain["image"].shape == (256, 512, 3) and plain["image"].min() >= -1
    assert plain["label"].shape == plain["instance"].shape == (256, 512)
    mirrored = official_input.load((photo, True))
    for map_name, array in plain.items():
        np.testing.assert_array_equal(mirrored[map_name], array[:, ::-1])
    assert len(list(official_input.stream(tmp_path, 3))) == 3


def test_the_table_stands_between_its_markers():
    machine = {"processor": "P", "cores": 2, "memory_gb": 8.0, "system": "S"}
    machine |= {"python": "3", "libraries": {"a": "1", "b": None}, "load_before": 0.5}
    result = results.Result((figure(2.0, target=3.0),), {}, ("a note",))
    table = report.table({"speed": ({"machine": machine}, result)})
    assert "| a / b | 2.00 | measured once | ≥ 3 | **missed** |" in table
    assert "a 1; load" in table and table.endswith("a note")
    text = f"above\n{report.BEGIN}\nold\n{report.END}\nbelow"
    new = report.replaced(text, table)
    assert table in new and "old" not in new
    assert new.startswith("above") and new.endswith("below")
    with pytest.raises(InputError, match="are needed in it"):
        report.replaced("above", table)


@pytest.mark.parametrize("module", [report, __main__])
@pytest.mark.parametrize("argv", [["--help"], ["--quick"]])
def test_commands_without_options_do_nothing_when_asked_for_help(
    module, argv, monkeypatch, capsys
):
    monkeypatch.setattr(report, "README", None)
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(SystemExit) as stop:
        module.main(argv)
    assert stop.value.code == (0 if argv == ["--help"] else 2)


def test_the_readme_lists_every_command():
    folder = report.README.parent
    text = report.README.read_text(encoding="utf-8")
    for path in folder.glob("*.py"):
        runs = '__name__ == "__main__"' in path.read_text(encoding="utf-8")
        if runs and path.stem not in ("__main__", "memory"):  # which others start
            assert f"python -m benchmarks.{path.stem}" in text


def test_the_plain_network_makes_the_same_image():
    pytest.importorskip("torch", reason="PyTorch is optional: pip install '.[bench]'")
    whole_network = importlib.import_module("benchmarks.whole_network")
    network = Network(5, (64, 64), ngf=2, ndf=2, hidden=4, z_dim=3)
    sides = whole_network._inference(network)  # raises where the two differ
    assert set(sides) == {"torch unfold", "ours"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("pixels", ["sizes=[[64, 64], [64, 96]]", "ngf=2", "rounds=5"]),
        (
            "train_step",
            ["widths=[2]", "image_size=[64, 64]", "images=[2]", "rounds=5"]
            + ["dense=[[8, 8, 4, 4]]"],
        ),
        (
            "classes",
            ["classes=[3, 9]", "train_classes=[3, 9]", "image_size=[64, 64]"]
            + ["train_image_size=[64, 64]", "ngf=2", "train_ngf=2", "rounds=5"],
        ),
        (
            "generator",
            ["image_size=[64, 64]", "ngf=2", "dense=[[8, 8, 4, 4]]", "rounds=5"],
        ),
        ("startup", ["models=[[2, 3, 64]]", "rounds=5"]),
    ],
)
def test_small_models_go_through(name, changes, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(repository)
    benchmark = importlib.import_module(f"benchmarks.{name}").BENCHMARK
    assert run(benchmark, ["--out", str(tmp_path), "--set", *changes]) == 0
    _, result = results.read(tmp_path / f"{name}.json")
    assert all(np.isfinite(one.value) for one in result.ratios)


@pytest.mark.slow
def test_input_goes_through(shared_dir, tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    benchmark = importlib.import_module("benchmarks.data_pipeline").BENCHMARK
    source = shared_dir / "data" / "cityscapes"
    changes = [f"source={source}", "images=4", "factor=1", "rounds=5"]
    assert run(benchmark, ["--out", str(tmp_path), "--set", *changes]) == 0
    with pytest.raises(InputError, match="no photos"):
        run(benchmark, ["--out", str(tmp_path), "--set", f"source={tmp_path}"])
