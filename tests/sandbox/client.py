"""A client as plain as can be, which can also send what no proper client would."""

from __future__ import annotations

import json
from typing import Any

import requests

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

HEADERS = {"Content-type": "text/json; charset=utf-8;"}
CREDENTIALS = {"login": "sandbox", "password": "sandbox"}


def phone(number: str = "79612242243", client_id: object = None, **more: object) -> dict[str, Any]:
    """Return an object of ``phones``."""
    return {"phone": number, **({} if client_id is None else {"client_id_sms": client_id}), **more}


def message(*phones: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return an object of ``message``."""
    return {"type_send_1": "sms", "sender": "SHOP", "text": "Готово", "phones": list(phones or [phone()]), **more}


def document(*messages: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return the document of a send request."""
    return {**CREDENTIALS, "message": list(messages or [message()]), **more}


def post(
    sandbox: SandboxServer, body: object, path: str = "/json", headers: dict[str, str] | None = None
) -> requests.Response:
    """Post a body, as it is if it is bytes, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(
        sandbox.url + path,
        data=data,
        headers=HEADERS if headers is None else headers,
        timeout=20,
        allow_redirects=False,
    )


def send(sandbox: SandboxServer, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages and return the entries of the answer."""
    answer = post(sandbox, document(*messages))
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["information"]
    return entries


def states(sandbox: SandboxServer, *ids: object, detail: int = 0) -> list[dict[str, Any]]:
    """Ask for states and return the answer."""
    body = [{**CREDENTIALS, "id_sms": id_sms, "detail": detail} for id_sms in ids]
    answer = post(sandbox, body, "/json/state.php")
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()
    return entries
