"""The page's files, their protection, and the metrics."""

import re

import pytest

from tests.serving.rows import URL, row


def test_page_and_headers(serve):
    async def scenario(client):
        paths = ("/", "/paint.js", "/config.json")
        return [await client.get(path) for path in paths] + [await client.head("/")]

    index, script, config, head = serve(scenario)
    assert "<title>paint" in index.text and head.status_code == 200 and not head.content
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert config.json() == {"model": "palette"}
    for answer in (index, script, config):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        b"/../private.txt",
        b"/%2e%2e/private.txt",
        b"/..%2fprivate.txt",
        b"/%2e%2e%2fprivate.txt",
        b"/paint.js/../../private.txt",
        b"//private.txt",
        b"/..\\private.txt",
        b"/%00",
        b"/" + b"a" * 5000,
        b"/outside.txt",
    ],
)
def test_nothing_outside_the_page_is_given(path, serve, page):
    link = page / "outside.txt"
    if not link.is_symlink():
        link.symlink_to(page.parent / "private.txt")

    async def scenario(client):
        import httpx

        url = httpx.URL("http://localhost").copy_with(raw_path=path)
        return await client.get(url)

    answer = serve(scenario)
    assert 400 <= answer.status_code < 500
    assert "private" not in answer.text.replace("private.txt", "")
    assert list(answer.json()) == ["error"]


def test_metrics(serve):
    async def scenario(client):
        await client.post(f"{URL}:predict", json={"instances": [row(), row()]})
        await client.post(f"{URL}:predict", content=b"{")
        await client.post("/v1/" + "x" * 100, content=b"{")
        await client.get("/")
        return await client.get("/monitoring/prometheus/metrics")

    answer = serve(scenario)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    line = re.compile(r'\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+')
    lines = answer.text.splitlines()
    assert all(text.startswith("# ") or line.fullmatch(text) for text in lines)
    for wanted in (
        'ccfpse_requests_total{api="predict",code="200"} 1.0',
        'ccfpse_requests_total{api="predict",code="400"} 1.0',
        'ccfpse_requests_total{api="status",code="400"} 1.0',
        'ccfpse_requests_total{api="page",code="200"} 1.0',
        'ccfpse_request_seconds_bucket{api="predict",le="+Inf"} 2.0',
        'ccfpse_request_seconds_count{api="predict"} 2.0',
        'ccfpse_batch_rows_bucket{le="1.0"} 0.0',
        'ccfpse_batch_rows_bucket{le="2.0"} 1.0',
        "ccfpse_queue_size 0.0",
        "ccfpse_requests_in_progress 0.0",
        "ccfpse_model_version 3.0",
    ):
        assert wanted in lines
    assert "_created" not in answer.text
