"""From a row to its message: what the row says, what the task says instead, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.documents import Message
from airflow_provider_mysmpp.gateway.errors import ConfigurationError, InvalidMessageError
from airflow_provider_mysmpp.sending.composer import as_values, check_sender
from airflow_provider_mysmpp.sending.identity import Identities
from tests.sending.support import composer_of

PHONE = "79612242243"
NAN = float("nan")


class Odd:
    """A value that can't be written at all."""

    def __str__(self) -> str:
        raise AttributeError("no name")

    def __format__(self, _spec: str) -> str:
        raise AttributeError("no format")


class Phone(str):
    """Text of a class of its own, as markup is."""

    __slots__ = ()

    def strip(self, *_: Any) -> Phone:
        return Phone(super().strip())


class Name(StrEnum):
    """Senders of an enumeration."""

    SHOP = "SHOP"


def compose(values: dict[str, Any], key: str | None = None, **more: Any) -> Message:
    """Compose the message of the fifth row."""
    return composer_of(**more).compose(5, {"phone": PHONE, **values}, key)


def identity(*, channel: str = "sms", sender: str = "SHOP", key: str | None = None) -> str:
    """Return the identity that belongs to it."""
    return Identities("dag/task/run", "Hello").of(channel, sender, PHONE, key)


def test_a_row_becomes_a_message() -> None:
    assert compose({}) == Message(PHONE, "Hello", "SHOP", "sms", identity(), None, 5)


def test_the_row_has_the_last_word() -> None:
    row = {
        "phone": "8 961 224-22-43",
        "text": "Own {name}",
        "sender": "INFO",
        "validity_period": "2031-12-31 15:34:54",
        "client_id_sms": "101",
        "name": "Анна",
    }
    assert compose(row, validity_period=timedelta(hours=1)) == Message(
        PHONE, "Own {name}", "INFO", "sms", "101", "2031-12-31 15:34:54", 5
    )


def test_placeholders_belong_to_the_text_of_the_task() -> None:
    assert compose({"name": "Анна", "text": None}, text="Hello, {name}!").text == "Hello, Анна!"


def test_the_key_and_the_sender_are_part_of_the_identity_and_the_text_is_not() -> None:
    assert compose({}, "order 7").client_id_sms == identity(key="order 7")
    assert compose({"sender": "INFO"}).client_id_sms == identity(sender="INFO")
    assert compose({"text": "another"}).client_id_sms == identity()
    assert compose({}, channel="viber").client_id_sms == identity(channel="viber")


@pytest.mark.parametrize("nothing", [None, NAN, Decimal("NaN")])
def test_an_empty_cell_leaves_it_to_the_task(nothing: object) -> None:
    row = dict.fromkeys(("text", "sender", "validity_period", "client_id_sms", "channel"), nothing)
    message = compose(row, validity_period=timedelta(hours=1), channel=None)
    assert message == Message(PHONE, "Hello", "SHOP", "sms", identity(), "2031-05-05 16:00:00", 5)


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (0, "0"), (1.5, "1.5"), (True, "True"), (Decimal("7.10"), "7.10"), (" x ", " x ")]
)
def test_a_text_may_be_of_any_type(value: object, text: str) -> None:
    assert compose({"text": value}).text == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("101", "101"),
        (101, "101"),
        (101.0, "101"),
        (Decimal("101.0"), "101"),
        ("007", "007"),
        (0, "0"),
        (2**63, str(2**63)),
    ],
)
def test_an_own_identity_is_used_as_it_is(value: object, number: str) -> None:
    assert compose({"client_id_sms": value}).client_id_sms == number


@pytest.mark.parametrize(
    "value",
    ["", " ", "a", "1a", "-1", -1, 1.5, "1.0", "1e5", True, "٧", "²", " 7", float("inf"), b"7", [7], {7}, object()],
)
def test_an_own_identity_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        compose({"client_id_sms": value})
    assert caught.value.code == "client_id_sms"
    if isinstance(value, str):
        assert caught.value.reason == "client_id_sms is not a number; give decimal digits or leave it out"


