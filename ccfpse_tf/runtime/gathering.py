"""The wait for the other workers of a training, which Ctrl-C, SIGTERM and SIGHUP end.

TensorFlow's own wait keeps Python from running anything, handlers of signals included,
and takes SIGTERM for itself. It is therefore begun only when all workers are there:
each listens at its own address, where TensorFlow listens next, and tries the others'.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Sequence

from ccfpse_tf.errors import InputError

_PAUSE = 0.2  # seconds between two tries
_PATIENCE = 5.0  # seconds for one try


def gather(addresses: Sequence[str], index: int, seconds: float) -> None:
    """Returns once all other addresses have answered.

    TensorFlow's server must then take this one's place at once: some of the others may
    not have seen it yet.

    Args:
        addresses: ``host:port`` of all workers.
        index: the place of this process among them.
        seconds: the longest wait.

    Raises:
        InputError: some did not answer in time; names them.
        OSError: this process cannot listen at its own address.
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP; names those that are missing.
    """
    # Why each of the others is not there; an address leaves when it has answered.
    missing = {
        address: "not tried" for i, address in enumerate(addresses) if i != index
    }
    ended = threading.Event()
    try:
        with _listening(addresses[index]) as listener:
            for address in list(missing):
                # A thread each, as looking up a name cannot be interrupted.
                search = threading.Thread(
                    target=_search, args=(address, missing, ended), daemon=True
                )
                search.start()
            deadline = time.monotonic() + seconds
            while missing:
                if time.monotonic() > deadline:
                    raise InputError(
                        f"not there after {seconds / 60:.3g} minutes: {_told(missing)}"
                    )
                _answer_callers(listener)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped while waiting for {_told(missing)}; start all workers again with "
            "the same command"
        ) from None
    finally:
        ended.set()


def split_address(address: str) -> tuple[str, int]:
    """Returns host and port of ``host:port``; an IPv6 host stands in brackets.

    Raises:
        ValueError: anything else.
    """
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16 and host):
        raise ValueError(f"{address!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listening(address):
    """A socket at the port, on all of this machine's addresses as TensorFlow's is."""
    _, port = split_address(address)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True
        )
    return socket.create_server(("", port))


def _search(address, missing, ended):
    """Tries an address until it answers."""
    while not ended.is_set():
        try:
            socket.create_connection(split_address(address), _PATIENCE).close()
        except (OSError, UnicodeError) as error:
            missing[address] = getattr(error, "strerror", None) or str(error)
            ended.wait(_PAUSE)
        else:
            del missing[address]
            return


def _answer_callers(listener):
    """Takes the connections that have come; their coming was all that they are for."""
    if select.select([listener], [], [], _PAUSE)[0]:
        with contextlib.suppress(OSError):
            listener.accept()[0].close()


def _told(missing):
    return ", ".join(f"{address} ({why})" for address, why in list(missing.items()))
