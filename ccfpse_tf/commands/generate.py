"""``generate``: images of a run or preset, and a page that shows them."""

import re
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.natural_option import natural
from ccfpse_tf.runtime.startup import import_tensorflow


def add(commands) -> None:
    """Adds the subcommand to a recipe's parser."""
    generate = commands.add_parser(
        "generate", help="generate images and a gallery page"
    )
    generate.set_defaults(action=run)
    add = generate.add_argument
    source = generate.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, metavar="DIR", help="run folder")
    source.add_argument(
        "--preset",
        metavar="NAME|DIR",
        help="a preset: a name, a folder or hf://OWNER/NAME",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="made or replaced")
    add(
        "--records",
        type=Path,
        metavar="DIR",
        help="default: those of the training; of a preset, its example layouts",
    )
    add("--split", help="of the records (default: val)")
    add("--count", default="16", metavar="N", help="layouts, or all (default: 16)")
    add(
        "--style",
        metavar="reference|random|preset|IMAGE",
        help="take styles from the real images (default), from the prior, from those "
        "that a preset stores, or from one image file",
    )
    add("--styles", type=int, default=1, metavar="K", help="images per layout")
    add("--seed", type=natural, default=0, help="seed of the styles (default: 0)")
    add(
        "--labels",
        type=Path,
        metavar="DIR",
        help="label PNGs instead of records, or a template such as 'DIR/{key}_L.png'",
    )
    add("--instances", type=Path, metavar="DIR", help="instance PNGs for --labels")


def run(arguments) -> int:
    """Generates images and prints the path of the page."""
    if arguments.count != "all" and not re.fullmatch("0*[1-9][0-9]*", arguments.count):
        raise InputError(f"--count {arguments.count}: must be 1 or more, or all")
    if arguments.styles < 1:
        raise InputError(f"--styles {arguments.styles}: must be 1 or more")
    import_tensorflow()
    from ccfpse_tf.generation.generate import generate
    from ccfpse_tf.generation.sources import PresetSource, RunSource

    source = (
        RunSource.open(arguments.run)
        if arguments.run is not None
        else PresetSource(arguments.preset)
    )
    page = generate(
        source,
        arguments.out,
        records=arguments.records,
        split=arguments.split,
        count=None if arguments.count == "all" else int(arguments.count),
        style=arguments.style,
        styles=arguments.styles,
        seed=arguments.seed,
        labels=arguments.labels,
        instances=arguments.instances,
    )
    print(f"gallery  {page}")
    return 0
