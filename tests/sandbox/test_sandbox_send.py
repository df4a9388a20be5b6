"""POST /json: what is taken, what is refused, and what is never sent twice."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.errors import CATALOGUE, classify
from airflow_provider_mysmpp.sandbox import rules
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .client import HEADERS, document, message, phone, post, send


def test_entries_come_one_a_phone_and_in_order(mysmpp_sandbox: SandboxServer) -> None:
    entries = send(
        mysmpp_sandbox,
        message(phone("79612242243", "1"), phone("79000000101", "2"), phone("79612242244", "3")),
        message(phone("79612242245", 4), type_send_1="viber"),
    )
    assert [set(entry) for entry in entries] == [{"state", "id_sms"}, {"error"}, *[{"state", "id_sms"}] * 2]
    assert entries[1] == {"error": "Phone number is on the stop list"}
    ids = [entry["id_sms"] for entry in entries if "id_sms" in entry]
    assert all(isinstance(id_sms, int) for id_sms in ids)
    stored = mysmpp_sandbox.messages()
    assert [m["id_sms"] for m in stored] == ids
    assert [m["phone"] for m in stored] == ["79612242243", "79612242244", "79612242245"]
    assert [m["client_id_sms"] for m in stored] == ["1", "3", "4"]
    assert [m["channel"] for m in stored] == ["sms", "sms", "viber"]


def test_the_documents_own_example_is_taken(mysmpp_sandbox: SandboxServer) -> None:
    example = {
        "type_send_1": "sms",
        "sender": " sender 2",
        "text": "message text 2",
        "phones": [{"phone": 79612242245, "client_id_sms": 103, "validity_period": "2001-12-31 15:34:54"}],
    }
    (entry,) = send(mysmpp_sandbox, example)
    assert entry["state"] == "send"


@pytest.mark.parametrize(
    "shown",
    [
        {"login": "sandbox", "password": "sandbox"},
        {"token": "sandbox"},
        {"login": "sandbox", "password": "sandbox", "token": "sandbox"},
    ],
)
def test_login_with_password_or_token(mysmpp_sandbox: SandboxServer, shown: dict[str, str]) -> None:
    answer = post(mysmpp_sandbox, {**shown, "message": [message()]})
    assert answer.json()["information"][0]["state"] == "send"


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"login": "sandbox"},
        {"password": "sandbox"},
        {"login": "sandbox", "password": "other"},
        {"token": "other"},
        {"token": ""},
        {"login": "other", "password": "sandbox", "token": "sandbox"},
    ],
)
def test_wrong_credentials_are_refused_and_not_kept(mysmpp_sandbox: SandboxServer, shown: dict[str, str]) -> None:
    answer = post(mysmpp_sandbox, {**shown, "message": [message()]})
    assert (answer.status_code, answer.json()) == (200, {"error": "Incorrect login or password"})
    assert mysmpp_sandbox.messages() == []
    assert mysmpp_sandbox.requests()[0]["error"] == "bad_credentials"


@pytest.mark.parametrize(
    "value",
    [
        "text/json; charset=utf-8;",
        "text/json;charset=utf-8",
        "Text/JSON; Charset=UTF-8",
        " text/json ; charset=utf-8 ; ",
    ],
)
def test_content_types_that_are_taken(mysmpp_sandbox: SandboxServer, value: str) -> None:
    answer = post(mysmpp_sandbox, document(), headers={"Content-Type": value.strip()})
    assert "information" in answer.json()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "text/json"},
        {"Content-Type": "text/json; charset=cp1251"},
        {"Content-Type": "text/json; charset=utf-8; boundary=x"},
    ],
)
def test_content_types_that_are_refused(mysmpp_sandbox: SandboxServer, headers: dict[str, str]) -> None:
    answer = post(mysmpp_sandbox, document(), headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": "Incorrect JSON document format"})


@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_an_empty_body(mysmpp_sandbox: SandboxServer, body: bytes) -> None:
    answer = post(mysmpp_sandbox, body)
    assert (answer.status_code, answer.json()) == (200, {"error": "POST data is missing"})


BAD_PHONES: list[Any] = [
    "79612242243",
    {},
    [],
    [7],
    None,
    [phone("+79612242243")],
    [phone("7 961 224-22-43")],
    [{"phone": 79612242243.0}],
    [{"phone": True}],
    [{"phone": None}],
    [{"phone": -79612242243}],
    [{"phone": "٧٩٦١٢٢٤٢٢٤٣"}],
    [phone(client_id="")],
    [phone(client_id="1a")],
    [phone(client_id="-1")],
    [phone(client_id=1.0)],
    [phone(client_id=False)],
    [phone(client_id="1" * 5000)],
    [{"phone": "79612242243", "client_id_sms": None}],
    [phone(validity_period="2030-01-01")],
    [phone(validity_period="2030-01-01T10:00:00")],
    [phone(validity_period="2030-1-1 10:00:00")],
    [phone(validity_period="2030-02-30 10:00:00")],
    [phone(validity_period=None)],
    [phone(validity="2030-01-01 10:00:00")],
    [phone(client_id="1"), phone(text="hello")],
]
BAD_DOCUMENTS: list[Any] = [
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"login":"sandbox","password":"sandbox"}',
    '{"login":"sandbox","password":"sandbox","message":[{"type_send_1":"sms","sender":"S","text":"Я"}]}'.encode(
        "cp1251"
    ),
    document(messages=[]),
    {**document(), "message": []},
    {**document(), "message": message()},
    {**document(), "message": ["text"]},
    {**document(), "login": 1},
    {**document(), "token": None},
    document(message(type_send_1="flash")),
    document(message(type_send_1=None)),
    document({key: value for key, value in message().items() if key != "type_send_1"}),
    document({key: value for key, value in message().items() if key != "phones"}),
    document(message(sender=7)),
    document(message(text=None)),
    document(message(text="\ud800")),
    document(message(text=float("nan"))),
    document(message(type_send_2="viber")),
    *(document({**message(), "phones": phones}) for phones in BAD_PHONES),
]


@pytest.mark.parametrize("body", BAD_DOCUMENTS, ids=range(len(BAD_DOCUMENTS)))
def test_a_bad_document_is_refused_whole(mysmpp_sandbox: SandboxServer, body: object) -> None:
    answer = post(mysmpp_sandbox, body)
    assert (answer.status_code, answer.json()) == (400, {"error": "Incorrect JSON document format"})
    assert mysmpp_sandbox.messages() == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (message({}), "no_phone"),
        (message({"phone": ""}), "no_phone"),
        (message(phone("7" * 15)), "phone_too_long"),
        (message(sender=""), "no_sender"),
        ({"type_send_1": "sms", "text": "Да", "phones": [phone()]}, "no_sender"),
        (message(sender="A" * 12), "sender_too_long"),
        (message(sender="Ж" * 12), "sender_too_long"),
        (message(sender="1" * 16), "sender_too_long"),
        (message(sender="unknown"), "unknown_sender"),
        (message(sender="Unmoderated"), "unmoderated_sender"),
        (message(text=""), "no_text"),
        ({"type_send_1": "sms", "sender": "SHOP", "phones": [phone()]}, "no_text"),
        (message(text="Купи #moderator сейчас"), "moderator"),
        (message(text="#no_link"), "no_link"),
        (message(text="#bad_vcard"), "bad_vcard"),
    ],
)
def test_one_bad_message_does_not_stop_the_others(
    mysmpp_sandbox: SandboxServer, bad: dict[str, Any], code: str
) -> None:
    refused, taken = send(mysmpp_sandbox, bad, message(phone("79612242244")))
    entry = classify(refused["error"])
    assert refused.keys() == {"error"}
    assert entry is not None
    assert entry.code == code
    assert taken["state"] == "send"
    assert [m["phone"] for m in mysmpp_sandbox.messages()] == ["79612242244"]
    assert mysmpp_sandbox.requests()[0]["refused"] == 1


@pytest.mark.parametrize("good", [message(phone("7" * 14)), message(sender="A" * 11), message(sender="1" * 15)])
def test_the_longest_that_passes(mysmpp_sandbox: SandboxServer, good: dict[str, Any]) -> None:
    assert send(mysmpp_sandbox, good)[0]["state"] == "send"


@pytest.mark.parametrize(("number", "code"), rules.PHONE_ERRORS.items())
@pytest.mark.parametrize("language", rules.LANGUAGES)
def test_trigger_phones(mysmpp_sandbox: SandboxServer, number: str, code: str, language: str) -> None:
    mysmpp_sandbox.change(language=language)
    (entry,) = send(mysmpp_sandbox, message(phone(number)))
    known = classify(entry["error"])
    assert (known.code if known else "unknown") == code
    assert any("а" <= letter <= "я" for letter in entry["error"]) == (language == "ru")


def test_every_error_of_a_recipient_has_a_trigger_phone() -> None:
    of_requests = {"bad_document", "bad_credentials", "account_locked", "no_data"}
    assert {entry.code for entry in CATALOGUE} - of_requests == set(rules.PHONE_ERRORS.values()) - {"unknown"}


def test_a_client_id_is_sent_once(mysmpp_sandbox: SandboxServer) -> None:
    (first,) = send(mysmpp_sandbox, message(phone(client_id="101")))
    (again,) = send(mysmpp_sandbox, message(phone(client_id=101), text="Другой текст"))
    twice = send(mysmpp_sandbox, message(phone(client_id="0101"), phone(client_id="101")))
    assert again == first
    assert twice == [first, first]
    (stored,) = mysmpp_sandbox.messages()
    assert (stored["text"], stored["repeats"]) == ("Готово", 3)
    assert [r["repeated"] for r in mysmpp_sandbox.requests()] == [0, 1, 2]


def test_a_client_id_twice_in_one_request(mysmpp_sandbox: SandboxServer) -> None:
    one, other = send(mysmpp_sandbox, message(phone("79612242243", "5"), phone("79612242244", "5")))
    assert one == other
    assert [m["phone"] for m in mysmpp_sandbox.messages()] == ["79612242243"]


def test_without_a_client_id_every_message_is_new(mysmpp_sandbox: SandboxServer) -> None:
    one, other = send(mysmpp_sandbox, message(phone(), phone()))
    assert one != other
    assert len(mysmpp_sandbox.messages()) == 2


def test_a_refused_client_id_may_come_again(mysmpp_sandbox: SandboxServer) -> None:
    assert "error" in send(mysmpp_sandbox, message(phone(client_id="9"), text="#moderator"))[0]
    assert "id_sms" in send(mysmpp_sandbox, message(phone(client_id="9")))[0]


def test_client_ids_of_any_width(mysmpp_sandbox: SandboxServer) -> None:
    ids = [str(2**31), str(2**53), str(2**64), "9" * 40]
    entries = send(mysmpp_sandbox, message(*(phone(client_id=client_id) for client_id in ids)))
    assert len({entry["id_sms"] for entry in entries}) == 4
    assert [m["client_id_sms"] for m in mysmpp_sandbox.messages()] == ids


def test_a_gateway_with_narrow_client_ids(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(client_id_limit=2**31 - 1)
    entries = send(
        mysmpp_sandbox, message(phone("79612242243", 2**40), phone("79612242244", 2**41), phone(client_id=7))
    )
    assert entries[0] == entries[1] != entries[2]


def test_ids_are_not_reused_after_a_clear(mysmpp_sandbox: SandboxServer) -> None:
    (before,) = send(mysmpp_sandbox, message())
    mysmpp_sandbox.clear()
    (after,) = send(mysmpp_sandbox, message())
    assert after["id_sms"] > before["id_sms"]


def test_requests_are_noted_without_credentials(mysmpp_sandbox: SandboxServer) -> None:
    send(mysmpp_sandbox, message(phone(client_id="1"), phone("79000000101", "2"), phone()))
    (noted,) = mysmpp_sandbox.requests()
    assert noted.pop("time")
    assert noted == {
        "number": 1,
        "path": "/json",
        "status": 200,
        "phones": 3,
        "accepted": 2,
        "repeated": 0,
        "refused": 1,
        "error": None,
        "fault": None,
        "client_ids": ["1", "2", None],
    }


def test_only_post(mysmpp_sandbox: SandboxServer) -> None:
    with pytest.raises(ValueError, match="405"):
        mysmpp_sandbox.api("GET", "/json", headers=HEADERS)