def test_words_tell_messages_without_a_key_apart_where_they_are_to() -> None:
    def identity_of(text: str, key: str | None = None) -> str:
        return compose({"text": text}, key, text=None, words_identify=True).client_id_sms

    assert identity_of("one") == identity_of("one") != identity_of("other")
    assert identity_of("one", "A-1") == identity_of("other", "A-1") == identity(key="A-1")
    assert len({identity_of("one"), identity_of("x", "one"), identity()}) == 3
    assert identity_of("half \ud800").isdecimal()


def test_each_row_may_say_its_channel_where_the_task_says_none() -> None:
    assert compose({"channel": "viber"}, channel=None).channel == "viber"
    assert compose({}, channel=None).channel == "sms"
    assert compose({"channel": "viber"}, channel="sms").channel == "sms"


def test_only_plain_strings_leave() -> None:
    message = compose({"sender": Name.SHOP, "channel": "sms"}, channel=None)
    assert {type(value) for value in message[:5]} == {str}
    message = compose({"phone": Phone(PHONE)})
    assert {type(value) for value in message[:5]} == {str}
    message = compose({}, sender=Name.SHOP, text=Name.SHOP)
    assert {type(value) for value in message[:5]} == {str}
    assert (message.sender, message.text) == ("SHOP", "SHOP")


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"phone": None}, {}, "phone", "missing"),
    ({"phone": "x"}, {}, "phone", "belong to no phone"),
    ({"text": ""}, {}, "text", "empty"),
    ({"text": " "}, {}, "text", "empty"),
    ({}, {"text": None}, "text", "neither the row nor the task has a text"),
    ({}, {"text": ""}, "text", "neither the row nor the task has a text"),
    ({}, {"text": "{name}"}, "placeholder", "no column 'name'"),
    ({"name": None}, {"text": "{name}"}, "placeholder", "'name' has no value"),
    ({"name": " "}, {"text": "{name}"}, "text", "empty"),
    ({"name": "x"}, {"text": "{name:d}"}, "placeholder", "does not fit"),
    ({"name": "x"}, {"text": "{name:>9223372036854775807}"}, "placeholder", "does not fit"),
    ({"name": Odd()}, {"text": "{name}"}, "placeholder", "does not fit"),
    *(
        ({column: value}, {"text": "{name}"}, code, "bytes; decode")
        for column, code in (("name", "placeholder"), ("text", "text"))
        for value in (b"Anna", bytearray(b"Anna"), memoryview(b"Anna"))
    ),
    ({"text": Odd()}, {}, "text", "a Odd can't be written as text; give text"),
    ({"text": 10**5_000}, {}, "text", "a int can't be written as text"),
    ({"sender": b"SHOP"}, {}, "sender", "the sender is bytes; decode it"),
    ({"sender": Odd()}, {}, "sender", "a Odd can't be written as sender"),
    ({"sender": ""}, {}, "sender", "empty or has a space"),
    ({"sender": " SHOP"}, {}, "sender", "empty or has a space"),
    ({"sender": "SHOP "}, {}, "sender", "empty or has a space"),
    ({"sender": "x" * 12}, {}, "sender", "has 12 characters"),
    ({"sender": "SH\ud800"}, {}, "sender", "half of a surrogate pair"),
    ({}, {"sender": None}, "sender", "there is no sender"),
    ({}, {"sender": ""}, "sender", "there is no sender"),
    ({"channel": "fax"}, {"channel": None}, "channel", "none that the gateway knows: sms, viber"),
    ({"channel": ""}, {"channel": None}, "channel", "none that the gateway knows"),
    ({"channel": ["sms"]}, {"channel": None}, "channel", "none that the gateway knows"),
    ({"channel": "SMS"}, {"channel": None}, "channel", "none that the gateway knows"),
    (
        {"client_id_sms": "a1"},
        {},
        "client_id_sms",
        "client_id_sms is not a number; give decimal digits or leave it out",
    ),
    ({"client_id_sms": "\ud800"}, {}, "client_id_sms", "the client_id_sms can't be written as text"),
    ({"client_id_sms": 10**5_000}, {}, "client_id_sms", "the client_id_sms can't be written as text"),
    ({"validity_period": "soon"}, {}, "validity_period", "not in the format"),
    ({"validity_period": "2001-01-01"}, {}, "validity_period", "past"),
    ({"validity_period": 5}, {}, "validity_period", "a int is no"),
]


