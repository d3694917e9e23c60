"""Judges degraded photographs: a measure that orders them wrongly can't be trusted.

    python -m benchmarks.judges --records RECORDS --out DIR --segmenter SEGMENTER

The photographs of a split are written as they are, and with more and more noise, blur,
false colour and loss of detail. Each folder of images is measured as by
``evaluate --images``: by the segmenter against the layouts, by the distances of the
pooled features against the photographs, by ST-LPIPS against each image's own one.

The command may be stopped at any time: started again, it goes on. It writes a table to
DIR/table.md and prints it with a sentence for each order that is not the expected one.
"""

import argparse
import functools
import json
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ccfpse_tf.data.prepare.arguments import size as parse_size
from ccfpse_tf.errors import InputError, exit_cleanly
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.runtime.startup import import_tensorflow

SMALL_COLOUR = np.array([15, -10, 5])  # added to red, green, blue
HIGHER_IS_BETTER = ("mean_iou", "pixel_accuracy")
SETTINGS = "settings.json"


def noise(deviation, photo, random):
    """Gaussian noise of a standard deviation in steps of 1/255, the same each time."""
    return as_bytes(photo + random.normal(0, deviation, photo.shape))


def blur(deviation, photo, random):
    """A Gaussian filter of a standard deviation in pixels."""
    image = Image.fromarray(photo)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(deviation)))


def colour(factor, photo, random):
    """Another colour of the light."""
    return as_bytes(photo + factor * SMALL_COLOUR)


def down(factor, photo, random):
    """Fewer pixels, and as many as before again, both by the bicubic filter."""
    image = Image.fromarray(photo)
    small = [max(1, round(side / factor)) for side in image.size]
    image = image.resize(small, Image.Resampling.BICUBIC)
    return np.asarray(image.resize(photo.shape[1::-1], Image.Resampling.BICUBIC))


