"""What is said of memory, time and disk before a training, with measured stand-ins."""

import json
import os
import signal
import types

import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, derive, override
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.own_process import Answers
from ccfpse_tf.training import forecast, step_costs
from ccfpse_tf.training.forecast import forecast_disk, forecast_memory
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.step_costs import Costs, Place
from ccfpse_tf.training.time_forecast import TimeForecast
from ccfpse_tf.training.train import train
from tests.data.toy import folder_argv, make_folder
from tests.training.store import Store

GB = 10**9
FULL = Config(name="folder")  # 32 images of 256x256 at full width
CPU = Place()


@pytest.fixture
def machine(monkeypatch):
    """A machine of 20 GB, of which this process has 1 GB; a measured step; the talk."""
    found = types.SimpleNamespace(
        memory=(24 * GB, 19 * GB),
        points=[(1, 5 * GB, 30.0), (2, 7 * GB, 60.0)],
        growth=4 * GB,  # of two images
        too_much=None,
        late=False,
        device=("CPU", None),
        asked=[],
        said=[],
    )

    def measure(config, place, batches, limit, free, teacher):
        if isinstance(found.points, str):
            raise InputError(found.points)
        found.asked.append((list(batches), limit, free))
        name, own = found.device
        points = found.points[: len(batches)]
        ended = found.too_much, found.late
        return Costs(place, name, own or limit, GB, points, found.growth, *ended)

    monkeypatch.setattr(forecast.machine, "memory", lambda: found.memory)
    monkeypatch.setattr(forecast, "gpus_are_open", lambda: False)
    monkeypatch.setattr(forecast, "memory_bytes", lambda field: GB)
    monkeypatch.setattr(forecast, "measure_steps", measure)
    monkeypatch.setattr(
        forecast.Length, "of", lambda config: Length(100, config.schedule.epochs)
    )
    return found


def ask(found, config=FULL, mode="check", place=CPU, **options):
    return forecast_memory(config, place, mode, say=found.said.append, **options)


def batch(size, **sections):
    return derive(FULL, data={"batch_size": size}, **sections)


def test_a_batch_that_fits(machine):
    assert ask(machine, batch(4)) == batch(4)
    assert machine.asked == [([1, 2], 20 * GB, int(0.9 * 19 * GB))]
    text = "\n".join(machine.said)
    assert "about 11.0 GB of 20.0 GB available" in text  # 5 + 3 * 2
    assert (
        "(measured: 5.00 GB at 1 image, 7.00 GB at 2 images, at most 2.00 GB " in text
    )
    assert "about 14 days for 10000 steps" in text  # of 120 s each


def test_the_recipes_default_is_refused_with_the_largest_that_fits(machine):
    with pytest.raises(InputError) as caught:
        ask(machine)
    for words in (
        "32 images of 256x256 needs about 67.0 GB, more than",  # 5 + 31 * 2
        "the 20.0 GB that this machine has available, less a tenth",
        "--batch 7 (or --set data.batch_size=7), the largest that",  # 5 + 6 * 2 of 18
        "--no-forecast",
    ):
        assert words in str(caught.value)
    assert ask(machine, batch(7)) == batch(7)


def test_auto_takes_the_largest_up_to_the_configs(machine):
    assert ask(machine, mode="fit").data.batch_size == 7
    assert "batch    7 images, the most that fit" in machine.said
    assert ask(machine, batch(3), "fit").data.batch_size == 3


def test_nothing_is_measured_where_there_is_ample_room(machine):
    small = batch(2, generator={"ngf": 4}, discriminator={"ndf": 4})
    small = derive(small, data={"image_size": (64, 64)})
    assert ask(machine, small) == small and ask(machine, small, "fit") == small
    assert not machine.asked and "a rough bound" in machine.said[0]


def test_nobody_asks(machine):
    assert ask(machine, mode="trust") == FULL
    assert not machine.asked and not machine.said


def test_a_single_image(machine):
    assert ask(machine, batch(1)) == batch(1)
    assert machine.asked[0][0] == [1]
    assert "(measured: 5.00 GB at 1 image)" in machine.said[1]
    machine.points = [(1, 19 * GB, 1.0)]
    with pytest.raises(InputError, match="not even one image fits: .*generator.ngf=32"):
        ask(machine, batch(1), "fit")


@pytest.mark.parametrize(("survived", "largest"), [(0, None), (1, 1)])
def test_a_step_that_its_process_did_not_survive(survived, largest, machine):
    machine.points, machine.too_much = machine.points[:survived], survived + 1
    kept = derive(FULL, step={"recompute_kernels": False})
    with pytest.raises(InputError) as caught:
        ask(machine, kept)
    assert "needs more than the 20.0 GB" in str(caught.value)
    if largest:
        assert f"give --batch {largest} (or" in str(caught.value)
        assert ask(machine, mode="fit").data.batch_size == largest
    else:
        assert "step.recompute_kernels=true, or --set generator.ngf=32" in str(
            caught.value
        )


