"""The callbacks around the steps, with a store that only knows its step."""

import io
import json
import os
import signal
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator

from ccfpse_tf.data.transforms import normalize_image
from ccfpse_tf.errors import Diverged
from ccfpse_tf.evaluation.image_metric import ImageMetric
from ccfpse_tf.runtime.progress_bar import duration
from ccfpse_tf.training.callbacks import (
    Checkpoints,
    LayoutGrids,
    SaveOnSignal,
    ScalarLogs,
    StopOnDivergence,
    summary_writer,
)
from ccfpse_tf.training.progress_line import Progress
from ccfpse_tf.training.validation import MetricCallback, Validation
from tests.screen import Terminal
from tests.training.store import Store


class Model:
    """Stands in for the trained model: a constant picture, a style that counts."""

    z_dim = 2
    optimizer_names = ("generator_optimizer", "discriminator_optimizer")
    generator_optimizer = keras.optimizers.SGD(0.5)
    discriminator_optimizer = keras.optimizers.SGD(0.25)

    skipped, skipped_in_a_row = 3, 0
    perceptual_loss = None

    def __init__(self):
        self.resets = 0

    def reset_metrics(self):
        self.resets += 1

    def encode(self, image):
        return tf.zeros((1, 2)), tf.zeros((1, 2))

    def synthesize(self, label, instance, z):
        return tf.ones((*label.shape, 3))


def _steps(store, callback, count, logs=None):
    for _ in range(count):
        callback.on_train_batch_begin(0)
        store.step += 1
        callback.on_train_batch_end(0, logs)


def _events(folder):
    return [
        (event.step, value.tag, tf.make_ndarray(value.tensor))
        for path in sorted(folder.glob("events*"))
        for event in summary_iterator(str(path))
        for value in event.summary.value
    ]


def test_a_training_that_diverges_stops_with_step_images_and_way_out(tmp_path):
    store, model, asked = Store(tmp_path), Model(), []

    def keys(step):
        asked.append(step)
        return ["a", "b"]

    callback = StopOnDivergence(store, 2, keys, tmp_path / "diverged.json")
    callback.set_model(model)
    for row in (0, 1, 2, 0, 1, 2):
        model.skipped_in_a_row = row
        _steps(store, callback, 1, {"kl": 1.0})
    model.skipped_in_a_row = 3
    with pytest.raises(Diverged) as caught:
        _steps(store, callback, 1, {"kl": 1.0})
    message = str(caught.value)
    assert "step 7: losses or gradients were not finite 3 times in a row" in message
    assert "no checkpoint was saved" in message and "--run" in message
    report = json.loads((tmp_path / "diverged.json").read_text())
    assert report["keys of the last batch"] == ["a", "b"] and asked == [6]


def test_scalars_hold_losses_rates_and_speed(tmp_path):
    store = Store()
    callback = ScalarLogs(store, summary_writer(tmp_path), every=2, batch_size=8)
    callback.set_model(Model())
    _steps(store, callback, 4, {"gan": 1.5})
    events = {(step, tag): float(value) for step, tag, value in _events(tmp_path)}
    assert events[2, "losses/gan"] == 1.5
    assert events[2, "learning_rate/generator"] == 0.5
    assert events[4, "learning_rate/discriminator"] == 0.25
    assert events[4, "speed/images_per_second"] > 0
    assert events[2, "skipped_steps"] == 3
    assert (3, "losses/gan") not in events
    assert callback.model.resets == 2


