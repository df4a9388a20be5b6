"""What the tests of delivery share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

Send = Callable[..., list[str]]


@pytest.fixture
def gateway(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> SandboxServer:
    """The sandbox behind the default connection; its clock stands, and a delivery takes ten seconds of it."""
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())
    mysmpp_sandbox.change(clock="stopped", delivery_seconds=10, price="2.5")
    return mysmpp_sandbox


@pytest.fixture
def client(gateway: SandboxServer) -> GatewayClient:
    """A client of the sandbox."""
    return GatewayClient(gateway.url, Credentials(token="sandbox"), retry=RetryPolicy(attempts=3))


@pytest.fixture
def send(client: GatewayClient) -> Send:
    """Send a message to each of some phones and return their ids."""

    def send(*phones: str, text: str = "Готово") -> list[str]:
        messages = [Message(phone, text, "SANDBOX", "sms", str(number)) for number, phone in enumerate(phones, start=1)]
        return [answer.id_sms or "" for answer in client.send(messages)]

    return send