def test_a_slow_machine_measures_one_image(machine):
    # A further image takes no more than the 3 GB by which the step of one grew.
    machine.points, machine.growth = machine.points[:1], 3 * GB
    assert ask(machine, batch(5)) == batch(5)
    text = "\n".join(machine.said)
    assert "10 minutes at most (--no-forecast leaves it out)" in text
    assert "(measured: 5.00 GB at 1 image, at most 3.00 GB for each further" in text
    with pytest.raises(InputError, match="6 images .* about 20.0 GB, .* --batch 5 "):
        ask(machine, batch(6))
    assert ask(machine, batch(6), "fit") == batch(5)


def test_too_little_time_for_any_step(machine):
    machine.points, machine.growth, machine.late = [], 0, True
    assert ask(machine) == FULL
    words = "not a single step was trained within 10 minutes"
    assert f"not measured, so not checked: {words}" in machine.said[-1]
    with pytest.raises(InputError, match=rf"--batch auto: .* \({words}\); give"):
        ask(machine, mode="fit")


def test_a_run_keeps_its_batch(machine):
    with pytest.raises(InputError, match="resume it where there is more memory"):
        ask(machine, resumed=True)


def test_several_cpus_share_the_memory(machine):
    # Each has its weights and activations: 1 + 2 * (5 - 1) for one image on each.
    two = Place(replicas=2)
    assert ask(machine, mode="fit", place=two).data.batch_size == 2 * 3
    assert "about 17.0 GB of 20.0 GB available" in machine.said[-2]


def test_every_gpu_has_its_share_of_the_batch(machine):
    machine.device = ("GPU X", 24 * GB)
    gpus = Place(gpus=(0, 1), replicas=2, machines=2)
    with pytest.raises(InputError, match="24.0 GB that this GPU X .*--batch 36 "):
        ask(machine, batch(64), place=gpus)
    assert ask(machine, batch(64), "fit", gpus).data.batch_size == 4 * 9  # 5 + 8 * 2
    assert "available on each device" in machine.said[-2]


def test_small_windows_take_a_quarter(machine):
    assert Length(100, 10).work(4) == 700
    assert Length(100, 10).work(4, step=300) == 625
    assert Length(100, 10).work(4, step=500) == 500


@pytest.mark.parametrize("reason", ["a system without /proc", "a failed measurement"])
def test_nothing_can_be_measured(reason, machine):
    if "proc" in reason:
        machine.memory = None
    else:
        machine.points = "KeyError: 'x'"
    assert ask(machine) == FULL
    assert "not measured, so not checked: " in machine.said[-1]
    with pytest.raises(InputError, match="--batch auto: nothing can be .*--batch N"):
        ask(machine, mode="fit")


@pytest.mark.parametrize("code", [75, -9, -6])
def test_answers_of_a_process_that_is_out_of_memory(code, monkeypatch):
    lines = [{"device": "CPU", "limit": None, "base": 3}]
    for seconds in (20.0, 2.0):  # the first step traces the graph
        lines += [{"images": 1, "bytes": 5, "growth": 4, "seconds": seconds}]
    answers = Answers(code, lines, "")
    monkeypatch.setattr(step_costs, "ask_module", lambda *arguments: answers)
    found = step_costs.measure_steps(FULL, CPU, (1, 2), 9, 8)
    assert found == Costs(CPU, "CPU", 9, 3, [(1, 5, 2.0)], 4, too_much=2)
    assert found.fits(1) and not found.fits(2)


@pytest.mark.parametrize("measured", [0, 1, 2])
def test_answers_of_a_process_whose_time_was_over(measured, monkeypatch):
    lines = [{"device": "CPU", "limit": None, "base": 3}]
    for images in range(1, measured + 1):
        grown = 4 * images  # of which 1 stays
        lines += [{"images": images, "bytes": 5, "growth": grown, "seconds": 2.0}]
    waits = []

    def answer(module, request, environment, seconds):
        waits.append(seconds)
        return Answers(None, lines, "")

    monkeypatch.setattr(step_costs, "ask_module", answer)
    found = step_costs.measure_steps(FULL, CPU, (1, 2), 99, 98)
    assert waits == [step_costs.SECONDS] and found.too_much is None
    assert len(found.points) == measured and found.late == (not measured)
    if measured == 1:
        assert found.bytes(3) == 5 + 2 * 4


