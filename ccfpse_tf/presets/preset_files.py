"""The files of a preset's folder: their names, the writer and the reader.

| file | contents |
|---|---|
| `metadata.json` | format, versions, the SHA-256 of every other file |
| `config.json` | the config of the networks, and the classes |
| `weights.npz` | generator and style encoder: kernels in float16, vectors in float32 |
| `styles.npz` | the style codes, `(styles, z_dim)` |
| `style_N.png`, `layout_N.png`, `layout_N_instance.png` | pictures and layouts |
| `README.md`, `picture.jpg` | the model card, and its picture |
| `model.onnx`, `encoder.onnx` | maybe: the networks for ONNX Runtime, without weights |

Nothing in them is executed, and no file is read that is larger than a preset may be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import parse_arrays, write_arrays
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.digests import sha256, sha256_of_files
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.presets.preset import ExampleLayout, Preset, Style
from ccfpse_tf.presets.preset_facts import (
    AGAIN,
    CONFIG,
    METADATA,
    MOST_BYTES,
    config_of,
    metadata_of,
    number,
    parse_facts,
    read_metadata,
    texts,
)

WEIGHTS, STYLES = "weights.npz", "styles.npz"
CARD, PICTURE = "README.md", "picture.jpg"
GRAPH, ENCODER_GRAPH = "model.onnx", "encoder.onnx"
MOST_STYLES = 12
_MOST_UNPACKED = 8 * MOST_BYTES  # weights hardly become smaller when they are packed
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"


def check_name(name: str) -> str:
    """Returns a preset's name, if it may be one.

    Raises:
        InputError: a name with other characters.
    """
    if re.fullmatch(_NAME, name):
        return name
    raise InputError(
        f"the preset's name {name!r}: it has letters, digits, '_', '-' and '.' only, "
        "such as scenes_256; choose one with --name, or name=... in Python"
    )


def write_preset(folder: Path, preset: Preset) -> dict[str, int]:
    """Writes a preset's folder, whole or not at all; an earlier preset is replaced.

    Args:
        folder: to make.
        preset: its content.

    Returns:
        The bytes of each file.

    Raises:
        InputError: files of more than 8 MB in all; names the sizes of the parts. A
            folder whose model card was edited.
        OSError: as the system reports it.
    """
    check_name(preset.name)
    check_card(folder)
    with new_folder(folder, replace=True) as aside:
        write_arrays(aside / WEIGHTS, preset.weights, compressed=True)
        if preset.styles:
            codes = np.stack([style.code for style in preset.styles])
            write_arrays(aside / STYLES, {"codes": codes}, compressed=True)
        for name, content in (_pictures(preset) | preset.graphs).items():
            (aside / name).write_bytes(content)
        (aside / CARD).write_text(preset.card, encoding="utf-8")
        write_json(aside / CONFIG, config_of(preset))
        digests = {path.name: sha256_of_files(path) for path in sorted(aside.iterdir())}
        write_json(aside / METADATA, metadata_of(preset) | {"files": digests})
        sizes = {path.name: path.stat().st_size for path in sorted(aside.iterdir())}
        _check_sizes(folder, sizes)
    return sizes


def check_card(folder: Path) -> None:
    """Refuses to replace a preset whose model card was edited, as hubs invite to.

    Raises:
        InputError: with the way out.
    """
    card, path = folder / CARD, folder / METADATA
    if not card.is_file() or not path.is_file():
        return
    try:
        written = read_json(path, "the facts of a preset")["files"][CARD]
    except (InputError, KeyError, TypeError):  # damaged: to be written again
        return
    if sha256_of_files(card) != written:
        raise InputError(
            f"{card}: was edited after it was written, and would be lost; move it "
            "away, and give what you wrote by --card FILE (card=... in Python)"
        )


def read_preset(folder: str | Path) -> Preset:
    """Reads a preset's folder.

    The model card alone may have changed since it was written.

    Raises:
        InputError: a folder that is no preset, one of another format or with an
            architecture or keys that this version does not know, and damaged files.
    """
    folder = Path(folder)
    metadata = read_metadata(folder)
    try:
        files = _read_files(folder, metadata["files"])
        return _preset(folder, metadata, files)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{folder}: {METADATA} or {CONFIG} is damaged ({error!r}); {AGAIN}"
        ) from error


def checked_names(names: Iterable[str]) -> list[str]:
    """Returns the names of files that metadata tell, if all lie in the folder itself.

    Raises:
        ValueError: a name that leads elsewhere, or is none.
    """
    names = list(names)
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise ValueError(f"a file is named {name!r}")
    return names


def _pictures(preset: Preset) -> dict[str, bytes]:
    """Returns the content of every picture by its name."""
    found = {name: s.picture for name, s in zip(*_named(preset.styles), strict=True)}
    for place, layout in enumerate(preset.layouts, 1):
        found[f"layout_{place}.png"] = layout.label
        if layout.instance is not None:
            found[f"layout_{place}_instance.png"] = layout.instance
    if preset.picture:
        found[PICTURE] = preset.picture
    return found


def _named(styles):
    return [f"style_{number:02}.png" for number in range(1, len(styles) + 1)], styles


def _check_sizes(folder, sizes: Mapping[str, int]) -> None:
    total = sum(sizes.values())
    if total <= MOST_BYTES:
        return
    largest = sorted(sizes, key=sizes.get, reverse=True)
    listed = "\n  ".join(f"{name}: {sizes[name] / 1e6:.2f} MB" for name in largest)
    raise InputError(
        f"{folder}: the preset would have {total / 1e6:.1f} MB, at most "
        f"{MOST_BYTES / 1e6:.0f} MB are allowed:\n  {listed}\n"
        "Train a narrower network (generator.ngf, generator.hidden, generator.z_dim). "
        "Nothing was written."
    )


def _read_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Returns the content of every file that the facts name, if it is as written."""
    found, left = {}, MOST_BYTES
    for name in checked_names(digests):
        path, digest = folder / name, digests[name]
        try:
            with open(path, "rb") as file:
                content = file.read(left + 1)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise InputError(f"{path}: cannot be read ({reason}); {AGAIN}") from None
        left -= len(content)
        if left < 0:
            raise InputError(
                f"{folder}: its files have more than {MOST_BYTES / 1e6:.0f} MB, which "
                f"no preset has; {AGAIN}"
            )
        if sha256(content) != digest and name != CARD:
            raise InputError(
                f"{path}: is damaged: its SHA-256 is {sha256(content)}, {METADATA} "
                f"says {digest}; {AGAIN}"
            )
        found[name] = content
    return found


