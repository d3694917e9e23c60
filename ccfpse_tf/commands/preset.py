"""``preset``: writes a run's weights as a small folder to give away."""

import dataclasses
from pathlib import Path

from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands) -> None:
    """Adds the subcommand to a recipe's parser."""
    preset = commands.add_parser("preset", help="write a run's weights as a preset")
    preset.set_defaults(action=run)
    preset.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="run folder"
    )
    add_options(preset)


def add_options(parser) -> None:
    """Adds what `ccfpse publish` and the recipes' `preset` share."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="made or replaced")
    add("--name", help="of the preset (default: that of the folder)")
    add("--title", help="for people (default: method and data)")
    add(
        "--card",
        type=Path,
        metavar="FILE",
        help="Markdown for the model card: data, licence, credit, known faults",
    )
    add(
        "--licence",
        "--license",
        metavar="ID",
        help="of the weights, as hubs name it, such as apache-2.0 (default: left out)",
    )
    add(
        "--dataset",
        metavar="OWNER/NAME",
        help="where a hub has the data of the training (default: left out)",
    )
    add("--records", type=Path, metavar="DIR", help="default: those of the training")
    add(
        "--evaluation",
        type=Path,
        metavar="DIR",
        help="result of `evaluate` for the card (default: the newest one of this "
        "checkpoint in the run's folder)",
    )
    add("--best", action="store_true", help="the best checkpoint, not the newest")
    add(
        "--labels",
        type=Path,
        metavar="DIR",
        help="label PNGs whose first two become the preset's example layouts, instead "
        "of layouts of the validation records",
    )
    add("--instances", type=Path, metavar="DIR", help="instance PNGs for --labels")
    add(
        "--onnx",
        action="store_true",
        help="for ONNX Runtime, too, with which `ccfpse paint` starts at once",
    )


def run(arguments) -> int:
    """Writes the preset, prints its sizes and returns 0; errors as those of `write`."""
    write(arguments)
    return 0


def write(arguments) -> tuple:
    """Writes the preset that the options ask for, and prints its sizes.

    Returns:
        The preset, and the bytes of each of its files.

    Raises:
        InputError: as :func:`ccfpse_tf.export.run_preset.preset_of_run`.
    """
    import_tensorflow()
    from ccfpse_tf.export.run_preset import PresetOptions, preset_of_run

    names = [field.name for field in dataclasses.fields(PresetOptions)]
    options = PresetOptions(**{name: getattr(arguments, name) for name in names})
    preset, sizes = preset_of_run(arguments.run, arguments.out, options)
    for name in sorted(sizes, key=sizes.get, reverse=True):
        print(f"{sizes[name] / 1e3:9,.1f} kB  {name}")
    difference = preset.difference
    print(
        f"preset {arguments.out}: {preset.name}, step {preset.step}, "
        f"{sum(sizes.values()) / 1e6:.2f} MB, {len(preset.styles)} styles; against the "
        f"run in float32 at most {difference['largest']} of 255 grey levels, "
        f"{difference['mean']:.4f} in the mean ({difference['images']} layouts)"
    )
    return preset, sizes