def test_answers_of_a_process_that_failed(monkeypatch):
    answers = Answers(1, [{"device": "CPU"}], "Traceback\nKeyError: 'x'\n")
    monkeypatch.setattr(step_costs, "ask_module", lambda *arguments: answers)
    with pytest.raises(InputError, match="^KeyError: 'x'$"):
        step_costs.measure_steps(FULL, CPU, (1, 2), 9, 8)


class Model:
    """Has checkpoints of 4 kB."""

    def checkpoint_variables(self):
        return {"model": [tf.zeros((10, 50))], "optimizer": [tf.zeros(500)]}


def test_room_for_the_checkpoints(tmp_path, monkeypatch):
    said = []
    forecast_disk(Model(), FULL, tmp_path / "run", said.append)
    assert said[0].startswith("disk     5 checkpoints of 0 MB at most: the newest 3,")
    monkeypatch.setattr(forecast.machine, "free_disk", lambda folder: 19999)
    with pytest.raises(InputError, match="set schedule.keep=2, free space, or name"):
        forecast_disk(Model(), FULL, tmp_path / "run")
    monkeypatch.setattr(forecast.machine, "free_disk", lambda folder: 11000)
    with pytest.raises(InputError, match="MB free; free space, or name"):
        forecast_disk(Model(), FULL, tmp_path / "run")
    # Those of a resumed run have their room already.
    saved = tmp_path / "run" / "checkpoints" / "ckpt-1"
    saved.mkdir(parents=True)
    (saved / "state").write_bytes(b"x" * 9000)
    forecast_disk(Model(), FULL, tmp_path / "run")
    monkeypatch.setattr(forecast.machine, "free_disk", lambda folder: None)
    forecast_disk(Model(), FULL, tmp_path / "run")


class Scalars:
    """Stands in for `ScalarLogs`: 4 images in 2 seconds."""

    batch_size, images_per_second = 4, 2.0


def time_forecast(length, steps, small_epochs=0):
    said, store = [], Store()
    callback = TimeForecast(store, Scalars, length, small_epochs, said.append)
    for _ in range(steps):
        store.step += 1
        callback.on_train_batch_end(0)
    return said


def test_time_to_the_end():
    assert time_forecast(Length(100, 10), 5) == []
    (line,) = time_forecast(Length(100, 10), 30)
    # 994 steps of 2 s; the first step of the process is not one of the five.
    assert line.startswith("time     about 33 minutes to the end, by 5 steps of 2 seco")
    (line,) = time_forecast(Length(100, 10), 30, small_epochs=10)
    assert "about 33 minutes" in line  # all of them are as quick as the measured ones
    (line,) = time_forecast(Length(100, 10), 30, small_epochs=5)
    assert "about 1 hour 23 minutes" in line  # 494 small steps, 500 of four times that
    assert time_forecast(Length(10, 2), 20) == []  # over in a minute


