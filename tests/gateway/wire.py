"""A server that says exactly the bytes that it is told to, or nothing: what no proper server would do."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Final, Self

PATIENCE: Final = 10.0
_RESET: Final = struct.pack("ii", 1, 0)  # linger no time: close() sends RST

Deed = bytes | Callable[[socket.socket], None]
"""What a server does with a connection after it has read the request: bytes to say, or a function."""


def hang_up(_: socket.socket) -> None:
    """Say nothing and close."""


def reset(connection: socket.socket) -> None:
    """Break the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class WireServer:
    """
    Do one deed for each connection, the last one for all further ones.

    :param deeds: What to do.
    :param context: For TLS.
    :param patient: Keep silent connections open until the end, instead of closing them after the deed.
    """

    def __init__(self, *deeds: Deed, context: ssl.SSLContext | None = None, patient: bool = False) -> None:
        self._deeds = list(deeds)
        self._context = context
        self._patient = patient
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listening.close()
        for connection in self._open:
            connection.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(PATIENCE)
            try:
                self._answer(connection)
            except OSError:
                connection.close()  # the client went away, as it does when it does not like a certificate

    def _answer(self, connection: socket.socket) -> None:
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        self.requests.append(read_request(connection))
        deed = self._deeds.pop(0) if len(self._deeds) > 1 else self._deeds[0]
        if isinstance(deed, bytes):
            connection.sendall(deed)
        else:
            deed(connection)
        if self._patient:
            self._open.append(connection)
        else:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Return one whole request that comes over a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += _receive(connection)
    return head + b"\r\n\r\n" + body


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client hung up before its request was whole")
    return data