def test_grids_show_label_generated_real_and_the_first_is_untrained(tmp_path):
    store = Store()
    photograph = np.arange(0, 240, 20, np.uint8).reshape(2, 2, 3)
    example = {
        "label": np.array([[[0, 1], [1, 1]]]),
        "image": normalize_image(photograph)[None],
    }
    palette = [(10, 20, 30), (40, 50, 60)]
    callback = LayoutGrids(store, summary_writer(tmp_path), 2, [example], palette)
    callback.set_model(Model())
    callback.on_train_begin()
    _steps(store, callback, 2)
    events = _events(tmp_path)
    assert [(step, tag) for step, tag, _ in events] == [
        (0, "validation/label_generated_real"),
        (2, "validation/label_generated_real"),
    ]
    sheet = tf.io.decode_png(events[1][2][2]).numpy()
    assert sheet[0, 0].tolist() == [10, 20, 30]
    assert sheet[1, 0].tolist() == [40, 50, 60]
    assert (sheet[:, 6:8] == 255).all()
    assert (sheet[:, 12:14] == photograph).all()


def test_checkpoints_are_saved_when_due():
    store = Store()
    _steps(store, Checkpoints(store, every=3), 7)
    assert store.saved == [3, 6]


def test_checkpoints_are_saved_by_the_clock_too():
    store, now = Store(), [0.0]
    callback = Checkpoints(store, every=100, minutes=2, clock=lambda: now[0])
    for seconds in (60, 119, 120, 121, 239, 300):
        now[0] = seconds
        _steps(store, callback, 1)
    assert store.saved == [3, 6]


def test_validation_is_a_mean_and_decides_what_is_best(tmp_path):
    store, saved = Store(), []
    store.save = lambda metric: saved.append((store.step, metric))
    examples = [
        {"label": np.zeros((1, 2, 2)), "image": np.full((1, 2, 2, 3), value, "float32")}
        for value in (1.0, 0.5)
    ]
    callback = Validation(store, summary_writer(tmp_path), 2, examples, "l1")
    callback.set_model(Model())
    _steps(store, callback, 5)
    assert saved == [(2, ("l1", 0.25)), (4, ("l1", 0.25))]  # the model's image is 1
    events = {(step, tag): float(value) for step, tag, value in _events(tmp_path)}
    assert events == {(2, "validation/l1"): 0.25, (4, "validation/l1"): 0.25}


class _Darkness(ImageMetric):
    """The share of black images, by either name."""

    def reset(self):
        self.seen = []

    def update(self, example):
        self.seen.append(example)

    def state(self):
        return {}

    def restore(self, state):
        self.reset()

    def result(self):
        dark = np.mean([not example.image.any() for example in self.seen])
        found = {"mean_iou": float(dark), "fid": 7.0, "kid_lite0": -0.5}
        return {"generated": found}


@pytest.mark.parametrize(
    ("metric", "saved"),
    [
        ("fid", ("fid", 7.0)),
        ("kid_lite0", ("kid_lite0", -0.5)),
        ("mean_iou", ("1 - mean_iou", 1.0)),
        (None, None),
    ],
)
def test_metrics_decide_what_is_best(tmp_path, metric, saved):
    store, calls, darkness = Store(), [], _Darkness()
    store.save = lambda best: calls.append((store.step, best))
    image = normalize_image(np.full((1, 2, 2, 3), 50, np.uint8))
    label = np.zeros((1, 2, 2), int)
    layouts = [{"key": [b"a/b"], "label": label, "image": image}] * 3
    writer = summary_writer(tmp_path)
    callback = MetricCallback(store, writer, 2, layouts, [darkness], metric)
    callback.set_model(Model())
    _steps(store, callback, 5)
    assert calls == ([(2, saved), (4, saved)] if saved else [])
    assert len(darkness.seen) == 3  # not six: it forgets
    assert [(x.index, x.key, x.real[0, 0, 0]) for x in darkness.seen[:2]] == [
        (0, "a/b", 50),
        (1, "a/b", 50),
    ]
    tags = {(step, tag): float(value) for step, tag, value in _events(tmp_path)}
    assert tags[2, "metrics/fid"] == tags[4, "metrics/fid"] == 7
    assert tags[4, "metrics/mean_iou"] == 0  # the model's image is white


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_finishes_the_step_saves_and_stops(number):
    store, said = Store(), []
    outside = signal.getsignal(number)
    if outside is signal.SIG_IGN:  # as under nohup, which is respected (below)
        signal.signal(number, signal.SIG_DFL)
    before = signal.getsignal(number)
    callback = SaveOnSignal(store, said.append)
    callback.on_train_begin()
    try:
        _steps(store, callback, 1)
        assert store.saved == []
        os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            _steps(store, callback, 1)
        assert store.saved == [2]
        with pytest.raises(KeyboardInterrupt):  # the second one does not wait
            os.kill(os.getpid(), signal.SIGINT)
            _steps(store, callback, 1)
    finally:
        callback.release()
    assert signal.getsignal(number) is before
    signal.signal(number, outside)


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    callback = SaveOnSignal(Store(), list().append)
    callback.on_train_begin()
    try:
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        callback.release()
        signal.signal(signal.SIGHUP, before)


