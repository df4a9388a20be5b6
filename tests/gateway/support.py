"""What the tests of the client share: messages, a client without patience, and every error that one may meet."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import GatewayError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy

CANARY = "canary-Ключ-5d1c"
"""A secret that must turn up nowhere."""

FIRST_PHONE = 79612240000


def message(number: int = 0, **more: Any) -> Message:
    """Return a message to the phone with this number, with the identity 101 and so on."""
    fields = {"text": "Готово", "sender": "SHOP", "channel": "sms", "client_id_sms": str(101 + number)}
    return Message(**{"phone": str(FIRST_PHONE + number), **fields, "row": number + 1, **more})


def messages(count: int, **more: Any) -> list[Message]:
    """Return messages to as many phones."""
    return [message(number, **more) for number in range(count)]


def client_of(url: str, *, attempts: int = 1, **more: Any) -> GatewayClient:
    """Return a client that repeats without a pause, by default nothing at all."""
    policy = RetryPolicy(attempts=attempts, first_pause=0.0, longest_pause=0.0)
    settings = {"credentials": Credentials(token=CANARY), "timeout": 5.0, "connect_timeout": 2.0, "retry": policy}
    return GatewayClient(url, **{**settings, **more})


def sandbox_credentials() -> Credentials:
    """Return what the sandbox takes."""
    return Credentials(login="sandbox", password="sandbox")


def failure_of(client: GatewayClient, count: int = 1, *, stop: Event | None = None) -> GatewayError:
    """Send messages, which must fail, and return the error."""
    with client, pytest.raises(GatewayError) as caught:
        client.send(messages(count), stop=stop or Event())
    return caught.value


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and everything behind it, hidden contexts too."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and all(current is not other for other in seen):
            seen.append(current)
            waiting += [current.__cause__, current.__context__]
            yield current
