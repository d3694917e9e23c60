"""The page and the limits in front of another server."""

import httpx
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.proxy import Upstream, checked_url
from tests.serving.rows import URL

PREDICT = f"{URL}:predict"


@pytest.fixture
def ask(serve):
    """``ask(handler, method, path)``: the answer, and the upstream's request."""

    def run(handler, method="POST", path=PREDICT, headers=None, **limits):
        got = []

        def upstream(request):
            got.append(request)
            return handler(request)

        async def scenario(client):
            return await client.request(method, path, content=b"{}", headers=headers)

        backend = Upstream(
            "http://tf:8501/base/",
            "palette",
            Limits(**limits),
            httpx.MockTransport(upstream),
        )
        return serve(scenario, backend=backend, **limits), got

    return run


def test_requests_and_answers_go_through(ask):
    def handler(request):
        secret = {"Set-Cookie": "a=b", "Connection": "x-hop", "X-Hop": "1"}
        return httpx.Response(404, json={"error": "nope"}, headers=secret)

    hop = {"Connection": "x-mine", "X-Mine": "1", "Cookie": "c=d", "TE": "trailers"}
    answer, got = ask(handler, headers=hop | {"Content-Type": "application/json"})
    assert answer.status_code == 404 and answer.json() == {"error": "nope"}
    assert not {"set-cookie", "x-hop"} & set(answer.headers)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (sent,) = got
    assert str(sent.url) == f"http://tf:8501/base{PREDICT}"
    assert sent.read() == b"{}" and sent.headers["content-type"] == "application/json"
    assert not {"x-mine", "cookie", "te"} & set(sent.headers)
    assert sent.headers["host"] == "tf:8501"


@pytest.mark.parametrize("path", ["/v1/models/../../admin", "/v1/x", "/v1//tf/models"])
def test_only_the_api_goes_through(ask, path):
    answer, got = ask(lambda request: httpx.Response(200), "GET", path)
    assert answer.status_code in (400, 404) and got == []


def raising(error):
    def handler(request):
        raise error("no", request=request)

    return handler


@pytest.mark.parametrize(
    ("handler", "code", "message"),
    [
        (raising(httpx.ConnectError), 502, "cannot be asked (ConnectError: no)"),
        (raising(httpx.ReadTimeout), 504, "did not answer within 60 seconds"),
        (raising(httpx.RemoteProtocolError), 502, "RemoteProtocolError"),
        (lambda _: httpx.Response(302, headers={"Location": "/"}), 502, "redirects"),
    ],
)
def test_faults_of_the_other_server_are_named(handler, code, message, ask):
    answer, _ = ask(handler)
    assert answer.status_code == code
    assert "http://tf:8501/base" in answer.json()["error"]
    assert message in answer.json()["error"]


def test_limits_hold_in_front(ask):
    answer, got = ask(lambda request: httpx.Response(200), body_bytes=1)
    assert answer.status_code == 413 and got == []


@pytest.mark.parametrize(
    "url", ["tf:8501", "ftp://tf", "http://", "http://tf:x", "http://tf/?a=b", "http://[x"]
)  # fmt: skip
def test_addresses_that_are_none(url):
    with pytest.raises(InputError, match="not the address of a server"):
        checked_url(url)
