"""Load on a real server: ``python -m tests.serving.load [--model MODELS/NAME]``.

1,000 requests, 32 at once, against one at a time; then 2,000 malformed ones while good
ones go on; then the memory. Prints a table and fails where something is not as it must
be: a request without its image, a malformed one that is not refused with 4xx, memory
that does not come back.
"""

import argparse
import asyncio
import base64
import itertools
import json
import struct
import tempfile
import time
import zlib
from pathlib import Path

import httpx
import numpy as np

from tests.serving.running import memory_of, server

AT_ONCE = 32
SINGLE = 100
SPARE_MIB = 150  # what the allocator may keep of the whole storm


def main() -> None:
    """Runs it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="default: a small one is made")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--malformed", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or _small_model(Path(folder))
        rows = measure(model, arguments.requests, arguments.malformed)
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:{width}}  {value}" for name, value in rows))


def measure(model: Path, requests: int, malformed: int) -> list[tuple[str, str]]:
    """Starts a server for ``model``, asks, and returns the table's rows."""
    with server(model, "--timeout", "120") as (process, url):
        call = f"{url}/v1/models/{model.name}:predict"
        rows = asyncio.run(_measure(call, process.pid, requests, malformed))
        assert process.poll() is None
    return rows


async def _measure(call, pid, requests, malformed):
    limits = httpx.Limits(max_connections=AT_ONCE + 8)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        good = await _good_body(client, call)
        await _storm(client, call, itertools.repeat(good, 2 * AT_ONCE), AT_ONCE)
        alone = await _storm(client, call, itertools.repeat(good, SINGLE), 1)
        before = memory_of(pid)
        start = time.perf_counter()
        loaded = await _storm(client, call, itertools.repeat(good, requests), AT_ONCE)
        seconds = time.perf_counter() - start
        assert {code for code, _ in alone + loaded} == {200}
        after_load = memory_of(pid)
        halves, meanwhile, refused = [], [], []
        for half in (malformed // 2, malformed - malformed // 2):
            storm = asyncio.create_task(
                _storm(client, call, _malformed(good, half), AT_ONCE)
            )
            while not storm.done():
                meanwhile += await _storm(client, call, [good], 1)
            refused += await storm
            await asyncio.sleep(2)
            halves.append(memory_of(pid))
        assert (await _storm(client, call, [good], 1))[0][0] == 200
    codes = [code for code, _ in refused]
    assert len(codes) == malformed and all(400 <= code < 500 for code in codes), codes
    assert meanwhile and {code for code, _ in meanwhile} == {200}
    # The allocator keeps some of what the first half needed; the second adds nothing.
    assert halves[1] < before + SPARE_MIB, (before, halves)
    assert halves[1] < halves[0] + SPARE_MIB / 5, halves
    counts = ", ".join(f"{codes.count(c)} x {c}" for c in sorted(set(codes)))
    return [
        ("one at a time", _times(alone)),
        (f"{requests} requests, {AT_ONCE} at once", _times(loaded)),
        ("throughput", f"{requests / seconds:.0f} requests/s"),
        (f"{malformed} malformed requests", counts),
        ("good requests meanwhile", f"{len(meanwhile)} x 200, {_times(meanwhile)}"),
        ("memory", f"{before:.0f} MiB before, {after_load:.0f} after the load, "
         f"{halves[0]:.0f} after half of the malformed, {halves[1]:.0f} after all"),
    ]  # fmt: skip


async def _storm(client, call, bodies, at_once):
    """``[(code, seconds)]`` of all bodies; ``(path, content)`` goes to another path."""
    bodies, found = iter(bodies), []

    async def worker():
        for body in bodies:
            path, content = body if isinstance(body, tuple) else ("", body)
            url = httpx.URL(call)
            if path:
                url = url.copy_with(raw_path=path)
            start = time.perf_counter()
            answer = await client.post(url, content=content)
            found.append((answer.status_code, time.perf_counter() - start))

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return found


async def _good_body(client, call):
    """A request for the first example that the model describes."""
    asked = {"signature_name": "describe", "instances": [1]}
    answer = (await client.post(call, json=asked)).raise_for_status()
    facts = json.loads(base64.b64decode(answer.json()["predictions"][0]["b64"]))
    example = facts["examples"][0]
    row = {"label_bytes": {"b64": example["label_bytes"]}, "seed": 1}
    if facts["instances"]:
        row["instance_bytes"] = {"b64": example["instance_bytes"]}
    return json.dumps({"instances": [row]}).encode()


def _malformed(good, count):
    """Every kind in turn."""
    row = json.loads(good)["instances"][0]
    image = base64.b64decode(row["label_bytes"]["b64"])

    def with_image(content):
        text = {"b64": base64.b64encode(content).decode()}
        return _body([row | {"label_bytes": text}])

    kinds = itertools.cycle(
        [
            lambda n: with_image(image[: n % (len(image) - 15)]),  # truncated
            lambda n: with_image(bomb(30_000, 30_000)),
            lambda n: with_image(bomb(2**31 - 1, 2**31 - 1)),
            lambda n: with_image(bomb(2000, 2000)),  # within the limit, but no data
            lambda n: _body([row | {"seed": "seven"}]),
            lambda n: _body([row | {"seed": 0.5}]),
            lambda n: _body([row] * 5000),
            lambda n: _body([[0] * 500_000]),
            lambda n: b" " * (17 << 20),
            lambda n: b'{"instances": [' + b"[" * 200_000,
            lambda n: good[: n % (len(good) - 2)],
            lambda n: _body([row | {"label_bytes": {"b64": "%%%"}}]),
            lambda n: _body([row | {"label_bytes": {"b64": 7}}]),
            lambda n: (b"/v1/models/../../../etc/passwd:predict", good),
            lambda n: (b"/v1/models/%2e%2e%2f%2e%2e:predict", good),
            lambda n: (b"/v1/models/x/versions/99999999999999999999:predict", good),
        ]
    )
    return (kind(number) for number, kind in zip(range(count), kinds, strict=False))


def bomb(width, height):
    """A short PNG whose header promises many pixels."""

    def chunk(kind, content):
        size = struct.pack(">I", len(content))
        return size + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b"")


def _body(rows):
    return json.dumps({"instances": rows}).encode()


def _times(found):
    p50, p99 = np.percentile([seconds * 1000 for _, seconds in found], (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _small_model(folder):
    from tests.serving.palette_model import save

    save(folder / "palette" / "1")
    return folder / "palette"


if __name__ == "__main__":
    main()
