"""A small stand-in for a model server, for tests of the painting page.

It answers TensorFlow Serving's REST calls by colouring the label map, so a picture
tells which layout, seed or photo it was made from, and keeps every request decoded.
"""

import base64
import dataclasses
import http.server
import io
import json
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

import ccfpse_tf

PAGE = Path(ccfpse_tf.__file__).parent / "serving" / "page"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
SIZE = (48, 64)
CLASSES = (
    ("sky", "#87beeb"),
    ("building", "#966e5a"),
    ("tree", "#327832"),
    ("road", "#5a5a5f"),
    ("sidewalk", "#beaaaa"),
    ("car", "#c82828"),
    ("person", "#e6963c"),
    ("van <i>", "#c82829"),
)
DONT_CARE = ("no label", "#000000")
ID = {name: index + 1 for index, (name, _) in enumerate(CLASSES)} | {DONT_CARE[0]: 0}


STYLES = {
    "serving_default": "seed",
    "stylize_bytes": "style_bytes",
    "synthesize_bytes": "z",
}


def png(values: np.ndarray | Image.Image, **options) -> bytes:
    """Encodes greys of 8 or 16 bits, RGB, or what Pillow made."""
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    """Decodes an image file."""
    return np.asarray(Image.open(io.BytesIO(content)))


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request for an image, decoded. ``instance`` is None for the empty string.

    Of ``seed``, ``style`` and ``z`` there is one, or ``z`` is not asked for.
    """

    signature: str
    label: np.ndarray
    instance: np.ndarray | None
    seed: int | None
    style: bytes | None
    z: list | None = None


def street():
    """An example: label map and instance map of a layout with two touching cars."""
    label = np.full(SIZE, ID["sky"], np.uint8)
    label[20:] = ID["road"]
    label[24:36, 10:40] = ID["car"]
    instance = np.zeros(SIZE, np.uint8)
    instance[24:36, 10:25] = 1
    instance[24:36, 25:40] = 2
    return label, instance


def describe(size=SIZE, *, names=CLASSES, dont_care=True, instances=True, examples=()):
    """A model's description. File ids are shifted by one, as those of ADE20K are."""
    listed = [*names, DONT_CARE] if dont_care else list(names)
    ids = [index + 1 for index in range(len(names))] + [0]
    return {
        "format": 1,
        "name": "toy",
        "title": "Toy streets",
        "step": 1200,
        "image_size": list(size),
        "instances": instances,
        "z_dim": 8,
        "classes": [
            {"index": index, "file_id": ids[index], "name": name, "color": color}
            for index, (name, color) in enumerate(listed)
        ],
        "dont_care_index": len(names) if dont_care else None,
        "precision": "float32",
        "versions": {},
        "examples": [
            {
                name: base64.b64encode(png(values)).decode()
                for name, values in zip(
                    ("label_bytes", "instance_bytes"), pair, strict=True
                )
            }
            for pair in examples
        ],
    }


class StandIn:
    """The server. Use it as a context; ``address`` is where the page is.

    Attributes:
        asked: every request for an image.
        drawing: images that are being made.
        away: answer only with the page's files, as a browser's cache would, and hang
            up on everything else.
        refusal: ``(status, message)`` to answer with instead of images.
        delay: seconds that an image takes.
        layout: file ids that it answers to every photo; None where it takes none.
        photos: the files of all photos to label.
        models: descriptions of further models, by name; that of the first is "toy".
        starting: what a model is doing, by name, until it answers.
    """

    def __init__(self, description):
        self.description = description
        self.models: dict[str, dict] = {}
        self.starting: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.drawing = 0
        self.away = False
        self.refusal = None
        self.delay = 0.0
        self.layout: np.ndarray | None = None
        self.photos: list[bytes] = []
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def predict(self, signature, row, facts):
        """The bytes that a signature of a model answers to one row."""
        if signature == "describe":
            assert row == {"format": 1}
            return json.dumps(facts).encode()
        wanted = {"label_bytes"}
        wanted |= {"instance_bytes"} if facts["instances"] else set()
        wanted.add(STYLES[signature])
        assert set(row) == wanted, row.keys()
        label = _decode(row["label_bytes"], modes={"L"})
        assert list(label.shape) == facts["image_size"]
        instance = row.get("instance_bytes", {"b64": ""})
        instance = _decode(instance, {"L", "I;16"}) if instance["b64"] else None
        style = row.get("style_bytes")
        style = base64.b64decode(style["b64"], validate=True) if style else None
        seed, z = row.get("seed"), row.get("z")
        self.asked.append(Asked(signature, label, instance, seed, style, z))
        self.drawing += 1
        time.sleep(self.delay)
        image = png(self.draw(self.asked[-1]))
        self.drawing -= 1
        return image

    def draw(self, asked: Asked) -> np.ndarray:
        """The picture for a request."""
        palette = np.zeros((256, 3))
        for entry in self.description["classes"]:
            palette[entry["file_id"]] = list(bytes.fromhex(entry["color"][1:]))
        if asked.z is not None:
            tint = np.array(asked.z[:3]) * 20
        elif asked.style is None:
            tint = np.random.default_rng(asked.seed).uniform(0, 100, 3)
        else:
            photo = Image.open(io.BytesIO(asked.style)).convert("RGB")
            tint = np.asarray(photo).mean((0, 1)) * 0.4
        return (palette[asked.label] * 0.6 + tint).astype(np.uint8)


def _decode(value, modes):
    image = Image.open(io.BytesIO(base64.b64decode(value["b64"], validate=True)))
    assert image.mode in modes, image.mode
    return np.asarray(image)


class _Handler(http.server.BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Tests read `asked` instead."""

    def do_GET(self):
        if self.path == "/config.json":
            if self.stand_in.away:
                self.close_connection = True
            else:
                facts = {"model": "toy"}
                if self.stand_in.layout is not None:
                    facts["label_photos"] = True
                if self.stand_in.models:
                    facts["models"] = ["toy", *self.stand_in.models]
                if self.stand_in.starting:
                    facts["starting"] = self.stand_in.starting
                self._answer(200, json.dumps(facts).encode())
        else:
            path = PAGE / (self.path.partition("?")[0].lstrip("/") or "index.html")
            if path.parent != PAGE or not path.is_file():
                self._answer(404, b"", "text/plain")
            else:
                kind = KINDS.get(path.suffix, "image/svg+xml")
                self._answer(200, path.read_bytes(), kind)

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.stand_in
        if server.away:
            self.close_connection = True
            return
        photo = self.path == "/label"
        body = {"signature_name": "label"} if photo else json.loads(content)
        if server.refusal and body["signature_name"] != "describe":
            status, text = server.refusal
            self._answer(status, json.dumps({"error": text}).encode())
            return
        if photo:
            assert self.headers["Content-Type"] == "image/jpeg"
            server.photos.append(content)
            code = base64.b64encode(png(server.layout)).decode()
            self._answer(200, json.dumps({"label_bytes": {"b64": code}}).encode())
            return
        name = self.path.removeprefix("/v1/models/").removesuffix(":predict")
        facts = server.models.get(name, server.description)
        assert name in ("toy", *server.models)
        while name in server.starting:
            time.sleep(0.02)
        (row,) = body["instances"]
        content = server.predict(body["signature_name"], row, facts)
        code = base64.b64encode(content).decode()
        self._answer(200, json.dumps({"predictions": [{"b64": code}]}).encode())

    def _answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        try:
            self.wfile.write(body)
        except BrokenPipeError:  # the page asked for something newer
            self.close_connection = True