@pytest.mark.parametrize(("row", "task", "code", "words"), REFUSED, ids=[f"{case[2]}: {case[3]}" for case in REFUSED])
def test_what_can_not_be_sent_is_refused_with_its_reason(
    row: dict[str, Any], task: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        compose(row, **task)
    assert caught.value.code == code
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"channel": "fax"}, "channel: the channel is none"),
        ({"channel": "SMS"}, "channel: the channel is none"),
        ({"channel": ""}, "channel: the channel is none"),
        ({"sender": " x"}, "sender: the sender is empty or has a space"),
        ({"sender": "x" * 12}, "sender: the sender has 12 characters"),
        ({"sender": "\ud800"}, "sender: the sender holds half of a surrogate pair"),
        ({"validity_period": "soon"}, "validity_period: the validity_period is not in the format"),
        ({"validity_period": timedelta(0)}, "validity_period: the validity_period is past"),
    ],
)
def test_a_task_that_can_send_nothing_is_refused_before_its_first_row(task: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        composer_of(**task)
    assert words in str(caught.value)
    assert caught.value.__suppress_context__


# The sender


@pytest.mark.parametrize(
    "sender", ["S", "SHOP", "x" * 11, "1" * 15, "МАГАЗИН", "Shop 24", "a b", "1", "1" * 11, "12345678901a"[:11]]
)
def test_a_sender_that_fits_is_taken(sender: str) -> None:
    assert check_sender(sender) == sender


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        (" SHOP", "space at an end"),
        ("SHOP\N{NO-BREAK SPACE}", "space at an end"),
        ("SHOP\n", "space at an end"),
        ("x" * 12, "has 12 characters; the gateway takes 11, or 15 if all are digits"),
        ("1" * 16, "has 16 characters; the gateway takes 11, or 15 if all are digits"),
        ("1" * 11 + "a", "has 12 characters"),
        ("+" + "1" * 11, "has 12 characters"),
        ("٧" * 12, "has 12 characters"),
        ("²" * 12, "has 12 characters"),
        ("Ж" * 12, "has 12 characters"),
        ("\udfff", "half of a surrogate pair"),
    ],
    ids=ascii,
)
def test_a_sender_that_does_not_fit_is_refused(sender: str, words: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        check_sender(sender)
    assert caught.value.code == "sender"
    assert words in caught.value.reason


def test_a_sender_is_checked_once_and_refused_every_time() -> None:
    composer = composer_of()
    for _ in range(3):
        with pytest.raises(InvalidMessageError):
            composer.compose(1, {"phone": PHONE, "sender": "x" * 12}, None)


# What a row may be


def test_a_row_is_a_mapping_a_message_or_a_phone() -> None:
    row = {"phone": PHONE, "x": 1}
    assert as_values(row) is row
    message = Message(PHONE, "t", "S", "viber", "1", "2031-12-31 00:00:00", 9)
    assert as_values(message) == {
        "phone": PHONE,
        "text": "t",
        "sender": "S",
        "channel": "viber",
        "client_id_sms": "1",
        "validity_period": "2031-12-31 00:00:00",
        "row": 9,
    }
    for phone in (PHONE, 79612242243, None, (1, 2)):
        assert as_values(phone) == {"phone": phone}


def test_a_message_that_is_ready_is_composed_to_itself() -> None:
    message = Message(PHONE, "t", "S", "viber", "1", "2031-12-31 00:00:00", 5)
    assert composer_of(channel=None).compose(5, as_values(message), None) == message
