"""The real server: sockets, signals, the client's command, the browser."""

import signal
import socket
import threading
import time

import httpx
import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.commands.generate_remotely import generate_on_server
from ccfpse_tf.commands.serve import read_labels
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.serving import server as server_module
from tests.serving import load as serving_load
from tests.serving.palette_model import CLASSES, expected, save
from tests.serving.rows import LABEL, URL, row
from tests.serving.running import server


@pytest.fixture(scope="module")
def running(models):
    """A server that the tests of this file share; ended by the last of them."""
    with server(models) as found:
        yield found


@pytest.fixture
def labels(tmp_path):
    """Two label files, one in a folder."""
    folder = tmp_path / "labels"
    (folder / "street").mkdir(parents=True)
    Image.fromarray(LABEL).save(folder / "a.png")
    Image.fromarray(LABEL.T.copy()).save(folder / "street" / "b.png")
    return folder


def test_generate_draws_every_file(running, labels, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["generate", "--server", running[1], "--labels", str(labels)]
    assert main.run([*command, "--out", str(out), "--seed", "4"]) == 0
    assert f"2 images in {out}" in capsys.readouterr().out
    for name, label in (("a.png", LABEL), ("street/b.png", LABEL.T)):
        image = np.asarray(Image.open(out / name))
        np.testing.assert_array_equal(image, expected(label, 4))
    # Again, with the style of a photo, into the same folder.
    photo = tmp_path / "photo.png"
    Image.new("RGB", (9, 7), (9, 9, 9)).save(photo)
    assert main.run([*command, "--out", str(out), "--style", str(photo)]) == 0
    image = np.asarray(Image.open(out / "a.png"))
    np.testing.assert_array_equal(image, expected(LABEL, 9))
    # And with a style of the model's own.
    command = [*command, "--out", str(out), "--style-name", "dusk"]
    assert main.run(command) == 0
    image = np.asarray(Image.open(out / "street" / "b.png"))
    np.testing.assert_array_equal(image, expected(LABEL.T, 9))


def test_generate_reads_folders_as_they_are(running, labels, tmp_path):
    out, url = tmp_path / "out", running[1]
    (labels / "a.png").rename(labels / "A_L.PNG")
    (labels / "._a.png").write_bytes(b"\0\5\x16\7Mac OS X")
    (labels / ".ipynb_checkpoints").mkdir()
    Image.fromarray(LABEL).save(labels / ".ipynb_checkpoints" / "a-checkpoint.png")
    assert generate_on_server(url, labels, out) == 2
    assert {x.relative_to(out).as_posix() for x in out.rglob("*.png")} == {
        "A_L.png",
        "street/b.png",
    }
    assert generate_on_server(url, f"{labels}/{{key}}_L.png", out) == 1
    assert (out / "A.png").is_file()
    with pytest.raises(InputError, match="'{name}' means nothing here"):
        generate_on_server(url, f"{labels}/{{key}}_{{name}}.png", out)


def test_generate_names_the_files_that_are_refused(running, labels, tmp_path):
    Image.fromarray(np.full_like(LABEL, CLASSES)).save(labels / "wrong.png")
    (labels / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    url = f"{running[1]}/v1/models/palette"
    with pytest.raises(DataErrors, match="2 problems in --labels") as caught:
        generate_on_server(url, labels, tmp_path / "out")
    cut, wrong = caught.value.problems
    assert cut.startswith(f"{labels / 'cut.png'}: ")
    assert wrong.startswith(f"{labels / 'wrong.png'}: ") and "0..3" in wrong
    assert not (tmp_path / "out").exists()


def test_generate_refuses_what_cannot_work(running, labels, tmp_path):
    out, url = tmp_path / "out", running[1]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
        cases = [
            (dead, out, {}, "cannot be reached .*refused.*; is `ccfpse serve` running"),
            ("127.0.0.1", out, {}, "not an address; expected http"),
            (f"{url}/v1/models/x", out, {}, "model x cannot be used: Servable not fo"),
            (url, tmp_path / "mine", {}, "holds files that `generate` did not write"),
            (url, out, {"seed": -1}, "--seed -1: allowed are 0"),
            (url, out, {"style": out}, "--style .*: no such file"),
            (url, out, {"style_name": "x"}, "--style-name x: model palette has dusk"),
            (url, out, {"style_name": "x", "style": out}, "exclude each other"),
        ]
        for address, target, options, message in cases:
            with pytest.raises(InputError, match=message):
                generate_on_server(address, labels, target, **options)
    with pytest.raises(DataErrors, match="missing instance map"):
        generate_on_server(url, labels, out, instances=tmp_path / "nothing")
    with pytest.raises(InputError, match="no .*png in there"):
        generate_on_server(url, tmp_path / "mine", out)


def test_a_body_that_is_too_long_is_told_so_over_a_real_socket(running):
    # The client must be able to read the answer although it has not sent all.
    content = b" " * (40 << 20)
    for path, code in ((f"{URL}:predict", 413), ("/v1/models/x:predict", 404)):
        answer = httpx.post(f"{running[1]}{path}", content=content, timeout=30)
        assert answer.status_code == code


def test_a_signal_lets_running_requests_finish(running):
    process, url = running
    answers = []
    large = np.zeros((512, 512), np.uint8)
    body = {"instances": [row(large)] * 16}

    def ask():
        answers.append(httpx.post(f"{url}{URL}:predict", json=body, timeout=60))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    while "ccfpse_requests_in_progress 3" not in _metrics(url) and len(answers) < 3:
        time.sleep(0.005)
    assert not answers  # all three are being worked on
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [answer.status_code for answer in answers] == [200] * 3
    assert out == "" and errors == ""  # no access log, no complaint
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def _metrics(url):
    return httpx.get(f"{url}/monitoring/prometheus/metrics").text


def test_upstream_and_paint_need_no_model_here(tmp_path):
    options = ("--upstream", "http://127.0.0.1:1", "--no-browser")
    with server(tmp_path / "town", *options, command="paint") as (process, url):
        assert httpx.get(f"{url}/config.json").json() == {"model": "town"}
        answer = httpx.get(f"{url}/v1/models/town")
        assert answer.status_code == 502
        assert "http://127.0.0.1:1 cannot be asked" in answer.json()["error"]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_addresses_that_cannot_be_had():
    with server_module.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(InputError, match="choose another --port"):
            server_module.listen("127.0.0.1", port)
    with pytest.raises(InputError, match="no such address|--host 192.0.2.1"):
        server_module.listen("192.0.2.1", 0)
    with pytest.raises(InputError, match="--port 70000: allowed"):
        server_module.listen("127.0.0.1", 70_000)


def test_other_addresses_than_loopback_are_warned_of(capsys):
    with server_module.listen("0.0.0.0", 0) as listening:
        server_module.warn_if_open(listening)
    assert "no password and no encryption" in capsys.readouterr().err
    with server_module.listen("::1", 0) as listening:
        server_module.warn_if_open(listening)
        assert server_module.address_of(listening).startswith("http://[::1]:")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("host", "allowed", "accepted"),
    [
        ("127.0.0.1", (), {"localhost", "127.0.0.1", "[::1]"}),
        ("::1", ("a.b",), {"localhost", "127.0.0.1", "[::1]", "a.b"}),
        ("0.0.0.0", ("a.b",), {"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "a.b"}),
        ("0.0.0.0", (), set()),
    ],
)
def test_host_names_under_which_requests_are_accepted(host, allowed, accepted):
    with server_module.listen(host, 0) as listening:
        assert set(server_module.accepted_hosts(listening, allowed)) == accepted


def test_help_shows_defaults_with_all_their_digits(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["ccfpse", "serve", "--help"])
    with pytest.raises(SystemExit):
        main.main()
    shown = " ".join(capsys.readouterr().out.split())
    assert "pixels of all images of a request (default: 4194304)" in shown
    assert "MiB per request (default: 16)" in shown


def test_a_name_that_is_pointed_at_an_open_server_is_refused(models):
    options = ("--host", "0.0.0.0", "--allow-host", "localhost")
    with server(models, *options) as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1") + URL
        assert httpx.get(url).status_code == 200
        rebound = httpx.get(url, headers={"Host": "rebound.example"})
    assert rebound.status_code == 403 and "--allow-host" in rebound.json()["error"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timeout", "0"], "--timeout 0: must be at least 0.001"),
        (["--timeout", "nan"], "--timeout nan: must be at least"),
        (["--max-rows", "0"], "--max-rows 0: must be at least 1"),
        (["--max-pixels", "-4194304"], "--max-pixels -4194304: must be at least 1"),
        (["--label", "stable"], "--label stable: expected NAME=VERSION"),
        (["--upstream", "x"], "--upstream 'x': not the address"),
        (["--upstream", "http://x", "--label", "a=1"], "are the --upstream server's"),
    ],
)
def test_options_that_make_no_sense(options, message, models):
    with pytest.raises(InputError, match=message):
        main.run(["serve", str(models), "--port", "0", *options])


def test_labels_are_read():
    assert read_labels(["stable=3", "canary=4"]) == {"stable": 3, "canary": 4}
    with pytest.raises(InputError, match="must not contain '/' or ':'"):
        read_labels(["a/b=1"])


def test_missing_packages_are_named(monkeypatch, models):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    names = "starlette, uvicorn, httpx, prometheus_client"
    with pytest.raises(InputError, match=rf"{names}: pip install 'ccfpse-tf\[serving"):
        main.run(["serve", str(models)])


def test_models_without_instances_need_none(tmp_path, labels):
    save(tmp_path / "plain" / "1", instances=False)
    with server(tmp_path / "plain") as (_, url):
        assert generate_on_server(url, labels, tmp_path / "out") == 2
        with pytest.raises(InputError, match="no instance maps: leave out --instances"):
            generate_on_server(url, labels, tmp_path / "out", instances=labels)


@pytest.mark.slow
def test_load_and_malformed_requests(models):
    rows = dict(serving_load.measure(models, requests=200, malformed=160))
    assert " x 413" in rows["160 malformed requests"]
    assert "200 requests, 32 at once" in rows
