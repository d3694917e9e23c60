"""Looks at this machine and at what is installed, as far as trainings depend on it.

TensorFlow is loaded in a process of its own, as a broken one may end its process.
Nothing private is in the result: the home folder reads ``~``, the user's name ``USER``.
"""

import getpass
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import ccfpse_tf
from ccfpse_tf.files.pretrained import keras_cache
from ccfpse_tf.models.perceptual import weight_files
from ccfpse_tf.runtime import machine
from ccfpse_tf.runtime.machine import size
from ccfpse_tf.runtime.own_process import Answers, ask_module
from ccfpse_tf.runtime.requirements import installed, read_requirements

# What each extra is for.
EXTRAS = {
    "bench": "benchmarks against PyTorch, with pictures",
    "convert": "official PyTorch checkpoints into runs, and back",
    "croissant": "checks of the croissant.json of records",
    "cuda": "TensorFlow on NVIDIA's GPUs, on Linux",
    "docs": "the documentation as a site",
    "features": "features of trained networks, for losses and metrics",
    "hub": "presets from and to Hugging Face's hub",
    "litert": "LiteRT files run by LiteRT itself",
    "onnx": "ONNX files written",
    "serving": "ccfpse serve, the painting page, presets in ONNX Runtime",
    "study": "statistics of studies with people",
    "test": "the tests of this package",
}
MANY = 4  # missing packages are counted rather than listed
# Variables that change how things are computed, and tell nothing of their owner.
SETTINGS = (
    "CUDA_VISIBLE_DEVICES",
    "GLIBC_TUNABLES",
    "KERAS_BACKEND",
    "MALLOC_MMAP_THRESHOLD_",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "TF_CPU_ALLOCATOR_USE_BFC",
    "TF_CPU_BFC_MEM_LIMIT_IN_MB",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_ALLOCATOR",
    "TF_GPU_THREAD_MODE",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_USE_LEGACY_KERAS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
ONEDNN = "oneDNN custom operations are on"  # TensorFlow's notice
_PATIENCE = 180.0  # seconds for TensorFlow to load


def diagnose(environment: Mapping[str, str] = os.environ) -> dict:
    """Returns facts by section, and the sections ``notes`` and ``problems``.

    Args:
        environment: the variables of this process.
    """
    answers = ask_module(
        "ccfpse_tf.runtime.tensorflow_facts",
        environment={"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "0"},
        seconds=_PATIENCE,
    )
    tensorflow, keras = [*answers.lines, {}, {}][:2]
    graphics = _graphics()
    found = {
        "versions": _versions(tensorflow, keras),
        "devices": _devices(tensorflow, graphics),
        "settings": _settings(environment, answers, bool(tensorflow)),
        "optional packages": _extras(),
        "weights of trained networks": _weights(),
        "notes": _notes(tensorflow, graphics),
        "problems": [*_problems(tensorflow, keras, answers, environment)],
    }
    return _public(found)


def _versions(tensorflow, keras):
    build = ""
    if tensorflow:
        cuda, cudnn = tensorflow["cuda"], tensorflow["cudnn"]
        build = f" (built for CUDA {cuda}, cuDNN {cudnn})" if cuda else " (no CUDA)"
    numpy = installed("numpy") or "missing"
    return {
        "ccfpse_tf": f"{ccfpse_tf.__version__} in {Path(ccfpse_tf.__file__).parent}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "TensorFlow": tensorflow.get("version", "cannot be loaded") + build,
        "Keras": keras.get("version", "cannot be loaded"),
        "NumPy": numpy,
    }


def _devices(tensorflow, graphics):
    every, usable = machine.cores()
    found = {"processor": f"{machine.processor()}, {usable} of {every} cores usable"}
    for number, name in enumerate(tensorflow.get("gpus", ())):
        found[f"GPU {number}"] = name
    if not tensorflow.get("gpus"):
        found["GPU"] = "none that TensorFlow can use"
    for number, line in enumerate(graphics):
        found[f"nvidia-smi {number}"] = line
    memory = machine.memory()
    found["memory"] = "unknown"
    if memory:
        found["memory"] = f"{size(memory[1])} available of {size(memory[0])}"
    for name, folder in (("this folder", "."), ("temporary", tempfile.gettempdir())):
        free = machine.free_disk(Path(folder))
        found[f"disk, {name}"] = "unknown" if free is None else f"{size(free)} free"
    return found


def _graphics():
    """What the driver's own tool says of every GPU; [] without that tool."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    query = "--query-gpu=name,memory.total,memory.free,driver_version"
    try:
        done = subprocess.run(
            [tool, query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    if done.returncode:
        return []
    shown = "{}, {} of memory, {} free, driver {}"
    rows = [line.split(", ") for line in done.stdout.splitlines()]
    return [shown.format(*row) for row in rows if len(row) == 4]


def _settings(environment, answers, loaded):
    state = "on" if ONEDNN in answers.errors else "off"
    return {
        "oneDNN": state if loaded else "unknown",
        **{name: environment[name] for name in SETTINGS if name in environment},
        # It holds the names of machines.
        **({"TF_CONFIG": "set"} if "TF_CONFIG" in environment else {}),
    }


def _extras():
    found = {}
    for requirement in read_requirements():
        if requirement.extra:
            lacks = found.setdefault(requirement.extra, [])
            lacks += filter(None, [requirement.lack(installed(requirement.name))])
    return {name: _state(name, lacks) for name, lacks in found.items()}


def _state(extra, lacks):
    purpose = EXTRAS.get(extra, "see pyproject.toml")
    if not lacks:
        return f"all there ({purpose})"
    if len(lacks) > MANY:
        lacks = [f"{len(lacks)} packages are missing, such as {lacks[0].split()[0]}"]
    return f"{'; '.join(lacks)}: pip install 'ccfpse-tf[{extra}]' ({purpose})"


def _weights():
    """Whether each perceptual network can be had without a download."""
    there = {
        "squeezenet": weight_files.SQUEEZENET.is_here(),
        "efficientnet-lite0": weight_files.EFFICIENTNET_LITE0.is_here(),
        "vgg19-keras": keras_cache("models", weight_files.VGG19_KERAS).is_file(),
        "vgg19-torchvision": keras_cache(
            "datasets", weight_files.VGG19_TORCHVISION
        ).is_file(),
    }
    missing = "not there (docs/pretrained.md)"
    return {name: "there" if here else missing for name, here in there.items()}


def _notes(tensorflow, graphics):
    notes = []
    if not read_requirements():
        notes.append(
            "ccfpse-tf is not installed as a package, so packages are not compared "
            "with what it needs: pip install -e . in its folder"
        )
    if graphics and tensorflow and not tensorflow["gpus"]:
        notes.append(
            "the driver knows a GPU that TensorFlow cannot use: trainings run on the "
            "processor; pip install 'tensorflow[and-cuda]', and look at "
            "CUDA_VISIBLE_DEVICES"
        )
    return notes


def _problems(tensorflow, keras, answers: Answers, environment):
    backend = environment.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        yield (
            f"KERAS_BACKEND is {backend!r}, and ccfpse_tf runs on TensorFlow: unset "
            "it, or set it to tensorflow"
        )
    if not (tensorflow and keras):
        what = "Keras" if tensorflow else "TensorFlow"
        yield f"{what} cannot be loaded: {_reason(answers)}"
    loaded = {"tensorflow": tensorflow, "keras": keras}
    for requirement in read_requirements():
        if requirement.extra:
            continue
        name = requirement.name
        found = loaded[name].get("version") if name in loaded else installed(name)
        if name in loaded and not found:
            continue  # told above
        lack = requirement.lack(found)
        if lack:
            yield f"{lack}: pip install '{requirement}'"


def _reason(answers):
    if answers.code is None:
        return f"nothing came for {_PATIENCE:.0f} seconds"
    if answers.code < 0:
        name = signal.Signals(-answers.code).name
        hint = ""
        if name == "SIGILL":
            hint = ", as on processors without AVX, which TensorFlow's packages need"
        return f"its process was ended by {name}{hint}"
    return answers.complaint or f"its process ended with code {answers.code}"


def _public(value):
    """The value with the home folder and the user's name replaced."""
    if isinstance(value, dict):
        return {key: _public(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_public(inner) for inner in value]
    home = str(Path.home())
    if len(home) > 1:
        value = re.sub(rf"{re.escape(home)}(?=[/\\:;,\s'\"]|$)", "~", value)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a process without a name
        return value
    return re.sub(rf"(?<=[/\\]){re.escape(user)}(?=[/\\:;,\s'\"]|$)", "USER", value)
