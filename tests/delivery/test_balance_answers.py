"""The balance: money, currency and the rows of directions."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.balance import Allowance, Balance, balance_document, read_balance_answer
from airflow_provider_mysmpp.gateway.errors import GatewayError, RefusedError, UnavailableError

from .test_state_answers import JSON


def read(document: Any) -> Balance:
    return read_balance_answer(json.dumps(document).encode(), status_code=200)


def row(**more: Any) -> Allowance:
    (allowance,) = read({"money": "1", "information": [{"type_sms": "sms", "area": "Russia", **more}]}).allowances
    return allowance


def test_the_question() -> None:
    assert json.loads(balance_document({"token": "t"})) == {"token": "t"}


def test_the_documented_answer() -> None:
    rows = [
        {"type_sms": "sms", "area": "Russia", "num_sms": "72029"},
        {"type_sms": "viber", "area": "Russia", "num_sms": "Unlim"},
    ]
    balance = read({"money": "19023.9", "currency": "RUR", "information": rows})
    assert balance == Balance(
        Decimal("19023.9"), "RUR", (Allowance("sms", "Russia", 72029, False), Allowance("viber", "Russia", None, True))
    )
    assert str(balance) == "19023.9 RUR (sms Russia: 72029; viber Russia: unlimited)"


@pytest.mark.parametrize(
    ("amount", "messages", "unlimited"),
    [
        (5, 5, False),
        ("0", 0, False),
        ("1 500", 1500, False),
        ("UNLIMITED", None, True),
        ("Безлимит", None, True),
        ("many", None, False),
        (None, None, False),
    ],
)
def test_amounts(amount: Any, messages: int | None, unlimited: bool) -> None:
    assert row(num_sms=amount)[2:] == row(credits=amount)[2:] == (messages, unlimited)


def test_the_other_names_of_the_fields() -> None:
    (allowance,) = read({"money": 1, "information": [{"direction": "Russia", "credits": "7"}]}).allowances
    assert allowance == Allowance(None, "Russia", 7, False)
    assert str(allowance) == "Russia: 7"
    assert str(Allowance(None, None, None, False)) == "messages: not told"


def test_only_money() -> None:
    assert str(read({"money": 0.1})) == "0.1"
    assert str(read({"money": "a lot", "currency": "EUR"})) == "of an unknown amount EUR"


def test_a_refusal() -> None:
    with pytest.raises(RefusedError):
        read({"error": "Account blocked"})


@pytest.mark.parametrize("document", [[], {}, None, "19023.9", {"currency": "RUR"}])
def test_no_balance(document: Any) -> None:
    with pytest.raises(UnavailableError):
        read(document)


NAMES = st.sampled_from(["money", "currency", "information", "type_sms", "area", "num_sms", "credits", "error"])
OBJECTS = st.dictionaries(NAMES, JSON, max_size=6)


@given(JSON | st.dictionaries(NAMES, JSON | st.lists(OBJECTS), max_size=6))
def test_whatever_comes_is_read_or_refused(document: Any) -> None:
    try:
        balance = read(document)
    except GatewayError:
        return
    assert str(balance)
    assert balance.money is None or balance.money.is_finite()
