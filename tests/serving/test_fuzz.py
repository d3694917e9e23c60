"""The answer to any request is JSON, without an error of the server."""

import asyncio
import json

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis", reason="needs pip install '.[test]'")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ccfpse_tf.serving.api_error import ApiError  # noqa: E402
from ccfpse_tf.serving.app import make_app  # noqa: E402
from ccfpse_tf.serving.limits import Limits  # noqa: E402
from ccfpse_tf.serving.metrics import Metrics  # noqa: E402
from ccfpse_tf.serving.model_backend import ModelBackend  # noqa: E402
from ccfpse_tf.serving.tensor_json import from_array, to_array  # noqa: E402
from ccfpse_tf.serving.versions import Versions  # noqa: E402
from tests.serving.conftest import client_of  # noqa: E402
from tests.serving.palette_model import b64, png  # noqa: E402
from tests.serving.rows import LABEL, URL, row  # noqa: E402

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
NAMES = ["label_bytes", "instance_bytes", "seed", "label", "instance", "z", "image"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.fixed_dictionaries({"b64": st.text("ABCDEF=*", max_size=12)})
    | st.just(b64(png(LABEL)))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=12,
)
SIGNATURES = ["serving_default", "synthesize", "encode", "describe", "stylize", "", 3]
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": st.sampled_from(SIGNATURES),
        "instances": VALUES,
        "inputs": VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    },
)


@st.composite
def damaged(draw):
    """A good request with some bytes of its image, or of its JSON, changed."""
    content = bytearray(png(LABEL))
    flips = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in draw(st.lists(flips, max_size=6)):
        content[place] = value
    content = content[: draw(st.integers(0, len(content)))]
    body = bytearray(json.dumps({"instances": [row() | {"label_bytes": b64(content)}]}),
                     "ascii")  # fmt: skip
    if draw(st.booleans()):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


@pytest.fixture(scope="module")
def post(models, page):
    """``post(path, body)`` to one application for all examples."""
    limits, metrics = Limits(batch_delay=0), Metrics()
    with asyncio.Runner() as runner:
        app = make_app(
            ModelBackend(Versions(models), limits, metrics), limits, metrics, page
        )
        context = client_of(app)
        client = runner.run(context.__aenter__())

        async def send(method, path, body):
            import httpx

            url = httpx.URL("http://localhost").copy_with(raw_path=path)
            return await client.request(method, url, content=body)

        yield lambda *sent: runner.run(send(*sent))
        good = runner.run(client.post(f"{URL}:predict", json={"instances": [row()]}))
        assert good.status_code == 200
        runner.run(context.__aexit__(None, None, None))


def check(answer):
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
    if answer.status_code != 200:
        assert list(answer.json()) == ["error"] and len(answer.content) < 3000


@QUICK
@given(body=BODIES)
def test_bodies_of_any_json(body, post):
    check(post("POST", f"{URL}:predict".encode(), json.dumps(body).encode()))


@QUICK
@given(body=damaged() | st.binary(max_size=60))
def test_damaged_bodies(body, post):
    check(post("POST", f"{URL}:predict".encode(), body))


@QUICK
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"]),
    parts=st.lists(
        st.sampled_from(
            [b"/", b"v1", b"models", b"palette", b"versions", b"3", b"labels", b":",
             b"predict", b"metadata", b"..", b"%2e%2e", b"%2f", b"%00", b"%ff", b"\\",
             b"?", b"9" * 30, b"config.json", b"index.html", b"~"]
        ),
        max_size=9,
    ),
)  # fmt: skip
def test_any_path(method, parts, post):
    answer = post(method, b"/" + b"".join(parts), b"{}")
    assert answer.status_code < 500, answer.text
    assert "private" not in answer.text


@QUICK
@given(
    data=st.data(),
    dtype=st.sampled_from(["int32", "int64", "uint8", "float32", "float64", "bool"]),
    shape=st.lists(st.integers(1, 3), max_size=3),
)
def test_arrays_survive_json(data, dtype, shape):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = st.floats(width=kind.itemsize * 8)
    elif kind.kind == "b":
        values = st.booleans()
    else:
        limits = np.iinfo(kind)
        values = st.integers(int(limits.min), int(limits.max))
    count = int(np.prod(shape))
    flat = data.draw(st.lists(values, min_size=count, max_size=count))
    array = np.array(flat, kind).reshape(shape)
    text = json.dumps(from_array(array, "x"))
    again = to_array(json.loads(text), kind)
    assert again.dtype == kind
    np.testing.assert_array_equal(again, array)


@QUICK
@given(value=VALUES, dtype=st.sampled_from(["int32", "uint8", "float32", "O", "bool"]))
def test_any_json_is_an_array_or_refused(value, dtype):
    try:
        array = to_array(value, np.dtype(dtype))
    except ApiError as error:
        assert error.code == 400
    else:
        assert array.dtype == dtype
