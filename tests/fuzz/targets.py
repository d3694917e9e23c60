"""The readers of foreign bytes, each with a few good inputs."""

import contextlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.errors import InputError
from tests.fuzz.check import Target

_PIXELS = np.random.default_rng(0).integers(0, 4, (12, 16, 3), np.uint8)
_PNG = b"\x89PNG\r\n\x1a\n"


def photo(folder: Path) -> Target:
    """Photos that ``prepare`` and ``--style`` open."""
    from ccfpse_tf.data.image_files import read_photo as read

    rgb = Image.fromarray(_PIXELS * 60)
    kinds = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
    seeds = [_encoded(rgb, kind) for kind in kinds]
    seeds += [_encoded(rgb.convert(mode), "PNG") for mode in ("L", "LA", "P", "RGBA")]
    seeds += [_encoded(rgb, "JPEG", progressive=True), _encoded(rgb, "PPM")]
    return _of_files(read, _mended, seeds, folder / "photo.png")


def integer_map(folder: Path) -> Target:
    """Label and instance maps."""
    from ccfpse_tf.data.image_files import read_ids, read_label

    def read(path):
        for reader in (read_label, read_ids):
            try:
                reader(path)
            except InputError:
                if reader is read_ids:
                    raise

    grey = Image.fromarray(_PIXELS[..., 0])
    wide = Image.fromarray(_PIXELS[..., 0].astype(np.uint16) * 300)
    seeds = [_encoded(map_, kind) for map_ in (grey, wide) for kind in ("PNG", "TIFF")]
    modes = ("P", "1", "LA", "RGB", "RGBA")
    seeds += [_encoded(grey.convert(mode), "PNG") for mode in modes]
    return _of_files(read, _mended, seeds, folder / "map.png")


def records(folder: Path) -> Target:
    """Shards of records, and examples in shards that are whole."""
    import tensorflow as tf

    from ccfpse_tf.data.records import decode_record, encode_record, serialize_record

    decode = tf.function(
        lambda example: decode_record(example, 4, True),
        input_signature=[tf.TensorSpec((), tf.string)],
    )
    label = _PIXELS[..., 0].astype(int)
    examples = [
        serialize_record(encode_record(name, image, label, label, 4))
        for name, image in (
            ("a", _PIXELS),
            ("b", _encoded(Image.fromarray(_PIXELS), "JPEG")),
        )
    ]
    path = folder / "shard"

    def read(data):
        if data.startswith(b"shard"):
            path.write_bytes(data.removeprefix(b"shard"))
        else:
            with tf.io.TFRecordWriter(str(path)) as writer:
                writer.write(data)
        for example in tf.data.TFRecordDataset(str(path)):
            decode(example)

    read(examples[0])
    # Commands turn these into messages that name the shard. The last one comes where
    # TensorFlow's message repeats bytes of a record.
    refusals = (
        tf.errors.DataLossError,
        tf.errors.InvalidArgumentError,
        UnicodeDecodeError,
    )
    seeds = [*examples, b"shard" + path.read_bytes()]
    return Target(read, seeds, refusals)


def description(folder: Path) -> Target:
    """``dataset.json`` of a folder of records."""
    from ccfpse_tf.data.records import read_description, write_description
    from tests.export import exported

    write_description(folder, exported.description())
    path = folder / "dataset.json"
    seeds = [path.read_bytes()]
    return _of_files(lambda _: read_description(folder), bytes, seeds, path)


def preset(folder: Path) -> Target:
    """``metadata.json``; and archives of weights, whose digest is then put right."""
    from ccfpse_tf.files.digests import sha256
    from ccfpse_tf.presets.preset_facts import METADATA
    from ccfpse_tf.presets.preset_files import WEIGHTS, read_preset, write_preset
    from tests.presets.made import invented

    write_preset(folder / "tiny", invented())
    path, weights = folder / "tiny" / METADATA, folder / "tiny" / WEIGHTS
    facts, arrays = path.read_bytes(), weights.read_bytes()

    def read(data):
        is_archive = data.startswith(b"PK")
        weights.write_bytes(data if is_archive else arrays)
        if is_archive:
            known = json.loads(facts)
            known["files"][WEIGHTS] = sha256(data)
            data = json.dumps(known).encode()
        path.write_bytes(data)
        return read_preset(folder / "tiny")

    return Target(read, [facts, arrays], (InputError,))


def pth(folder: Path) -> Target:
    """PyTorch's files, in both formats; a pickle alone is put into a whole archive."""
    import torch

    from ccfpse_tf.files.pytorch import read_tensors

    state = {"weight": torch.ones(2, 3), "count": torch.tensor(7)}
    archive, legacy = io.BytesIO(), io.BytesIO()
    torch.save(state, archive)
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    members = _members(archive.getvalue())
    [pickled] = [name for name in members if name.endswith("data.pkl")]

    def mend(data):
        if not data.startswith(b"pickle"):
            return data
        content = members | {pickled: data.removeprefix(b"pickle")}
        again = io.BytesIO()
        with zipfile.ZipFile(again, "w") as file:
            for name, value in content.items():
                file.writestr(name, value)
        return again.getvalue()

    seeds = [archive.getvalue(), legacy.getvalue(), b"pickle" + members[pickled]]
    return _of_files(read_tensors, mend, seeds, folder / "net.pth")


