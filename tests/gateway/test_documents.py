"""The body of a send request, byte by byte, and the way back from its phones to the messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.client import Credentials
from airflow_provider_mysmpp.gateway.documents import CHANNELS, CONTENT_TYPE, Answer, Message, send_document
from tests.gateway.support import message, messages

TOKEN = {"token": "t"}


def phones_of(body: bytes) -> list[dict[str, Any]]:
    """Return the objects of all phones of a body, in its order."""
    return [phone for group in json.loads(body)["message"] for phone in group["phones"]]


def test_the_body_is_the_document_of_the_gateway_to_the_byte() -> None:
    body, order = send_document(
        {"login": "Логин", "password": 'p"w'},
        [
            message(0, text='Привет, "Анна" \\ \n€', validity_period="2031-12-31 15:34:54"),
            message(1, text="other", sender="INFO", channel="viber"),
        ],
    )

    assert body.decode() == (
        '{"login":"Логин","password":"p\\"w","message":['
        '{"type_send_1":"sms","sender":"SHOP","text":"Привет, \\"Анна\\" \\\\ \\n€","phones":['
        '{"phone":"79612240000","client_id_sms":"101","validity_period":"2031-12-31 15:34:54"}]},'
        '{"type_send_1":"viber","sender":"INFO","text":"other","phones":['
        '{"phone":"79612240001","client_id_sms":"102"}]}]}'
    )
    assert order == [0, 1]


def test_the_header_is_the_one_of_the_document() -> None:
    assert CONTENT_TYPE == "text/json; charset=utf-8;"


def test_the_channels_are_the_ones_of_the_document() -> None:
    assert CHANNELS == ("sms", "viber")


@pytest.mark.parametrize(
    ("credentials", "fields"),
    [
        (Credentials(token="t"), {"token": "t"}),
        (Credentials(login="l", password="p"), {"login": "l", "password": "p"}),
        (Credentials(login="l", password="p", token="t"), {"token": "t"}),
        (Credentials(login="l", password="p", token=""), {"login": "l", "password": "p"}),
        (Credentials(), {"login": "", "password": ""}),
    ],
)
def test_a_token_takes_the_place_of_login_and_password(credentials: Credentials, fields: dict[str, str]) -> None:
    assert credentials.fields() == fields


def test_credentials_show_nothing() -> None:
    assert repr(Credentials(login="my-login", password="my-word", token="my-token")) == "Credentials()"


def test_no_messages_make_an_empty_list() -> None:
    assert send_document(TOKEN, []) == (b'{"token":"t","message":[]}', [])


def test_equal_messages_become_one_with_several_phones() -> None:
    body, order = send_document(TOKEN, messages(3))
    [group] = json.loads(body)["message"]
    assert [phone["phone"] for phone in group["phones"]] == ["79612240000", "79612240001", "79612240002"]
    assert order == [0, 1, 2]


def test_equal_messages_find_each_other_across_others() -> None:
    body, order = send_document(TOKEN, [message(0, text="a"), message(1, text="b"), message(2, text="a"), message(3)])
    assert [[phone["client_id_sms"] for phone in group["phones"]] for group in json.loads(body)["message"]] == [
        ["101", "103"],
        ["102"],
        ["104"],
    ]
    assert order == [0, 2, 1, 3]


@pytest.mark.parametrize("differing", ["text", "sender", "channel"])
def test_messages_that_differ_in_one_thing_stay_apart(differing: str) -> None:
    body, _ = send_document(TOKEN, [message(0, **{differing: "one"}), message(1, **{differing: "two"})])
    assert len(json.loads(body)["message"]) == 2


def test_each_phone_keeps_its_own_validity_period() -> None:
    body, _ = send_document(TOKEN, [message(0, validity_period="2031-01-01 00:00:00"), message(1), message(2)])
    assert [phone.get("validity_period") for phone in phones_of(body)] == ["2031-01-01 00:00:00", None, None]
    assert ["validity_period" in phone for phone in phones_of(body)] == [True, False, False]


def test_every_identity_is_a_decimal_string_and_no_two_are_mixed_up() -> None:
    identity = str(2**53 - 1)
    body, _ = send_document(TOKEN, [message(0, client_id_sms=identity), message(1)])
    assert f'"client_id_sms":"{identity}"'.encode() in body
    assert [phone["client_id_sms"] for phone in phones_of(body)] == [identity, "102"]


def test_the_number_of_the_row_stays_here() -> None:
    body, _ = send_document(TOKEN, [message(0, row=424242)])
    assert b"424242" not in body
    assert b"row" not in body


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_messages = st.lists(
    st.builds(
        Message,
        phone=st.integers(10**10, 10**11 - 1).map(str),
        text=st.sampled_from(["a", "b"]) | any_text,
        sender=st.sampled_from(["S", "T"]) | any_text,
        channel=st.sampled_from(CHANNELS),
        client_id_sms=st.integers(0, 2**53).map(str),
        validity_period=st.none() | st.just("2031-01-01 00:00:00"),
        row=st.just(0),
    ),
    max_size=30,
)


@given(any_messages)
def test_every_position_leads_back_to_its_message(batch: Sequence[Message]) -> None:
    body, order = send_document(TOKEN, batch)
    found = [
        Message(
            phone["phone"],
            group["text"],
            group["sender"],
            group["type_send_1"],
            phone["client_id_sms"],
            phone.get("validity_period"),
        )
        for group in json.loads(body)["message"]
        for phone in group["phones"]
    ]
    assert sorted(order) == list(range(len(batch)))
    assert [batch[position] for position in order] == found


@given(any_messages)
def test_no_two_groups_are_alike_and_they_stand_in_the_order_of_their_first_messages(batch: Sequence[Message]) -> None:
    body, order = send_document(TOKEN, batch)
    groups = json.loads(body)["message"]
    heads = [(group["type_send_1"], group["sender"], group["text"]) for group in groups]
    assert heads == list(dict.fromkeys((sent.channel, sent.sender, sent.text) for sent in batch))
    rest = iter(order)
    for group in groups:
        positions = [next(rest) for _ in group["phones"]]
        assert positions == sorted(positions)


def test_an_answer_is_an_id_and_words() -> None:
    assert Answer("77", None)._asdict() == {"id_sms": "77", "error": None}