def as_bytes(values):
    """Rounds and clips to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# Each kind from weak to strong.
KINDS = {
    "noise": {f"noise, sd {x}": functools.partial(noise, x) for x in (5, 15, 40)},
    "blur": {f"blur, sd {x}": functools.partial(blur, x) for x in (1, 2, 4)},
    "colour": {
        "colour, small": functools.partial(colour, 1),
        "colour, large": functools.partial(colour, 3),
    },
    "down": {f"{x}x down and up": functools.partial(down, x) for x in (2, 4, 8)},
}
UNCHANGED = "none"
DEGRADATIONS = {UNCHANGED: lambda photo, random: photo} | {
    name: degrade for kind in KINDS.values() for name, degrade in kind.items()
}


def main(argv=None) -> int:
    """Measures what is missing, and prints the table."""
    options = _options(argv)
    settings = {name: str(value) for name, value in vars(options).items()}
    settings |= {"records": str(options.records.resolve()), "out": "."}
    known = _known_settings(options, settings)
    import_tensorflow()
    _quieten()
    if not known:
        write_images(options)
    found = {}
    for name in DEGRADATIONS:
        found[name] = measure(name, options)
        write_json(options.out / SETTINGS, settings)  # which have just proved right
    text = "\n".join([table(found), "", *surprises(found)])
    (options.out / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _options(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.judges",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--records", type=Path, required=True, metavar="DIR")
    add("--out", type=Path, required=True, metavar="DIR", help="made or resumed")
    add("--split", default="val", help="of the records (default: %(default)s)")
    add("--count", type=int, metavar="N", help="photographs (default: all)")
    add("--size", type=parse_size, metavar="HxW", help="default: that of the records")
    add("--segmenter", metavar="SPEC", help="as for `evaluate` (default: none)")
    add(
        "--features",
        default="efficientnet-lite0",
        metavar="NAME|FILE",
        help="as for `evaluate` (default: %(default)s)",
    )
    add(
        "--st-lpips",
        default="alex",
        metavar="alex|vgg",
        help="as for `evaluate` (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    if options.count is not None and options.count < 2:
        raise InputError(f"--count {options.count}: distances need 2 or more")
    return options


def _known_settings(options, settings) -> bool:
    """Tells whether there are results of these settings; refuses those of others."""
    path = options.out / SETTINGS
    if not path.exists():
        return False
    before = json.loads(path.read_text(encoding="utf-8"))
    differing = [
        f"{name}: there {before.get(name)}, now {value}"
        for name, value in settings.items()
        if before.get(name) != value
    ]
    if differing:
        raise InputError(
            f"--out {options.out} holds results of other settings; name another "
            "folder, or repeat those:\n  " + "\n  ".join(differing)
        )
    return True


def _quieten():
    # Every evaluation opens the networks anew, and TensorFlow takes that for a mistake.
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")


def _images_of(name, options) -> Path:
    return options.out / "images" / name


def write_images(options) -> None:
    """Writes a folder of images for each degradation."""
    from ccfpse_tf.data.records import read_description
    from ccfpse_tf.evaluation.image_folder import stem, write_image
    from ccfpse_tf.evaluation.image_source import ImageSource

    facts = read_description(options.records).splits
    if options.split not in facts:
        raise InputError(
            f"{options.records} has no split {options.split!r}; it has "
            f"{', '.join(sorted(facts))}: choose one with --split"
        )
    split = facts[options.split]
    size = options.size or (split.height, split.width)
    if None in size:
        raise InputError(f"{options.records} keep their own sizes: add --size HxW")
    source = ImageSource.of_records(options.records, options.split, size, options.count)
    for key, photo in source.real_images():
        for name, degrade in DEGRADATIONS.items():
            path = _images_of(name, options) / f"{stem(key)}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            # Other noise in each photograph, and the same on each day.
            random = np.random.default_rng(zlib.crc32(key.encode()))
            write_image(path, degrade(photo, random))


def measure(name: str, options) -> dict[str, float]:
    """Evaluates a degradation's images, if that has not been done."""
    from ccfpse_tf.evaluation.evaluate import METRICS, evaluate
    from ccfpse_tf.evaluation.image_source import Images
    from ccfpse_tf.evaluation.measures import Measures

    out = options.out / "evaluations" / name
    if (out / METRICS).exists():
        found = json.loads((out / METRICS).read_text(encoding="utf-8"))
        return found["metrics"]["generated"]
    images = Images(
        folder=_images_of(name, options),
        records=options.records,
        split=options.split,
        count=options.count,
    )
    measures = Measures(
        segmenter=options.segmenter,
        real=False,  # that is the row without any degradation
        features=options.features,
        reference=options.out / "reference.npz",
        st_lpips=options.st_lpips,
    )
    return evaluate(images, measures, out)["metrics"]["generated"]


def table(found: dict[str, dict[str, float]]) -> str:
    """Sets the metrics of each degradation as a Markdown table."""
    from ccfpse_tf.evaluation.report import shown

    columns = _columns(found)
    lines = [f"| degradation | {' | '.join(columns)} |"]
    lines.append("|---|" + "---:|" * len(columns))
    for name, metrics in found.items():
        cells = [shown(column, metrics[column]) for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def surprises(found: dict[str, dict[str, float]]) -> list[str]:
    """Says where more of a degradation is not worse."""
    from ccfpse_tf.evaluation.report import shown

    lines = []
    for column in _columns(found):
        sign = -1 if column in HIGHER_IS_BETTER else 1
        for kind in KINDS.values():
            names = [UNCHANGED, *kind]
            for weak, strong in zip(names, names[1:], strict=False):
                values = [found[name][column] for name in (weak, strong)]
                if None in values or not sign * values[0] < sign * values[1]:
                    before, after = (shown(column, value) for value in values)
                    lines.append(
                        f"Not as expected: {column} is {before} with {weak!r}, and "
                        f"{after} with {strong!r}."
                    )
    return lines or ["Every measure finds more of each degradation worse."]


def _columns(found):
    # Accuracies that count pixels without ground truth say nothing more here.
    return [name for name in found[UNCHANGED] if name != "pixel_accuracy_all"]


if __name__ == "__main__":
    exit_cleanly(main)