def _preset(folder: Path, metadata: dict, files: Mapping[str, bytes]) -> Preset:
    known = parse_facts(metadata, files[CONFIG], folder)
    sources = texts(metadata["styles"])
    codes = _arrays(folder, files, STYLES)["codes"] if sources else np.zeros((0, 0))
    if codes.ndim != 2 or not np.isfinite(codes).all():
        raise ValueError("the style codes are not rows of numbers")
    names, _ = _named(sources)
    layouts = min(number(metadata["layouts"]), len(files))
    return Preset(
        **known,
        weights=_arrays(folder, files, WEIGHTS),
        styles=tuple(
            Style(np.asarray(code, np.float32), files[name], source)
            for code, name, source in zip(codes, names, sources, strict=True)
        ),
        layouts=tuple(
            _layout(files, place, known["data"]) for place in range(1, 1 + layouts)
        ),
        card=files[CARD].decode("utf-8"),
        picture=files.get(PICTURE, b""),
        graphs={name: files[name] for name in (GRAPH, ENCODER_GRAPH) if name in files},
        source=str(folder),
        weights_sha256=sha256(files[WEIGHTS]),
    )


def _layout(files, number, data):
    label = files[f"layout_{number}.png"]
    instance = files[f"layout_{number}_instance.png"] if data.instances else None
    return ExampleLayout(label, instance)


def _arrays(folder, files, name):
    try:
        return parse_arrays(files[name], _MOST_UNPACKED)
    except ValueError as error:
        raise InputError(
            f"{folder / name}: is not a readable .npz file ({error}); {AGAIN}"
        ) from None
