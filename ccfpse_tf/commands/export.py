"""The subcommand ``export`` of the recipes."""

from pathlib import Path

from ccfpse_tf.commands.size_option import read_size
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.options import PRECISIONS, check_name
from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands) -> None:
    """Adds the subcommand to a recipe's parser."""
    export = commands.add_parser("export", help="write a model for TensorFlow Serving")
    export.set_defaults(action=run)
    add = export.add_argument
    add("--run", type=Path, required=True, metavar="DIR", help="run folder")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="MODELS/NAME",
        help="folder to make the next version in; for other targets a new file",
    )
    add("--records", type=Path, metavar="DIR", help="default: those of the training")
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the weights; bfloat16 also computes in it (default: float32)",
    )
    add(
        "--size",
        metavar="HxW",
        help="size of images, or any; other sizes than the run's need a model without "
        "style code",
    )
    add(
        "--target",
        choices=("savedmodel", "onnx", "litert"),
        default="savedmodel",
        help="onnx and litert: one file with the signature synthesize, in float32",
    )


def run(arguments) -> int:
    """Exports, prints the result and returns 0.

    Raises:
        InputError: as :func:`ccfpse_tf.export.export.export_run`.
    """
    size = _size(arguments.size)
    if arguments.target != "savedmodel":
        return _run_portable(arguments, size)
    check_name(arguments.out)
    import_tensorflow()
    from ccfpse_tf.export.export import export_run

    exported = export_run(
        arguments.run,
        arguments.out,
        records=arguments.records,
        precision=arguments.precision,
        size=size,
    )
    facts, difference = exported.facts, exported.facts["difference"]
    print(
        f"exported {exported.folder}: {arguments.precision}, "
        f"{facts['weight_bytes'] / 1e6:.1f} MB of weights; against the run in float32 "
        f"at most {difference['largest']} of 255 grey levels, "
        f"{difference['mean']:.4f} in the mean\n"
        f"how to serve it and ask it: {exported.folder / 'README.md'}"
    )
    return 0


def _run_portable(arguments, size):
    if arguments.precision != "float32":
        raise InputError(
            f"--precision {arguments.precision}: --target {arguments.target} is "
            "written in float32; the target's own tools make files smaller"
        )
    import_tensorflow()
    from ccfpse_tf.export.export import export_portable

    difference = export_portable(
        arguments.run,
        arguments.out,
        arguments.target,
        records=arguments.records,
        size=size,
    )
    found = "not compared with the run, as its runtime is not installed"
    if difference:
        found = (
            f"against the run at most {difference.largest} of 255 grey levels, "
            f"{difference.mean:.4f} in the mean"
        )
    print(f"exported {arguments.out}: {found}")
    return 0


def _size(text):
    if text is None or text == "any":
        return text
    return read_size("--size", text, ", or any")
