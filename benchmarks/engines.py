"""One exported model in several engines: time, memory, and difference of the images.

    python -m benchmarks.engines PRESET [--rounds N] [--files DIR]

The generator of a preset is traced for one image in float32, written once for each
engine, and draws the first example layout on two threads. The engines take turns in one
process: time is told in milliseconds, and as a ratio to TensorFlow's of the same round.
Memory is the peak of a fresh process that opens the file and draws five times. LiteRT
has two more files: with weights in float16, and with weights in int8, by which it
multiplies inputs that it rounds to int8 as well ("dynamic int8"). Engines that are not
installed are listed as such: `pip install tf2onnx onnxruntime openvino ai-edge-litert`
installs all. Writing the files takes minutes; with --files they are kept in a folder,
and those of an earlier call are taken from there.
"""

import argparse
import contextlib
import functools
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

THREADS = 2
CALLS = 5  # of a fresh process
_MODULE = "benchmarks.engines"
_ONNX, _INPUTS, _SAVED = "model.onnx", "inputs.npz", "saved"
_LITERT = {"float32": "32.tflite", "float16": "16.tflite", "dynamic int8": "8.tflite"}


def main(argv=None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", metavar="PRESET", help="name or folder")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--files", type=Path, metavar="DIR", help="where to keep files")
    arguments = parser.parse_args(argv)
    for name in ("INTRA", "INTER"):
        os.environ[f"TF_NUM_{name}OP_THREADS"] = str(THREADS)
    from benchmarks.machine import describe
    from benchmarks.measure import interleaved
    from benchmarks.memory import measured_alone
    from ccfpse_tf.runtime.text_table import text_table

    machine = describe()
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(arguments.files or temporary)
        if not (Path(folder) / _INPUTS).exists():
            measured_alone(_MODULE, "write", preset=arguments.preset, folder=folder)
        sides = {name: opened(name, folder) for name in ENGINES}
        images = {name: draw and draw() for name, draw in sides.items()}
        present = {name: draw for name, draw in sides.items() if draw}
        timings = interleaved(present, arguments.rounds)
        peaks = {
            name: measured_alone(_MODULE, "peak", engine=name, folder=folder)["bytes"]
            for name in present
        }
    print(
        f"{machine['processor']}, {machine['cores']} cores, {THREADS} threads; load "
        f"before {machine['load_before']}"
    )
    heads = "engine", "ms", "to TensorFlow", "MiB", "largest difference", "mean"
    print(text_table(heads, rows_of(images, timings, peaks)))
    return 0


def rows_of(images, timings, peaks) -> list[tuple[str, ...]]:
    """Returns the rows of the table.

    Args:
        images: uint8, by engine; None of those that are not installed. All are compared
            with the first.
        timings: a :class:`benchmarks.measure.Timings`.
        peaks: bytes by engine.
    """
    first = next(iter(images))
    rows = []
    for name, image in images.items():
        if image is None:
            rows.append((name, "not installed", "", "", "", ""))
            continue
        apart = np.abs(image.astype(int) - images[first])
        rows.append(
            (
                name,
                f"{1e3 * timings.median(name):.0f}",
                f"{statistics.median(timings.quotients(name, first)):.2f}",
                f"{peaks[name] / 2**20:.0f}",
                str(apart.max()),
                f"{apart.mean():.3f}",
            )
        )
    return rows


def write(preset: str, folder: str) -> dict:
    """Writes a preset's model for all engines, and a layout to draw."""
    from benchmarks.cpu import tf
    from ccfpse_tf.export.portable import onnx_model
    from ccfpse_tf.export.preset_endpoints import preset_endpoints
    from ccfpse_tf.ops.compilation import plain_graphs
    from ccfpse_tf.ops.convolution import convolution_method

    endpoints, out = preset_endpoints(preset), Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    inputs = _example(preset)
    specs = [tf.TensorSpec(x.shape, x.dtype, name) for name, x in inputs.items()]

    def draw(*tensors):
        return {"image": endpoints.draw(**dict(zip(inputs, tensors, strict=True)))}

    module = tf.Module()
    module.held = endpoints.weights.module
    module.draw = tf.function(draw, specs, autograph=False)
    with plain_graphs(), convolution_method("direct"):
        concrete = module.draw.get_concrete_function()
    tf.saved_model.save(module, str(out / _SAVED))
    for name, file in _LITERT.items():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
        if name != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if name == "float16":
            converter.target_spec.supported_types = [tf.float16]
        (out / file).write_bytes(converter.convert())
    with contextlib.suppress(ImportError):
        import tf2onnx  # noqa: F401

        model = onnx_model(module.draw, specs)
        (out / _ONNX).write_bytes(model.SerializeToString())
    np.savez(out / _INPUTS, **inputs)  # the last, as it says that all are there
    return {}


def _example(preset):
    from ccfpse_tf.data.image_files import decode_label
    from ccfpse_tf.data.transforms import map_labels
    from ccfpse_tf.presets.shipped import find_preset

    found = find_preset(preset)
    layout = found.layouts[0]
    label = map_labels(decode_label(layout.label, "layout"), found.data.label_ids)
    inputs = {"label": label[None]}
    if layout.instance is not None:
        instance = decode_label(layout.instance, "objects")
        inputs["instance"] = instance[None].astype(np.int32)
    if found.styles:
        inputs["z"] = found.styles[0].code[None]
    return inputs


def opened(engine: str, folder: str):
    """Returns a function that draws the layout; None if the engine is not installed."""
    with np.load(Path(folder) / _INPUTS) as file:
        inputs = dict(file)
    try:
        return ENGINES[engine](Path(folder), inputs)
    except ImportError:
        return None


def peak(engine: str, folder: str) -> dict:
    """Returns the most ``bytes`` that this process has had at a time."""
    from benchmarks.memory import PeakMemory

    with PeakMemory(baseline=0) as memory:
        draw = opened(engine, folder)
        for _ in range(CALLS):
            draw()
    return {"bytes": memory.extra}


def _tensorflow(folder, inputs, compiled=False):
    from benchmarks.cpu import tf

    model = tf.saved_model.load(str(folder / _SAVED))
    given = [tf.constant(value) for value in inputs.values()]
    # The function of a function keeps the model, which holds the variables.
    draw = tf.function(lambda *x: model.draw(*x), jit_compile=compiled, autograph=False)
    return lambda: draw(*given)["image"].numpy()


def _onnx_runtime(folder, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        _onnx_file(folder), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(["image"], inputs)[0]


def _openvino(folder, inputs):
    import openvino

    model = openvino.Core().read_model(_onnx_file(folder))
    settings = {"INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(model, "CPU", settings)
    return lambda: compiled(inputs)[0]


def _onnx_file(folder):
    if not (folder / _ONNX).exists():
        raise ImportError("tf2onnx was not there to write it")
    return str(folder / _ONNX)


def _litert(folder, inputs, name):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / _LITERT[name]), num_threads=THREADS)
    runner = interpreter.get_signature_runner()
    return lambda: runner(**inputs)["image"]


ENGINES = {
    "TensorFlow": _tensorflow,
    "TensorFlow, XLA": functools.partial(_tensorflow, compiled=True),
    "ONNX Runtime": _onnx_runtime,
    "OpenVINO": _openvino,
} | {f"LiteRT, {name}": functools.partial(_litert, name=name) for name in _LITERT}


if __name__ == "__main__":
    sys.exit(main())
