"""Hold what can be changed about the sandbox while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Final

from airflow_provider_mysmpp.sandbox import checks
from airflow_provider_mysmpp.sandbox.rules import LANGUAGES

_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The settings of a sandbox.

    :param language: The language of the error texts, ``en`` or ``ru``.
    :param delivery_seconds: How long each step of a message's states takes.
    :param price: The price of one part, in kopecks; 0 makes the account unlimited.
    :param webhook: Where changes of state are posted, or None.
    :param webhook_pause_seconds: The pause between two tries of the webhook.
    :param client_id_limit: The greatest ``client_id_sms`` that the sandbox can tell from another; greater ones
        are taken for it, as a column too narrow would. None for no limit.
    """

    language: str = "en"
    delivery_seconds: float = 2.0
    price: int = 250
    webhook: str | None = None
    webhook_pause_seconds: float = 1.0
    client_id_limit: int | None = None

    def changed(self, given: Mapping[str, Any]) -> Settings:
        """
        Return these settings with some of them changed.

        :param given: Names and values as the API got them.
        """
        return replace(self, **checks.read_all(given, READERS))

    def shown(self) -> dict[str, Any]:
        """Return the settings as the API shows them."""
        return {**asdict(self), "price": show_money(self.price)}

    def seen_id(self, client_id: str | None) -> str | None:
        """
        Return the client id that the sandbox keeps for the one it was given.

        :param client_id: The given id, or None.
        """
        if client_id is None or self.client_id_limit is None:
            return client_id
        return str(min(int(client_id), self.client_id_limit))


READERS: Final[dict[str, checks.Reader]] = {
    "language": checks.choice(LANGUAGES),
    "delivery_seconds": checks.number(0, _DAY),
    "price": checks.kopecks,
    "webhook": checks.optional(checks.web_address),
    "webhook_pause_seconds": checks.number(0, _DAY),
    "client_id_limit": checks.optional(checks.whole(1)),
}
"""How each setting is read from the API."""


def show_money(kopecks: int) -> str:
    """
    Return an amount as the gateway writes it: ``19023.9``.

    :param kopecks: The amount.
    """
    amount = f"{Decimal(kopecks) / 100:.2f}"
    return amount.rstrip("0").rstrip(".")
