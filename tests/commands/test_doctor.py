"""``ccfpse doctor``: facts, notes and problems, with stand-ins of what may be wrong."""

import json
import os
import subprocess
import sys

import pytest

from ccfpse_tf.commands import diagnosis, main
from ccfpse_tf.runtime.own_process import Answers
from ccfpse_tf.runtime.requirements import Requirement

TENSORFLOW = {"version": "2.21.0", "cuda": "12.5.1", "cudnn": "9", "gpus": []}
KERAS = {"version": "3.15.1"}
GOOD = Answers(0, [TENSORFLOW, KERAS], "I0000 oneDNN custom operations are on. You ...")


@pytest.fixture
def doctor(monkeypatch, capsys):
    """Runs the command with what the process of TensorFlow answers."""
    asked = {}

    def call(answers=GOOD, *options, **environment):
        def ask(module, environment, seconds):
            asked.update(environment)
            return answers

        monkeypatch.setattr(diagnosis, "ask_module", ask)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        code = main.run(["doctor", *options])
        # Another backend must not keep the process from looking.
        assert asked["KERAS_BACKEND"] == "tensorflow"
        return code, capsys.readouterr().out

    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(diagnosis, "_graphics", list)
    monkeypatch.setattr(
        diagnosis,
        "read_requirements",
        lambda: [
            Requirement("tensorflow", ((">=", "2.20"),), None),
            Requirement("numpy", ((">=", "2.1"),), None),
            Requirement("no-such-package", ((">=", "1.5"),), "onnx"),
            Requirement("pydantic", ((">=", "2.0"),), "study"),
        ],
    )
    return call


def test_nothing_is_wrong(doctor):
    code, printed = doctor(TF_ENABLE_ONEDNN_OPTS="1", XLA_FLAGS="--xla_abc")
    assert code == 0 and printed.endswith("problems\n  none\n")
    for words in (
        "2.21.0 (built for CUDA 12.5.1, cuDNN 9)",
        "cores usable",
        "none that TensorFlow can use",
        "available of",
        "oneDNN on",
        "XLA_FLAGS --xla_abc",
        "no-such-package>=1.5 is missing: pip install 'ccfpse-tf[onnx]' (ONNX files",
        "study all there (statistics of studies with people)",
        "squeezenet",
    ):
        assert words in " ".join(printed.split())


def test_json_for_tools(doctor):
    code, printed = doctor(GOOD, "--json")
    found = json.loads(printed)
    assert code == 0 and found["problems"] == [] == found["notes"]
    assert found["versions"]["Keras"] == "3.15.1"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            Answers(1, [], "Traceback\nModuleNotFoundError: No module named 'x'\n"),
            "TensorFlow cannot be loaded: ModuleNotFoundError: No module named 'x'",
        ),
        (Answers(-4, [], ""), "was ended by SIGILL, as on processors without AVX"),
        (Answers(None, [], ""), "TensorFlow cannot be loaded: nothing came for 180"),
        (Answers(3, [], ""), "TensorFlow cannot be loaded: its process ended with"),
        (Answers(1, [TENSORFLOW], "ImportError: k"), "Keras cannot be loaded: Import"),
        (
            Answers(0, [TENSORFLOW | {"version": "2.19.0"}, KERAS], ""),
            "tensorflow 2.19.0 is too old, tensorflow>=2.20 is needed: pip install",
        ),
    ],
)
def test_what_keeps_trainings_from_running(answers, words, doctor):
    code, printed = doctor(answers)
    assert code == 1 and words in printed.split("problems\n")[1]


def test_another_backend_is_a_problem(doctor):
    code, printed = doctor(KERAS_BACKEND="jax")
    assert code == 1 and "KERAS_BACKEND is 'jax'" in printed.split("problems\n")[1]


def test_a_package_that_is_not_installed(doctor, monkeypatch):
    monkeypatch.setattr(diagnosis, "read_requirements", list)
    code, printed = doctor()
    assert code == 0 and "ccfpse-tf is not installed as a package" in printed


def test_a_gpu_that_tensorflow_cannot_use(doctor, monkeypatch):
    line = "NVIDIA X, 24 GiB of memory, 20 GiB free, driver 1"
    monkeypatch.setattr(diagnosis, "_graphics", lambda: [line])
    code, printed = doctor()
    assert code == 0 and line in printed and "tensorflow[and-cuda]" in printed


def test_nothing_private_is_printed(doctor, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(diagnosis.getpass, "getuser", lambda: "ann")
    flags = "--xla_dump_to=/home/ann/dump --x=/data/ann/y --z=/home/anna"
    hosts = '{"cluster": {"worker": ["secret:1"]}}'
    _, printed = doctor(XLA_FLAGS=flags, TF_CONFIG=hosts, AWS_SECRET="secret")
    assert "--xla_dump_to=~/dump --x=/data/USER/y --z=/home/anna" in printed
    assert "secret" not in printed and "TF_CONFIG" in printed


def test_the_command_starts_with_another_backend(repository, tmp_path):
    """Everything else of the package refuses that when it is imported."""
    code = (
        "import sys; sys.argv = ['/usr/bin/ccfpse', 'doctor']\n"
        "from ccfpse_tf.commands import diagnosis, main\n"
        "from ccfpse_tf.runtime.own_process import Answers\n"
        "diagnosis.ask_module = lambda *names, **options: Answers(1, [], 'none here')\n"
        "main.main()"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(repository)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and not done.stderr
    assert "KERAS_BACKEND is 'jax'" in done.stdout
    assert "TensorFlow cannot be loaded: none here" in done.stdout


@pytest.mark.slow
def test_the_real_command(capsys):
    main.run(["doctor"])
    printed = capsys.readouterr().out
    assert "cannot be loaded" not in printed
