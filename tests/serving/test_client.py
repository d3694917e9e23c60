"""Answers that are no answers: of other servers, and of servers that end."""

import socket
import threading

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.client import Client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: "


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (HEAD + b"100\r\n\r\n{", "cannot be reached"),
        (HEAD + b"9\r\n\r\n<!doctype", "is not of this protocol"),
        (HEAD + b"2\r\n\r\n[]", "is not of this protocol"),
        (HEAD + b"50000\r\n\r\n" + b"[" * 50000, "is not of this protocol"),
        (
            HEAD.replace(b"200 OK", b"404 No") + b"9\r\n\r\n{",
            r"cannot be used: No \(404\)",
        ),
    ],
)
def test_what_is_no_answer(answer, words):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/models/m"
        begin = rf"^--server {url}: (model m |its answer )?"
        with pytest.raises(InputError, match=begin + words):
            Client(url).describe()
        thread.join()
