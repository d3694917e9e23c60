"""``ccfpse generate --server URL``: images of label files, drawn by a server."""

import argparse
import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import MARKER, check_out
from ccfpse_tf.runtime.progress_bar import track
from ccfpse_tf.serving.client import Client, ServerError, ServerGone, read_bytes

_AT_ONCE = 4  # so that the server has something to put into batches
_LARGEST_SEED = 2**63 - 1


def add_command(commands) -> None:
    """Adds ``generate`` to the subparsers of ``ccfpse``."""
    parser = commands.add_parser(
        "generate",
        help="draw images of label files on a server",
        description="Draws with a model that `ccfpse serve` or TensorFlow Serving "
        "serves. To draw with a run, use the recipes.",
    )
    parser.add_argument(
        "--server",
        required=True,
        metavar="URL",
        help="http://HOST:PORT, for TensorFlow Serving with /v1/models/NAME",
    )
    parser.add_argument("--labels", required=True, type=Path, metavar="DIR")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--instances", type=Path, metavar="DIR", help="PNGs of the same names"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the style (default: %(default)s)"
    )
    parser.add_argument(
        "--style", type=Path, metavar="IMAGE", help="take the style of a photo instead"
    )
    parser.set_defaults(action=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws and says where.

    Raises:
        InputError: options that do not fit the model, no server.
        DataErrors: label files that the server refuses, all of them.
    """
    count = generate_on_server(
        arguments.server,
        arguments.labels,
        arguments.out,
        instances=arguments.instances,
        seed=arguments.seed,
        style=arguments.style,
    )
    print(f"{count} images in {arguments.out}")
    return 0


def generate_on_server(
    server: str,
    labels: Path,
    out: Path,
    *,
    instances: Path | None = None,
    seed: int = 0,
    style: Path | None = None,
) -> int:
    """Writes ``OUT/KEY.png`` for every ``LABELS/KEY.png``; returns how many.

    Args:
        server: URL, see :class:`~ccfpse_tf.serving.client.Client`.
        labels: folder of label PNGs with the ids of the data set's own files.
        out: folder to make; an earlier output of ``generate`` is replaced.
        instances: folder of instance PNGs of the same names.
        seed: of the style, the same for every file, so that an image does not depend
            on which other files are there.
        style: photo whose style is taken instead.

    Raises:
        InputError: options that do not fit the model, no server.
        DataErrors: files that cannot be drawn, all of them; nothing is written then.
    """
    check_out(out)
    if not 0 <= seed <= _LARGEST_SEED:
        raise InputError(f"--seed {seed}: allowed are 0 to {_LARGEST_SEED}")
    paths = sorted(labels.rglob("*.png"))
    if not paths:
        raise InputError(f"--labels {labels}: no *.png in there")
    client = Client(server)
    facts = client.describe()
    if instances and not facts.get("instances"):
        raise InputError(
            f"model {client.name} has no instance maps: leave out --instances"
        )
    common = _style(client, facts, seed, style)

    def draw(path):
        row = common | {"label_bytes": read_bytes(path)}
        if facts.get("instances"):
            row["instance_bytes"] = _instance(path.relative_to(labels), instances)
        signature = "stylize_bytes" if style else "serving_default"
        return base64.b64decode(client.predict(signature, [row])[0]["b64"])

    asked = {"server": server, "model": client.name, "step": facts.get("step")}
    asked |= {"seed": seed, "style": str(style) if style else None}
    with new_folder(out, replace=True) as aside:
        _write(paths, draw, labels, aside)
        write_json(aside / MARKER, asked | {"layouts": len(paths)})
    return len(paths)


def _write(paths, draw, labels, aside):
    problems = []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        tasks = [threads.submit(draw, path) for path in paths]
        try:
            pairs = zip(paths, tasks, strict=True)
            for path, task in track(pairs, len(paths), "drawing"):
                try:
                    image = task.result()
                except ServerGone:
                    raise
                except (ServerError, InputError) as error:
                    problems.append(f"{path}: {error}")
                    continue
                target = aside / path.relative_to(labels)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(image)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    if problems:
        raise DataErrors(problems, f"--labels {labels}")


def _style(client, facts, seed, style):
    if style is None:
        return {"seed": seed}
    if not facts.get("z_dim"):
        raise InputError(f"model {client.name} has no styles: leave out --style")
    if not style.is_file():
        raise InputError(f"--style {style}: no such file")
    return {"style_bytes": read_bytes(style)}


def _instance(relative, instances):
    if instances is None:
        return ""  # every region of one label is one object
    path = instances / relative
    if not path.is_file():
        raise InputError(f"{path}: missing instance map")
    return read_bytes(path)
