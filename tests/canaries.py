"""Credentials that stand nowhere else: where one turns up, it leaked."""

from __future__ import annotations

import json
from typing import Final

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

LOGIN: Final = "canary-login-41"
PASSWORD: Final = "canary-password-42"
TOKEN: Final = "canary-token-43"


class Account(str):
    """An account of the sandbox whose login, password and token differ."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other in {LOGIN, PASSWORD, TOKEN}

    __hash__ = str.__hash__


def connection(sandbox: SandboxServer, *, password: str = PASSWORD, token: str | None = None) -> str:
    """
    Return a connection to the sandbox as JSON, with the login or with a token.

    :param sandbox: The sandbox.
    :param password: The password of the login.
    :param token: Instead of login and password.
    """
    fields = json.loads(sandbox.airflow_connection(**({"token": token} if token else {})))
    own = {"login": None, "password": None} if token else {"login": LOGIN, "password": password}
    return json.dumps(fields | own)
