"""The balance call: the money of the account, and how many messages it may still send where."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, NamedTuple

from airflow_provider_mysmpp.gateway.errors import UnavailableError
from airflow_provider_mysmpp.gateway.privacy import safe_words
from airflow_provider_mysmpp.gateway.states import read_json, read_money

_AREA: Final = ("area", "direction", "country")
_AMOUNT: Final = ("num_sms", "credits")
_UNLIMITED: Final = ("unlim", "безлим")


class Allowance(NamedTuple):
    """
    What the account may still send in one direction.

    :param channel: ``sms``, ``viber`` or the gateway's own word, or None where it is not told.
    :param area: Where to, in the gateway's words, or None.
    :param messages: How many, or None where that is unlimited or not told.
    :param unlimited: True where the gateway says that there is no limit.
    """

    channel: str | None
    area: str | None
    messages: int | None
    unlimited: bool

    def __str__(self) -> str:
        amount = "unlimited" if self.unlimited else "not told" if self.messages is None else str(self.messages)
        return f"{' '.join(filter(None, (self.channel, self.area))) or 'messages'}: {amount}"


class Balance(NamedTuple):
    """
    The account's balance.

    :param money: What it has left, or None where the gateway's words are no amount.
    :param currency: Of the money: ``RUR``, say; or None.
    :param allowances: One row a direction.
    """

    money: Decimal | None
    currency: str | None
    allowances: tuple[Allowance, ...] = ()

    def __str__(self) -> str:
        money = "of an unknown amount" if self.money is None else f"{self.money:f}"
        words = " ".join(filter(None, (money, self.currency)))
        return f"{words} ({'; '.join(map(str, self.allowances))})" if self.allowances else words


def balance_document(credentials: dict[str, str]) -> bytes:
    """
    Return the body of a balance request.

    :param credentials: ``login`` and ``password``, or ``token``.
    """
    return json.dumps(credentials, ensure_ascii=False, separators=(",", ":")).encode()


def read_balance_answer(content: bytes, *, status_code: int) -> Balance:
    """
    Return the balance of an answer.

    :param content: The body of the answer, whatever its HTTP status.
    :param status_code: The HTTP status, for the errors.
    :raises RefusedError: The gateway refused the request.
    :raises UnavailableError: The body is no answer that the gateway's document knows.
    """
    document = read_json(content, status_code)
    if not isinstance(document, dict) or not {"money", "information"} & document.keys():
        raise UnavailableError(f"The gateway's answer holds no balance (HTTP {status_code})", status_code=status_code)
    rows = document.get("information")
    return Balance(
        read_money(document.get("money")),
        safe_words(document.get("currency")),
        tuple(_read_row(row) for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict)),
    )


def _read_row(row: dict[str, Any]) -> Allowance:
    area = next((row[name] for name in _AREA if name in row), None)
    amount = next((row[name] for name in _AMOUNT if name in row), None)
    unlimited = isinstance(amount, str) and amount.strip().casefold().startswith(_UNLIMITED)
    number = read_money(amount)
    return Allowance(
        safe_words(row.get("type_sms")), safe_words(area), None if number is None else int(number), unlimited
    )
