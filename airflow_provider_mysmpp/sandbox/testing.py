"""Run a sandbox inside a test: a thread, a free loopback port, real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import requests

from airflow_provider_mysmpp.sandbox import server
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.rules import ACCOUNT
from airflow_provider_mysmpp.sandbox.settings import Settings

SENDER: Final = "SANDBOX"
"""The sender that the connections of a sandbox name."""

_PATIENCE: Final = 30.0
_PAGE: Final = 10_000


class SandboxServer:
    """
    A sandbox that runs while its ``with`` block does.

    ::

        with SandboxServer() as sandbox:
            monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", sandbox.airflow_connection())
            ...
            assert [m["phone"] for m in sandbox.messages()] == ["79612242243"]

    :param port: The port, or 0 for a free one.
    :param db: The ledger's file, or None for a temporary one.
    :param settings: Settings to start with, by their names in the API.
    """

    def __init__(self, *, port: int = 0, db: Path | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self._wanted_port = port
        self._db = db
        self._settings = Settings().changed(settings or {})
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment leads nowhere near this machine

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return when connections are accepted."""
        self._listening = server.listen("127.0.0.1", self._wanted_port)
        self.host, self.port = self._listening.getsockname()
        self.url = server.url_of(self._listening)
        self._sandbox = Sandbox(self._db, self._settings)
        started = threading.Event()
        self._server = server.GatewayServer(self._sandbox, self._listening, started.set)
        self._thread = threading.Thread(target=self._server.run_on_socket, name="mysmpp-sandbox", daemon=True)
        self._thread.start()
        if not started.wait(_PATIENCE):
            raise RuntimeError("the sandbox did not start")

    def stop(self) -> None:
        """Stop, and return when the port is free again."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._session.close()
        self._listening.close()
        self._sandbox.ledger.close()

    def api(self, method: str, path: str, **kwargs: Any) -> Any:
        """
        Call the sandbox's own API and return the JSON of its answer.

        :param method: ``GET``, ``POST`` …
        :param path: ``/api/…``
        :param kwargs: Whatever ``requests`` takes: ``params``, ``json`` …
        """
        answer = self._session.request(method, self.url + path, timeout=_PATIENCE, **kwargs)
        if not answer.ok:
            raise ValueError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def messages(self, *, phone: str = "", query: str = "") -> list[dict[str, Any]]:
        """
        Return the messages that were accepted, the oldest first.

        :param phone: Only those whose phone has this part.
        :param query: Only those whose text, sender or phone has this part.
        """
        return self._all("messages", {"phone": phone, "q": query})

    def requests(self, *, path: str = "/json") -> list[dict[str, Any]]:
        """
        Return the requests that came, the oldest first.

        :param path: Of which call.
        """
        return self._all("requests", {"path": path})

    def _all(self, what: str, params: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.api("GET", f"/api/{what}", params={**params, "limit": _PAGE, "offset": len(found)})
            found += page[what]
            if len(page[what]) < _PAGE:
                return found[::-1]

    def summary(self) -> dict[str, Any]:
        """Return the counts of the ledger."""
        return dict(self.api("GET", "/api/summary"))

    def add_fault(self, kind: str, **params: Any) -> dict[str, Any]:
        """
        Queue a fault.

        :param kind: Its kind.
        :param params: Its parameters: ``times``, ``after``, ``path``, ``status`` …
        """
        return dict(self.api("POST", "/api/faults", json={"kind": kind, **params}))

    def change(self, **settings: Any) -> dict[str, Any]:
        """
        Change settings while the sandbox runs.

        :param settings: Names and values.
        """
        return dict(self.api("PATCH", "/api/settings", json=settings))

    def advance(self, seconds: float) -> None:
        """
        Put the sandbox's clock forward, so that messages reach their next states.

        :param seconds: By how much.
        """
        self.api("POST", "/api/clock", json={"advance_seconds": seconds})

    def clear(self) -> None:
        """Forget all messages, requests and faults, and go back to the settings of the start."""
        for what in ("faults", "messages", "settings"):
            self.api("DELETE", f"/api/{what}")

    def connection_uri(self, scheme: str = "mysmpp") -> str:
        """
        Return an Airflow connection to this sandbox as a URI.

        :param scheme: The connection's type.
        """
        return f"{scheme}://{ACCOUNT}:{ACCOUNT}@{self.host}:{self.port}/http?sender={quote(SENDER)}"

    def airflow_connection(self, **extra: Any) -> str:
        """
        Return an Airflow connection to this sandbox as JSON, for an ``AIRFLOW_CONN_…`` variable.

        :param extra: More fields of the connection's extra.
        """
        return json.dumps(
            {
                "conn_type": "mysmpp",
                "schema": "http",
                "host": self.host,
                "port": self.port,
                "login": ACCOUNT,
                "password": ACCOUNT,
                "extra": {"sender": SENDER, **extra},
            }
        )
