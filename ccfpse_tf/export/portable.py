"""One file for other runtimes: ONNX and LiteRT."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import Ask
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.files.atomic import new_file
from ccfpse_tf.ops.compilation import plain_graphs
from ccfpse_tf.ops.convolution import convolution_method

ENDINGS = {"onnx": ".onnx", "litert": ".tflite"}
OPSET = 17


def check_file(target: str, path: Path) -> None:
    """Refuses a file that exists, or whose ending is not its target's.

    Raises:
        InputError: with the way out; also where the converter is not installed.
    """
    if path.suffix != ENDINGS[target]:
        raise InputError(
            f"--out {path}: --target {target} writes one file; name it "
            f"*{ENDINGS[target]}"
        )
    if path.exists():
        raise InputError(f"--out {path} exists; name another file, or remove it")
    if target == "onnx":
        require_converter("--target onnx")


def write_portable(endpoints: Endpoints, target: str, path: Path) -> None:
    """Writes ``synthesize``, without its checks, as one file.

    Args:
        endpoints: of the model, in float32, with one fixed size.
        target: ``"onnx"`` or ``"litert"``.
        path: of the file, written aside and renamed.
    """
    function, specs = _function(endpoints)
    content = (_to_onnx if target == "onnx" else _to_litert)(endpoints, function, specs)
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as aside:
        aside.write_bytes(content)


def ask(path: Path) -> Ask | None:
    """Opens such a file as a function; None where its runtime is not installed."""
    if path.suffix == ENDINGS["onnx"]:
        try:
            import onnxruntime
        except ImportError:
            return None
        session = onnxruntime.InferenceSession(str(path), providers=_CPU)
        return lambda inputs: session.run(["image"], inputs)[0]
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return None
    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return lambda inputs: runner(**inputs)["image"]


_CPU = ["CPUExecutionProvider"]


def _function(endpoints):
    """Returns the traced function to convert, and the specs of its inputs."""
    shape = (None, *endpoints.sizes.shape())
    specs = {"label": tf.TensorSpec(shape, tf.int32, "label")}
    if endpoints.instances:
        specs["instance"] = tf.TensorSpec(shape, tf.int32, "instance")
    if endpoints.z_dim:
        specs["z"] = tf.TensorSpec((None, endpoints.z_dim), tf.float32, "z")

    def draw(*tensors):
        inputs = dict(zip(specs, tensors, strict=True))
        return {"image": endpoints.draw(**inputs)}

    function = tf.function(draw, list(specs.values()), autograph=False)
    with plain_graphs(), convolution_method("direct"):
        function.get_concrete_function()
    return function, list(specs.values())


def _to_onnx(_, function, specs):
    return onnx_model(function, specs).SerializeToString()


def onnx_model(function: Callable, specs: list[tf.TensorSpec]):
    """Converts a function to an ``onnx.ModelProto``.

    Args:
        function: a ``tf.function`` that is traced.
        specs: its inputs, with their names.

    Raises:
        InputError: tf2onnx is not installed.
    """
    model, _ = require_converter().convert.from_function(function, specs, opset=OPSET)
    foreign = {node.op_type for node in model.graph.node if node.domain not in _OWN}
    if foreign:  # the converter leaves what it cannot convert
        raise RuntimeError(f"tf2onnx left operators that are not ONNX's: {foreign}")
    return model


_OWN = ("", "ai.onnx")


def _to_litert(endpoints, function, _):
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], endpoints.weights.module
    )
    # No operators of TensorFlow's own, which are the default's only fallback.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter.convert()


def require_converter(option: str = "--onnx"):
    """Returns the module ``tf2onnx``.

    Args:
        option: that needs it, for the message.

    Raises:
        InputError: it is not installed.
    """
    try:
        import tf2onnx
    except ImportError:
        raise InputError(
            f"{option} needs tf2onnx: pip install 'ccfpse-tf[onnx]'"
        ) from None
    return tf2onnx
