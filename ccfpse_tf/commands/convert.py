"""``ccfpse convert``: its options and its output.

Nothing heavy is imported before it is needed.
"""

import argparse
import textwrap
from pathlib import Path

from ccfpse_tf.commands.size_option import read_size
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.gan.pix2pixhd_method import is_pix2pixhd
from ccfpse_tf.runtime.startup import import_tensorflow

# The options that each of the three ways takes; any other option is a mistake.
IMPORT = {
    "out",
    "discriminator",
    "encoder",
    "epoch",
    "dataset",
    "records",
    "classes",
    "dont_care",
    "instances",
    "label_mapping",
    "image_size",
    "depth",
}
EXPORT = {"to_official", "format"}
VGG = {"vgg", "out"}
COUNTER = "num_batches_tracked"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of ``ccfpse convert``."""
    add = parser.add_argument
    add(
        "source",
        type=Path,
        metavar="SOURCE",
        help="G.pth, a folder with *_net_{G,D,E}.pth, a run (--to-official), or "
        "torchvision's vgg19 file (--vgg)",
    )
    add("--out", type=Path, metavar="DIR", help="run folder to make (--vgg: .npz file)")
    add("--discriminator", type=Path, metavar="FILE", help="D.pth")
    add("--encoder", type=Path, metavar="FILE", help="E.pth")
    add("--epoch", help="choice of a folder's files, such as latest or 50")
    add("--dataset", metavar="NAME", help=f"data of the model: {'|'.join(DATASETS)}")
    add("--records", type=Path, metavar="DIR", help="or: records of the same classes")
    add("--classes", type=int, metavar="K", help="or: number of classes")
    add("--dont-care", action="store_true", help="for --classes: add don't care")
    add("--instances", action="store_true", help="for --classes: add instance edges")
    add("--label-mapping", metavar="NAME", help="rule for label ids, if not official")
    add("--image-size", metavar="HxW", help="size of images, if not as published")
    add(
        "--depth",
        type=int,
        choices=(5, 6, 7),
        help="upsamplings, where SPADE's files do not tell them",
    )
    add(
        "--to-official",
        type=Path,
        metavar="DIR",
        help="write a run's networks as latest_net_{G,D,E}.pth",
    )
    add("--format", metavar="zip|legacy", help="of the .pth files (default: zip)")
    add("--vgg", action="store_true", help="VGG19 for losses.perceptual_weights")


def convert(arguments: argparse.Namespace) -> None:
    """Runs ``ccfpse convert`` and prints its result.

    Raises:
        InputError: anything that the user can correct.
    """
    if arguments.to_official:
        _check_options(arguments, EXPORT, "--to-official")
        return _to_official(arguments)
    if arguments.out is None:
        raise InputError("convert needs --out, or --to-official DIR for the way back")
    if arguments.vgg:
        _check_options(arguments, VGG, "--vgg")
        return _vgg(arguments)
    _check_options(arguments, IMPORT, "converting an official file")
    return _from_official(arguments)


def _check_options(arguments, allowed, way):
    for name in sorted((IMPORT | EXPORT | VGG) - allowed):
        if getattr(arguments, name) not in (None, False):
            raise InputError(f"--{name.replace('_', '-')} does not go with {way}")


def _from_official(arguments):
    from ccfpse_tf.convert.data_choice import DataChoice

    data = DataChoice(
        arguments.dataset,
        arguments.records,
        arguments.classes,
        arguments.dont_care,
        arguments.instances,
        arguments.label_mapping,
    )
    size = None
    if arguments.image_size is not None:
        size = read_size("--image-size", arguments.image_size)
    import_tensorflow()
    from ccfpse_tf.convert.from_official import convert_official
    from ccfpse_tf.convert.official_files import find_files

    files = find_files(
        arguments.source, arguments.discriminator, arguments.encoder, arguments.epoch
    )
    _print_report(convert_official(files, data, arguments.out, size, arguments.depth))


def _print_report(report):
    config, data = report.config, report.description
    for kind, source in report.sources.items():
        print(f"{kind:14}{source.path}  sha256 {source.sha256[:16]}...")
    for kind in report.missing:
        print(
            f"{kind:14}none given: "
            + (
                "the run can generate images, not train"
                if kind == "discriminator"
                else "styles come from --style random only, and the run cannot train"
            )
        )
    generator = config.generator
    of_style = f", style code {generator.z_dim}, hidden {generator.hidden}"
    print(
        f"{'networks':14}{generator.architecture}, "
        f"{method_of(config).summary(config)}{of_style * (not is_pix2pixhd(config))}, "
        f"{config.discriminator.architecture}, ndf "
        f"{config.discriminator.ndf}, images {_by(config.data.image_size)}"
    )
    care = data.dont_care_index
    print(
        f"{'data':14}{data.name}: {data.num_classes} classes, don't care "
        f"{'none' if care is None else care}, instances "
        f"{'yes' if data.instances else 'no'}, label mapping {data.label_mapping}"
    )
    for kind, names in report.dropped.items():
        if names:
            print(
                f"{'dropped':14}{len(names)} tensors of the {kind}, which nothing "
                "reads there:"
            )
            print(textwrap.indent(shortened(names), "  "))
    print(f"{'run':14}{report.directory}")


def shortened(names: list[str]) -> str:
    """Returns the names of dropped tensors as text, those of a norm as ``NORM.*``."""
    modules: dict[str, list[str]] = {}
    for name in names:
        module, _, tensor = name.rpartition(".")
        modules.setdefault(module, []).append(tensor)
    norms = [f"{module}.*" for module, found in modules.items() if len(found) > 1]
    counters = [module for module, found in modules.items() if len(found) == 1]
    text = " ".join(norms)
    if counters:
        text += f" and {COUNTER} of " + " ".join(counters)
    return textwrap.fill(text, 84, break_long_words=False, break_on_hyphens=False)


def _by(size):
    return "x".join(map(str, size))


def _to_official(arguments):
    import_tensorflow()
    from ccfpse_tf.convert.to_official import export_official

    done = export_official(
        arguments.source, arguments.to_official, arguments.format or "zip"
    )
    for letter, path in done.files.items():
        print(f"{letter}        {path}")
    print(f"step     {done.step}")
    print(f"options  {done.options}")
    for note in done.notes:
        print(f"note     {note}")


def _vgg(arguments):
    import_tensorflow()
    from ccfpse_tf.convert.vgg import convert_vgg

    dropped = convert_vgg(arguments.source, arguments.out)
    print(f"weights  {arguments.out}")
    print(f"dropped  {', '.join(dropped) or 'nothing'}")
    print(
        "use      --set losses.perceptual_network=vgg19-torchvision "
        f"losses.perceptual_weights={arguments.out}"
    )
