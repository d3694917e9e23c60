"""The wait for the other workers, and its end."""

import concurrent.futures
import os
import signal
import socket
import threading

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.gathering import gather, split_address
from ccfpse_tf.runtime.interruption import interrupted_by_signals


@pytest.fixture
def addresses():
    """Three addresses of this machine that nobody uses."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [each.getsockname()[1] for each in opened]
    for each in opened:
        each.close()
    return [f"127.0.0.1:{port}" for port in ports]


def test_all_go_on_once_all_are_there(addresses):
    all_are_through = threading.Barrier(3, timeout=60)

    def join(index):
        gather(addresses, index, 60)
        # As TensorFlow's server does, for those that have not seen this one yet.
        with socket.create_server(split_address(addresses[index])):
            all_are_through.wait()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert list(pool.map(join, range(3))) == [None] * 3


def test_the_missing_one_is_named_when_the_time_is_over(addresses):
    with socket.create_server(split_address(addresses[1])):
        with pytest.raises(InputError, match="not there after .* minutes: ") as told:
            gather(addresses, 0, 0.1)
    assert f"{addresses[2]} (Connection refused)" in str(told.value)
    assert addresses[1] not in str(told.value)


def test_a_port_that_is_taken(addresses):
    with socket.create_server(split_address(addresses[0])):
        with pytest.raises(OSError, match="in use"):
            gather(addresses, 0, 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_names_the_missing_ones(number, addresses):
    found = signal.signal(number, signal.SIG_IGN)  # as in a script's background jobs
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        with interrupted_by_signals():
            with pytest.raises(KeyboardInterrupt, match=f"waiting for {addresses[1]} "):
                gather(addresses[:2], 0, 60)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, found)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows lacks SIGHUP")
def test_nohup_is_respected():
    found = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
            threading.Event().wait(5)
    finally:
        signal.signal(signal.SIGHUP, found)


@pytest.mark.parametrize(
    "text", ["a", ":1", "a:", "a:0", "a:65536", "a:-1", "a:\u0661"]
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="is not host:port"):
        split_address(text)


def test_addresses():
    assert split_address("node0:12345") == ("node0", 12345)
    assert split_address("[::1]:1") == ("::1", 1)
