"""
A gateway that is never the bottleneck: a bare uvloop protocol that counts phones and answers after a latency.

It keeps nothing and checks nothing, so it must not be used for anything but measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from typing import Any

import uvloop

_ENTRY = b'{"state":"send","id_sms":%d}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Gateway(asyncio.Protocol):
    """One connection; the path of a request says the latency in milliseconds: ``/20/json``."""

    ids = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with an empty buffer."""
        self._transport: Any = transport
        self._received = bytearray()
        self._end = 0

    def data_received(self, data: bytes) -> None:
        """Answer once a request is complete; the clients here never pipeline."""
        self._received += data
        if not self._end:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            lower = bytes(self._received[:head]).lower()
            start = lower.index(b"content-length:") + len(b"content-length:")
            self._end = head + 4 + int(lower[start : lower.find(b"\r", start) % (head + 1)])
        if len(self._received) >= self._end:
            self._answer(bytes(self._received))
            self._received.clear()
            self._end = 0

    def _answer(self, request: bytes) -> None:
        phones = request.count(b'"client_id_sms"')
        entries = b",".join([_ENTRY % number for number in itertools.islice(self.ids, phones)])
        body = b'{"information":[' + entries + b"]}"
        answer = _HEAD % len(body) + body
        latency = int(request[: request.index(b" HTTP")].split(b"/")[1]) / 1000
        if latency:
            asyncio.get_running_loop().call_later(latency, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve() -> None:
    """Listen on a free loopback port, print it, and end when standard input does."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The parent holds the other end: when it is gone, however it went, this program goes too.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    uvloop.run(serve())