def test_after_a_minute_of_slow_steps(monkeypatch):
    clock = iter([0.0, 61.0, 122.0])
    monkeypatch.setattr(
        "ccfpse_tf.training.time_forecast.time.monotonic", lambda: next(clock)
    )
    (line,) = time_forecast(Length(100, 10), 3)
    assert "by 1 step of 2 seconds" in line


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Of a small training with records."""
    folder = tmp_path_factory.mktemp("forecast")
    make_folder(folder / "photos", 4, (64, 64), classes=3, instances=True)
    argv = folder_argv(folder / "photos", folder / "records", "--keep-size")
    prepare.main("folder", argv)
    settings = [
        *("generator.ngf=2", "generator.hidden=4", "generator.z_dim=4"),
        *("discriminator.ndf=2", "losses.perceptual_network=off"),
        *("data.image_size=64x64", "data.batch_size=4", "schedule.steps_per_epoch=1"),
        *("schedule.epochs=1", f"data.records={folder / 'records'}"),
    ]
    return override(FULL, settings)


def test_a_refused_training_leaves_nothing_behind(config, machine, tmp_path):
    machine.memory = (2 * GB, GB)
    machine.points = [(1, GB, 1.0), (2, 2 * GB, 2.0)]
    with pytest.raises(InputError, match="give --batch 1 .*the largest that fits"):
        train(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ([], {"profile": (1, 9)}, "--profile 1:9: the steps left to train are from 1"),
        (
            ["data.batch_size=1"],
            {"devices": "cpu:2"},
            "1, which 2 devices cannot",
        ),
        (["data.batch_size=1"], {"devices": "cpu:2", "memory": "fit"}, "2 devices can"),
        (["step.jit_compile=true"], {"devices": "cpu:2"}, "jit_compile works on one"),
        ([], {"devices": "77"}, "--devices 77: there is no GPU 77"),
        (["evaluation.segmenter=none.keras"], {}, "evaluator none.keras: no such file"),
        (["evaluation.segmenter=drn:none.npz"], {}, "35 classes; these have 3"),
        (["evaluation.features=n.keras"], {}, "features n.keras: no such file"),
        (["evaluation.features=efficientnet-lite0:none"], {}, "none: no such file"),
        (["evaluation.fid=none.pb"], {}, "none.pb does not exist"),
    ],
)
def test_what_needs_no_measurement_is_told_before(
    settings, options, words, config, monkeypatch, tmp_path
):
    def measure(*_, **options):
        raise AssertionError("a step was measured")

    monkeypatch.setattr("ccfpse_tf.training.train.forecast_memory", measure)
    if settings and settings[0].startswith("evaluation"):
        settings = [*settings, "evaluation.every_epochs=1"]
    with pytest.raises(InputError, match=words):
        train(override(config, settings), tmp_path / "run", **options)
    assert not list(tmp_path.iterdir())


def test_auto_begins_with_a_batch_that_the_devices_can_share(
    config, monkeypatch, tmp_path
):
    asked = []

    def measure(config, *_, **options):
        asked.append(config.data.batch_size)
        return derive(config, data={"batch_size": 2})

    monkeypatch.setattr("ccfpse_tf.training.train.forecast_memory", measure)
    monkeypatch.setattr("ccfpse_tf.training.train.open_strategy", None)
    longer = override(config, ["schedule.steps_per_epoch=none", "data.batch_size=4"])
    # Twice as many steps as the batch of the config would make: only now told.
    with pytest.raises(InputError, match="--profile 2:3: .* from 1 to 2"):
        train(longer, tmp_path / "run", "cpu:2", profile=(2, 3), memory="fit")
    odd = override(config, ["data.batch_size=3"])
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        train(odd, tmp_path / "run", "cpu:2", memory="fit")
    assert asked == [4, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(number, config, monkeypatch, tmp_path):
    outside = signal.getsignal(number)
    if outside is signal.SIG_IGN:  # as under nohup, which is respected
        signal.signal(number, signal.SIG_DFL)
    before = signal.getsignal(number)

    def measure(*_, **options):
        os.kill(os.getpid(), number)

    monkeypatch.setattr("ccfpse_tf.training.train.forecast_memory", measure)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run")
    assert signal.getsignal(number) is before
    signal.signal(number, outside)
    assert not list(tmp_path.iterdir())


def test_too_little_disk_leaves_nothing_behind(config, monkeypatch, tmp_path):
    monkeypatch.setattr(forecast.machine, "free_disk", lambda folder: 1000)
    with pytest.raises(InputError, match="checkpoints will take"):
        train(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_run_keeps_the_batch_that_auto_chose(config, machine, tmp_path, monkeypatch):
    machine.memory = (4 * GB, int(1.2 * GB))
    machine.points, machine.growth = [(1, GB, 1.0), (2, 3 * GB // 2, 2.0)], GB
    trained = []

    def stand_in(config, directory, description, *rest):
        from ccfpse_tf.runs.run_folder import open_run

        open_run(directory, config, description)
        trained.append(config.data.batch_size)

    monkeypatch.setattr("ccfpse_tf.training.train._train", stand_in)
    train(config, tmp_path / "run", memory="fit")
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["config"]["data"]["batch_size"] == 2
    # Resumed where there is more room, and where there is less.
    machine.memory = (400 * GB, 390 * GB)
    train(config, tmp_path / "run", memory="fit")
    assert trained == [2, 2]
    machine.memory = (2 * GB, GB // 2)
    with pytest.raises(InputError, match="the run keeps its batch"):
        train(config, tmp_path / "run", memory="fit")
    with pytest.raises(InputError, match="data.batch_size: the run has 2, now 4"):
        train(config, tmp_path / "run")
    train(derive(config, data={"batch_size": 2}), tmp_path / "run", memory="trust")


@pytest.mark.slow
def test_a_real_measurement(config):
    found = step_costs.measure_steps(config, CPU, (1, 2), 9 * GB, 9 * GB, quick=1e9)
    assert found.device == "CPU" and found.too_much is None
    assert [images for images, *_ in found.points] == [1, 2]
    (_, one, seconds), (_, two, _) = found.points
    assert 0.1 * GB < found.base < one <= two < 3 * GB and seconds > 0
    # A process that may not hold more than TensorFlow ends itself.
    few = step_costs.measure_steps(config, CPU, (1, 2), 9 * GB, int(found.base * 1.1))
    assert few.too_much == 1 and not few.points
