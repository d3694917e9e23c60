"""Runs the application: its socket, its signals, and the messages for the user."""

import contextlib
import errno
import ipaddress
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import uvicorn

from ccfpse_tf.errors import InputError

_GRACE = 5.0  # seconds on top of a request's own timeout
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def listen(host: str, port: int) -> socket.socket:
    """Opens the server's socket, before anything slow is begun.

    Raises:
        InputError: no such address, or one that is taken.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: allowed are 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=256)
    except socket.gaierror as error:
        raise InputError(f"--host {host}: {error.strerror}") from None
    except OSError as error:
        way_out = {
            errno.EADDRINUSE: "something else listens there: choose another --port, "
            "or 0 for any",
            errno.EACCES: "ports below 1024 are the administrator's",
            errno.EADDRNOTAVAIL: "this machine has no such address: choose --host",
        }.get(error.errno, "choose another --host or --port")
        reason = error.strerror or str(error)
        raise InputError(f"{host}:{port}: {reason}; {way_out}") from None
    # Connections inherit it. asyncio sets it for sockets of its own making only, and
    # without it a short answer can wait 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def is_loopback(listening: socket.socket) -> bool:
    """Returns True if only this machine can reach the socket."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def accepted_hosts(listening: socket.socket, allowed: Sequence[str]) -> tuple[str, ...]:
    """The host names under which requests are accepted; empty for any.

    Args:
        listening: the server's socket.
        allowed: names that the user gave. Those of loopback, and the address that the
            server prints, are accepted with them, and alone where only this machine
            can reach the socket.
    """
    if not allowed and not is_loopback(listening):
        return ()
    own = urlsplit(address_of(listening)).netloc.rpartition(":")[0]
    return tuple(dict.fromkeys((*LOOPBACK_NAMES, own, *allowed)))


def address_of(listening: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def warn_if_open(listening: socket.socket) -> None:
    """Warns of the risks of other addresses than loopback."""
    if not is_loopback(listening):
        print(
            f"warning: {address_of(listening)} can be reached from other machines; "
            "there is no password and no encryption: put a proxy with both in front",
            file=sys.stderr,
        )


def serve(
    app,
    listening: socket.socket,
    timeout: float,
    text: str,
    browser: bool = False,
    failed: Callable[[], bool] = lambda: False,
) -> None:
    """Serves until a signal comes; then finishes the accepted requests and returns.

    Args:
        app: of ``app.make_app``.
        listening: its socket.
        timeout: of one request, and so of the end of the server.
        text: to print once the server answers; from then on signals end it well.
        browser: whether to open the page then.
        failed: whether there is nothing to serve after all; asked now and then.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        # Longer than clients keep an idle connection, so that the client closes first.
        # Otherwise it may send a request to a connection that is just being closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=timeout + _GRACE,
    )
    page = address_of(listening) if browser else None
    server = _Server(config, failed, text, page)
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends with success on the signals that should end the server."""

    def __init__(self, config, failed, text, page) -> None:
        super().__init__(config)
        self._failed = failed
        self._text = text
        self._page = page

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        print(self._text, flush=True)
        if self._page:
            # The call may return late.
            threading.Thread(target=_open, args=(self._page,), daemon=True).start()

    async def on_tick(self, counter) -> bool:
        return await super().on_tick(counter) or self._failed()

    @contextlib.contextmanager
    def capture_signals(self):
        taken = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in taken}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig, frame) -> None:
        self.config.app.limiter.closing = True
        super().handle_exit(sig, frame)


def _open(page):
    if not webbrowser.open(page):
        print(f"no browser could be opened; open {page} yourself", file=sys.stderr)