def _progress(stream):
    store = Store()
    scalars = ScalarLogs(store, None, every=1000, batch_size=4)
    scalars.images_per_second = 2.0
    return store, Progress(store, scalars, 10, 20, stream)


def test_the_line_tells_epoch_step_speed_and_time_left():
    store, progress = _progress(io.StringIO())
    store.step = 15
    assert progress.line({"generator_loss": 1.25, "kl": 9.0}) == (
        "epoch 2/2  [###############.....]  step 15/20  2 images/s  0:10 left  G 1.250"
    )


def test_a_file_gets_one_line_per_epoch():
    stream = io.StringIO()
    store, progress = _progress(stream)
    progress.on_train_begin()
    _steps(store, progress, 20)
    progress.on_train_end()
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["epoch 1/2", "step 10/20"],
        ["epoch 2/2", "step 20/20"],
    ]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_terminal_line_is_redrawn_and_never_wraps(terminal):
    store, progress = _progress(terminal)
    progress.on_train_begin()
    _steps(store, progress, 10)
    assert terminal.getvalue().endswith("\r")  # others' notices begin at the left
    progress.on_train_end()
    assert terminal.getvalue().count("epoch 1/2") > 1
    assert terminal.getvalue().count("\n") == 1
    line, after = terminal.screen()
    assert line == "epoch 1/2  [##########..........]  step"[: len(line)]
    assert 30 < len(line) < 40 and after == ""


def test_a_terminal_that_cannot_redraw_gets_plain_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    store, progress = _progress(terminal)
    progress.on_train_begin()
    _steps(store, progress, 20)
    progress.on_train_end()
    assert "\x1b" not in terminal.getvalue() and len(terminal.screen()) == 3


def test_what_others_print_stands_above_the_line(terminal, monkeypatch):
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("sys.stderr", terminal)
    store, progress = _progress(None)
    long = "a long line that the terminal breaks, not [we]"
    for _ in range(2):  # as a training that first ends an interrupted epoch
        progress.on_train_begin()
        _steps(store, progress, 10)
        print("one line")
        print("two", "lines\nand ", end="", file=sys.stderr)
        progress._draw("after an unfinished line")
        print("done", file=sys.stderr)
        print(long)
        print("not ended", end="")
        progress.on_train_end()
    assert (sys.stdout, sys.stderr) == (terminal, terminal)
    part = ["one line", "two lines", "and done", long, "not ended"]
    assert terminal.screen() == [*part, "after an unfinished line"] * 2 + [""]


def test_a_file_is_not_printed_to_the_terminal(terminal, monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("sys.stderr", file)
    _, progress = _progress(None)
    progress.on_train_begin()
    print("a warning", file=sys.stderr)
    progress.on_train_end()
    assert file.getvalue() == "a warning\n"
    assert "warning" not in terminal.getvalue()


def test_an_error_leaves_the_line_and_gives_the_streams_back(terminal, monkeypatch):
    monkeypatch.setattr("sys.stdout", terminal)
    _, progress = _progress(None)
    progress.on_train_begin()
    progress._draw("step 0")
    progress.release()
    progress.release()
    assert sys.stdout is terminal
    assert terminal.screen() == ["step 0", ""]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0:05"), (65.4, "1:05"), (7445, "2:04:05")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text
