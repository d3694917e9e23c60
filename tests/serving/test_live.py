"""A model in this process gives the answers of the exported one."""

import base64
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.commands.offered_models import live_offer
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.assembly import assemble
from ccfpse_tf.serving.live_model import LiveModel, live_versions
from tests.export.exported import description, label_png, layouts
from tests.serving.conftest import run_app
from tests.serving.palette_model import CLASSES, LiveSignature, PaletteModel, b64, png
from tests.serving.rows import LABEL, URL, row

PHOTO = np.full((9, 7, 3), 77, np.uint8)
FILES = {"label_bytes": b64(png(LABEL)), "instance_bytes": ""}
ARRAYS = {"label": LABEL.tolist(), "instance": LABEL.tolist()}
BODIES = {
    "seeds": ("serving_default", [row(), row(seed=7)]),
    "codes": ("synthesize_bytes", [FILES | {"z": [3, 0]}]),
    "photo": ("stylize_bytes", [FILES | {"style_bytes": b64(png(PHOTO))}]),
    "arrays": ("synthesize", [ARRAYS | {"z": [3, 0]}]),
    "style": ("stylize", [ARRAYS | {"style_image": PHOTO.tolist()}]),
    "encode": ("encode", [PHOTO.tolist()]),
    "describe": ("describe", [1]),
    "format": ("describe", [2]),
    "class": ("serving_default", [row(np.full_like(LABEL, CLASSES))]),
    "cut": ("serving_default", [row() | {"label_bytes": b64(png(LABEL)[:-20])}]),
    "code": ("synthesize_bytes", [FILES | {"z": [3]}]),
    "none": ("nothing", [row()]),
}


@pytest.fixture(scope="module")
def signatures():
    made = PaletteModel().signatures()
    return {name: LiveSignature(function) for name, function in made.items()}


def ask(bodies, url):
    async def scenario(client):
        answers = {
            name: await client.post(
                f"{url}:predict", json={"signature_name": signature, "instances": rows}
            )
            for name, (signature, rows) in bodies.items()
        }
        metadata = await client.get(f"{url}/metadata")
        return answers, metadata.json()["metadata"]["signature_def"]["signature_def"]

    return scenario


def without_names(definitions):
    """Metadata without the names of tensors in a graph, and of internal functions."""
    for definition in definitions.values():
        for tensor in [*definition["inputs"].values(), *definition["outputs"].values()]:
            del tensor["name"]
    return {k: v for k, v in definitions.items() if not k.startswith("__")}


def test_answers_errors_and_metadata_are_those_of_the_disk(serve, signatures):
    saved, saved_metadata = serve(ask(BODIES, URL))
    live, metadata = serve(ask(BODIES, URL), live_versions("palette", signatures, 3))
    codes = [answer.status_code for answer in live.values()]
    assert codes == 7 * [200] + 5 * [400]
    for name, answer in live.items():
        assert answer.status_code == saved[name].status_code, name
        assert answer.json() == saved[name].json(), name
    assert without_names(metadata) == without_names(saved_metadata)


def test_signatures_are_traced_when_they_are_called(serve, signatures):
    for signature in signatures.values():
        signature.traces = 0
    later = []
    versions = live_versions("palette", signatures, 3, later.append)
    serve(ask({"a": BODIES["seeds"], "b": BODIES["seeds"]}, URL), versions)
    traced = {name for name, signature in signatures.items() if signature.traces}
    assert traced == {"describe", "serving_default"}
    assert signatures["serving_default"].traces == 1


def test_a_style_is_drawn_in_the_background(signatures, caplog):
    later = []
    live_versions("palette", signatures, 3, later.append)
    signatures["synthesize_bytes"].traces = 0
    [prepare] = later
    prepare()
    assert signatures["synthesize_bytes"].traces == 1 and not caplog.records
    broken = {**signatures, "synthesize_bytes": signatures["encode"]}
    live_versions("palette", broken, 3, lambda work: work())
    assert "palette fails on its own style" in caplog.text


def test_one_that_fails_on_its_example_is_not_served(monkeypatch):
    from tests.serving import palette_model

    monkeypatch.setattr(palette_model, "CLASSES", 1)  # its example has classes 0 and 1
    made = palette_model.PaletteModel().signatures()
    signatures = {name: LiveSignature(function) for name, function in made.items()}
    with pytest.raises(InputError, match="^broken: fails on its own example"):
        live_versions("broken", signatures)


def test_what_comes_too_late_is_an_error(signatures):
    model = LiveModel(signatures)
    asked = {"format": np.ones(1, np.int64)}
    with pytest.raises(tf.errors.DeadlineExceededError, match="not finished within -1"):
        model.run("describe", asked, -1)
    with model.in_use():
        model.retire()
        assert not model.closed and model.run("describe", asked, 60)
    assert model.closed


def test_it_is_offered_by_how_it_is_made(signatures, serve, monkeypatch):
    said = []

    def make(say):
        say("reading the weights")
        return signatures

    monkeypatch.setattr("ccfpse_tf.export.signatures.signatures_of", dict)
    offer = live_offer("palette", make)
    answers, _ = serve(ask({"a": BODIES["seeds"]}, URL), offer.load(said.append))
    assert answers["a"].status_code == 200
    assert said == ["importing TensorFlow", "building the model",
                    "reading the weights", "drawing a first picture"]  # fmt: skip


@pytest.mark.slow
def test_a_network_in_this_process(tiny_model, tiny_export, page):
    label, instance = layouts(1)[0]
    code = np.random.default_rng(0).standard_normal(4).astype(np.float32).tolist()
    files = {
        "label_bytes": b64(label_png(label)),
        "instance_bytes": b64(png(instance.astype(np.uint8))),
    }
    cut = files | {"label_bytes": b64(label_png(label)[:-30])}
    photo = np.full((64, 96, 3), 77, np.uint8)
    unknown = files | {"label_bytes": b64(png(np.full((64, 96), 9, np.uint8)))}
    bodies = {
        "seeds": ("serving_default", [files | {"seed": 1}]),
        "codes": ("synthesize_bytes", [files | {"z": code}]),
        "photo": ("stylize_bytes", [files | {"style_bytes": b64(png(photo))}]),
        "describe": ("describe", [1]),
        "unknown": ("serving_default", [unknown | {"seed": 1}]),
        "cut": ("serving_default", [cut | {"seed": 1}]),
        "short": ("synthesize_bytes", [files | {"z": [0, 0, 0]}]),
        "format": ("describe", [2]),
    }  # fmt: skip

    def make(say):
        return assemble(tiny_model, description(), layouts=layouts(2), step=12)[0]

    offer = live_offer("tiny", make)
    scenario = ask(bodies, "/v1/models/tiny")
    models = tiny_export.folder.parent
    saved, saved_metadata = run_app(scenario, models, page)
    found, metadata = run_app(scenario, models, page, offer.load(print))
    assert without_names(metadata) == without_names(saved_metadata)
    assert [x.status_code for x in found.values()] == 4 * [200] + 4 * [400]
    for name in ("describe", "unknown", "cut", "short", "format"):
        assert json.loads(found[name].text) == json.loads(saved[name].text), name
    for name in ("seeds", "codes", "photo"):
        one, other = (_image(answers[name]) for answers in (found, saved))
        assert np.abs(one - other).max() <= 1 and one.std() > 1


def _image(answer):
    content = base64.b64decode(answer.json()["predictions"][0]["b64"])
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)
