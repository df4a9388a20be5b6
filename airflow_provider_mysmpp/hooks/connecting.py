"""From what a connection says to a client, and a check of it that sends no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.errors import ConfigurationError, MySmppError, RefusedError
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.hooks.settings import Settings

REMEDY: Final = "Ask your manager at the gateway for an https address and set the connection's schema to https."

_CHECK_TIMEOUT: Final = 15.0
"""Seconds: somebody waits in front of a button."""

_ONE_TRY: Final = RetryPolicy(attempts=1)


def make_client(settings: Settings, *, timeout: float | None = None, retry: RetryPolicy | None = None) -> GatewayClient:
    """
    Return a client for the gateway of a connection.

    :param settings: What the connection says.
    :param timeout: Seconds to wait for an answer, instead of the connection's.
    :param retry: When and how often a request is repeated.
    """
    return GatewayClient(
        settings.base_url,
        Credentials(login=settings.login, password=settings.password, token=settings.token),
        timeout=timeout or settings.timeout,
        verify=settings.verify,
        messages_per_second=settings.messages_per_second,
        retry=retry,
        timezone=settings.timezone,
    )


def check_connection(read: Callable[[], Settings]) -> tuple[bool, str]:
    """
    Ask the gateway for the balance, and return whether that went well and what there is to say.

    It sends no message, costs nothing, raises nothing, and repeats no secret, not even one that the gateway says.

    :param read: Reads the connection.
    """
    settings = None
    try:
        settings = read()
        with make_client(settings, timeout=min(settings.timeout, _CHECK_TIMEOUT), retry=_ONE_TRY) as client:
            good, words = True, f"The gateway answers. The balance is {client.get_balance()}."
    except RefusedError as error:
        good, words = False, f"The gateway refused: {error}."
    except ConfigurationError as error:
        good, words = False, f"{error}."
    except MySmppError as error:
        good, words = False, f"{error}. The address is {settings.base_url if settings else 'unknown'}."
    except Exception as error:  # noqa: BLE001  The form wants words whatever happens, and a stranger's may hold secrets.
        good, words = False, f"The connection could not be read or used ({type(error).__name__})."
    if settings is None:
        return good, words
    if settings.exposes_credentials:
        words += f" The credentials go unencrypted over plain http to {settings.base_url}. {REMEDY}"
    for secret in filter(None, (settings.password, settings.token)):
        words = words.replace(secret, "***")
    return good, words