def pth_legacy(folder: Path) -> Target:
    """PyTorch's legacy files; a pickle of tensors alone is put into a whole one."""
    with contextlib.suppress(ImportError):
        import torch  # noqa: F401  (the first zip file takes no longer than others)

    from ccfpse_tf.files.pytorch import read_tensors
    from tests.files import legacy

    state = {"weight": np.ones((2, 3), np.float32), "count": np.array(7)}
    pickled, keys, storages = legacy.parts(state)

    def mend(data):
        if not data.startswith(b"pickle"):
            return data
        return legacy.file(data.removeprefix(b"pickle"), keys, storages)

    seeds = [legacy.file(pickled, keys, storages), b"pickle" + pickled]
    return _of_files(read_tensors, mend, seeds, folder / "net.pth")


def palette(folder: Path) -> Target:
    """Palette files, as text and as JSON."""
    from ccfpse_tf.data.prepare.palette_file import read_palette

    classes = [
        {"id": 0, "color": [128, 128, 128], "name": "sky"},
        {"id": None, "color": [0, 0, 0], "name": "not labelled"},
    ]
    seeds = [
        b"# id  red green blue  name\n0 128 128 128 sky\n- 0 0 0 not labelled\n",
        b"\xef\xbb\xbf0 sky\r\n\r\n7 building\r\n",
        json.dumps({"classes": classes}).encode(),
    ]
    return _of_files(read_palette, bytes, seeds, folder / "palette.txt")


def label_map(folder: Path) -> Target:
    """The file of ``--label-map``."""
    from ccfpse_tf.data.prepare.plan import remapped_ids

    ids = {0: 0, 1: 1, 255: 2}
    seeds = [b'{"11": 255, "12": 1, "13": null}', b"{}"]
    return _of_files(
        lambda path: remapped_ids(ids, 255, path), bytes, seeds, folder / "map.json"
    )


def rest(folder: Path) -> Target:
    """Bodies of the REST API, and the headers of the images in them."""
    import base64

    from ccfpse_tf.serving.api_error import ApiError
    from ccfpse_tf.serving.image_size import check_pixels
    from ccfpse_tf.serving.limits import Limits
    from ccfpse_tf.serving.predict_format import read_request
    from ccfpse_tf.serving.served_model import SignatureSpec, Tensor

    def spec(**inputs):
        return SignatureSpec({k: Tensor(k, *v) for k, v in inputs.items()}, {})

    text, whole, real = np.dtype(object), np.dtype(np.int64), np.dtype(np.float32)
    signatures = {
        "serving_default": spec(label_bytes=(text, (-1,)), seed=(whole, (-1,))),
        "synthesize": spec(label=(whole, (-1, -1, -1)), z=(real, (-1, 4))),
        "describe": spec(format=(whole, (-1,))),
    }

    def read(data):
        try:
            check_pixels(read_request(data, signatures).inputs, Limits().pixels)
        except ApiError as error:
            if error.code not in (400, 501):  # what TensorFlow Serving answers, too
                raise AssertionError(f"HTTP {error.code}: {error.message}") from error
            raise

    image = {"b64": base64.b64encode(_encoded(Image.fromarray(_PIXELS), "PNG"))
             .decode()}  # fmt: skip
    bodies = (
        {"instances": [{"label_bytes": image, "seed": 1}]},
        {"inputs": {"label_bytes": [image], "seed": [2]}},
        {"signature_name": "describe", "instances": [1, 1]},
        {
            "signature_name": "synthesize",
            "inputs": {
                "label": [[[0, 1], [1, 0]]],
                "z": [[0.5, -1e-3, 1, float("nan")]],
            },
        },
    )
    seeds = [json.dumps(body).encode() for body in bodies]
    return Target(read, seeds, (ApiError,))


TARGETS: dict[str, Callable[[Path], Target]] = {
    "photo": photo,
    "integer-map": integer_map,
    "records": records,
    "description": description,
    "preset": preset,
    "pth": pth,
    "pth-legacy": pth_legacy,
    "palette": palette,
    "label-map": label_map,
    "rest": rest,
}


def _of_files(read, mend, seeds, path):
    """The target of a reader that takes a path."""

    def read_bytes(data):
        path.write_bytes(mend(data))
        return read(str(path))

    return Target(read_bytes, seeds, (InputError,))


def _encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _mended(data):
    """Gives the chunks of every other PNG right checksums, so that they are read."""
    if not data.startswith(_PNG) or zlib.crc32(data) & 1:
        return data
    mended, place = bytearray(data), len(_PNG)
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4], "big")
        checksum = zlib.crc32(mended[place + 4 : end])
        if end + 4 <= len(mended):
            mended[end : end + 4] = checksum.to_bytes(4, "big")
        place = end + 4
    return bytes(mended)


def _members(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}
