"""Run the application on a socket, with connections that can be hung up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_mysmpp.sandbox.app import build_app
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.gateway import TRANSPORT, hang_up
from airflow_provider_mysmpp.sandbox.guard import is_loopback

_BACKLOG = 512
_GRACE_SECONDS = 1


class _Protocol(H11Protocol):
    """A connection that the application may close without an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application, self.app = self.app, self._run

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send small packets at once: the head and the body of an answer are two, and each would cost 40 ms."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    async def _run(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("extensions", {})[TRANSPORT] = self.transport
        application: Any = self._application
        try:
            await application(scope, receive, send)
        except asyncio.CancelledError:
            # The server ends while a client is still talking; that is no error to report.
            await hang_up(self.transport, receive)


class GatewayServer(Server):
    """
    The server of one sandbox.

    :param sandbox: The sandbox.
    :param listening: The socket that it accepts connections on.
    :param on_started: Called once when it does.
    """

    def __init__(self, sandbox: Sandbox, listening: socket.socket, on_started: Callable[[], None]) -> None:
        app = build_app(sandbox, loopback_only=is_loopback(listening.getsockname()[0]))
        super().__init__(
            Config(
                app,
                http=_Protocol,
                loop="asyncio",
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._sandbox = sandbox
        self._listening = listening
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """
        Start, and say so.

        :param sockets: What to accept connections on.
        """
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """
        Stop; delays that are under way end now.

        :param sockets: What to close.
        """
        self._sandbox.stopping.set()
        await super().shutdown(sockets)

    def run_on_socket(self) -> None:
        """Serve until told to stop."""
        asyncio.run(self.serve(sockets=[self._listening]))


def listen(host: str, port: int) -> socket.socket:
    """
    Return a socket that listens.

    :param host: A name or an address of this machine.
    :param port: The port, or 0 for a free one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def url_of(listening: socket.socket) -> str:
    """
    Return the address under which a socket is reached from this machine.

    :param listening: The socket.
    """
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
