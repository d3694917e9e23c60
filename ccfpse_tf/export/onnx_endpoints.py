"""The functions that a server offers of a preset, without TensorFlow.

They answer as those of :mod:`ccfpse_tf.export.endpoints` do. ``stylize`` and
``encode``, which take photos as numbers, are left out: all clients of ours send files.
"""

import base64
import io
import json
import struct
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from ccfpse_tf.data.image_files import decode_label, decode_photo
from ccfpse_tf.data.transforms import map_labels, resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.onnx_session import open_graph
from ccfpse_tf.export.philox import stateless_normal
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.presets.preset_files import ENCODER_GRAPH, GRAPH

_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_GREY = 0
_COMPRESSION = 1  # of zlib, as the other engine's


class OnnxEndpoints:
    """The functions of a preset; each takes and gives arrays by name, a row per image.

    All raise InputError for inputs that are wrong.

    Args:
        preset: with ONNX graphs.
        open_graph: see :func:`ccfpse_tf.export.onnx_session.open_graph`.

    Raises:
        InputError: graphs that the installed ONNX Runtime cannot use.
    """

    def __init__(self, preset: Preset, open_graph: Callable = open_graph):
        self._data = preset.data
        self._generator = open_graph(preset, GRAPH, "generator")
        described = json.loads(self._generator.description)
        self._description = described | _shown(preset)
        self._size = tuple(self._description["image_size"])
        self._z_dim = self._description["z_dim"]
        if self._z_dim:
            self._encoder = open_graph(preset, ENCODER_GRAPH, "encoder")

    def signatures(self) -> dict[str, tuple[Callable, Mapping, Mapping]]:
        """Returns functions by name, with type and shape of inputs and of outputs."""
        rows, grid = (object, (-1,)), (np.int32, (-1, -1, -1))
        number, z = (np.int64, (-1,)), {"z": (np.float32, (-1, -1))}
        files, grids = {"label_bytes": rows}, {"label": grid}
        if self._data.instances:
            files, grids = files | {"instance_bytes": rows}, grids | {"instance": grid}
        png = {"image_bytes": rows}
        image = {"image": (np.uint8, (-1, *self._size, 3))}
        text = {"description_bytes": rows}
        made = {
            "describe": (self.describe, {"format": number}, text),
            "serving_default": (self.serve, files | {"seed": number}, png),
            "synthesize": (self.synthesize, grids | (z if self._z_dim else {}), image),
        }
        if self._z_dim:
            photo = {"style_bytes": rows}
            made["synthesize_bytes"] = (self.synthesize_bytes, files | z, png)
            made["stylize_bytes"] = (self.stylize_bytes, files | photo, png)
        return made

    def stop(self) -> None:
        """Ends the drawing under way, from another thread; its function raises."""
        self._generator.stop()

    def describe(self, format):
        """Returns the model's description as JSON."""
        for row, wanted in enumerate(format):
            known = self._description["format"]
            if wanted != known:
                raise InputError(
                    f"format[{row}] is {wanted}; this model describes itself in {known}"
                )
        text = json.dumps(self._description, separators=(",", ":")).encode()
        return {"description_bytes": np.array([text] * len(format), object)}

    def serve(self, seed, **files):
        """Encoded maps and seeds to encoded images."""
        _check_rows(seed=seed, **files)
        if not self._z_dim:
            return self._encoded(files)
        z = [stateless_normal(int(one), self._z_dim) for one in seed]
        return self._encoded(files, z=np.stack(z))

    def synthesize_bytes(self, z, **files):
        """Encoded maps and style codes to encoded images."""
        _check_rows(z=z, **files)
        return self._encoded(files, z=z)

    def stylize_bytes(self, style_bytes, **files):
        """Encoded maps and photos to encoded images in their mean style."""
        _check_rows(style_bytes=style_bytes, **files)
        photos = [
            resize_image(decode_photo(file, f"style_bytes[{row}]").pixels, self._size)
            for row, file in enumerate(style_bytes)
        ]
        mean = self._encoder.run("mean", {"image": np.stack(photos)})
        return self._encoded(files, z=mean)

    def synthesize(self, **inputs):
        """Class indices, maybe instances and style codes, to images."""
        _check_rows(**inputs)
        label, most = inputs["label"], self._data.label_channels - 1
        for row, *place in np.argwhere((label < 0) | (label > most))[:1].tolist():
            raise InputError(
                f"label[{row}] is {label[row][tuple(place)]} at row {place[0]}, column "
                f"{place[1]}; class indices are 0..{most}"
            )
        return {"image": self._draw(inputs)}

    def _encoded(self, files, **code):
        inputs = {"label": self._decoded("label_bytes", files["label_bytes"])}
        label = np.stack([self._indices(*one) for one in enumerate(inputs["label"])])
        inputs["label"] = label
        if self._data.instances:
            sent = files["instance_bytes"]
            inputs["instance"] = self._decoded("instance_bytes", sent, label)
        images = self._draw(inputs | code)
        return {"image_bytes": np.array([_png(image) for image in images], object)}

    def _decoded(self, name, files, otherwise=None):
        """Ids ``(batch, height, width)`` of grey PNGs; ``otherwise`` of empty ones."""
        return np.stack(
            [
                self._map(f"{name}[{row}]", file)
                if file or otherwise is None
                else otherwise[row]
                for row, file in enumerate(files)
            ]
        ).astype(np.int32)

    def _map(self, name, file):
        if len(file) < 26 or not file.startswith(_PNG):
            raise InputError(f"{name} is not a PNG (or cut short)")
        width, height, depth, kind = struct.unpack(">IIBB", file[16:26])
        if kind != _GREY or depth not in (8, 16):
            raise InputError(
                f"{name} is not a grey PNG of 8 or 16 bits (colour type {kind}, "
                f"{depth} bits); send class ids as grey values, not colours"
            )
        self._check_size(name, (height, width))
        return decode_label(file, name)

    def _indices(self, row, ids):
        try:
            return map_labels(ids, self._data.label_ids)
        except InputError as error:
            raise InputError(f"label_bytes[{row}]: {error}") from None

    def _check_size(self, name, found):
        if tuple(found) != self._size:
            height, width = self._size
            raise InputError(
                f"{name} is {found[0]}x{found[1]} (height x width), the model "
                f"generates {height}x{width} only; resize it without smoothing "
                "(nearest neighbour)"
            )

    def _draw(self, inputs):
        for name in inputs.keys() & {"label", "instance"}:
            self._check_size(name, inputs[name].shape[1:])
        if self._z_dim:
            z = inputs["z"]
            if z.shape[1] != self._z_dim:
                raise InputError(
                    f"z has {z.shape[1]} values per image, the model takes "
                    f"{self._z_dim}"
                )
            for row in np.flatnonzero(~np.isfinite(z).all(1))[:1]:
                raise InputError(f"z[{row}] holds NaN or infinity")
        return self._generator.run("image", inputs)


def _check_rows(**inputs):
    counts = [len(value) for value in inputs.values()]
    if not counts[0]:
        raise InputError(f"{next(iter(inputs))} is an empty batch")
    if len(set(counts)) > 1:
        raise InputError(
            f"{' and '.join(inputs)} have different numbers of rows "
            f"({', '.join(map(str, counts))}); send one of each for every image"
        )


def _shown(preset):
    """Examples and styles of a preset, as a description has them."""
    examples = [
        {
            "label_bytes": _base64(layout.label),
            "instance_bytes": _base64(layout.instance or b""),
        }
        for layout in preset.layouts
    ]
    styles = [
        {
            "name": f"style {number}",
            # The shortest decimals that give these floats again.
            "z": [float(str(value)) for value in style.code],
            "image": _base64(style.picture),
        }
        for number, style in enumerate(preset.styles, 1)
    ]
    return {"examples": examples} | ({"styles": styles} if styles else {})


def _base64(content):
    return base64.b64encode(content).decode()


def _png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()
