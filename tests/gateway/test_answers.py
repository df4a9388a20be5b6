"""Answers of every shape: what is certain becomes a result a message, everything else the error that says why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.documents import Answer, read_send_answer
from airflow_provider_mysmpp.gateway.errors import AmbiguousError, GatewayError, RefusedError, UnavailableError

NOTHING = Answer(None, None)


def read(document: Any, count: int = 1, *, status: int = 200) -> list[Answer]:
    """Read a document, or bytes as they are, as the answer to as many messages in their order."""
    content = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    return read_send_answer(content, status_code=status, order=range(count))


def entries(*given_entries: Any) -> dict[str, Any]:
    """Return an answer with these entries."""
    return {"information": list(given_entries)}


@pytest.mark.parametrize(
    ("id_sms", "read_as"),
    [
        (77, "77"),
        ("77", "77"),
        (" 77\n", "77"),
        (1, "1"),
        (2**31 - 1, "2147483647"),
        (2**64, "18446744073709551616"),
        ("9" * 40, "9" * 40),
        (10**300, "1" + "0" * 300),
        ("0077", "77"),
        (0, None),
        ("0", None),
        ("000", None),
        (-77, None),
        ("-77", None),
        ("+77", None),
        (77.0, None),
        (77.5, None),
        ("77.0", None),
        ("7 7", None),
        ("7e1", None),
        ("0x77", None),
        ("٧٧", None),
        ("²", None),
        ("", None),
        ("  ", None),
        ("id 77", None),
        ("null", None),
        (None, None),
        (True, None),
        (False, None),
        ([77], None),
        ({"id": 77}, None),
    ],
)
def test_an_id_is_kept_as_a_string_of_digits(id_sms: object, read_as: str | None) -> None:
    assert read(entries({"state": "send", "id_sms": id_sms})) == [Answer(read_as, None)]


@pytest.mark.parametrize(
    "entry",
    [None, True, 0, 77, 7.5, "77", "Out of SMS", [], [77], [{"id_sms": 77}], {}, {"state": "send"}, {"ID_SMS": 1}],
)
def test_an_entry_that_tells_nothing_is_read_as_nothing(entry: object) -> None:
    assert read(entries(entry)) == [NOTHING]


@pytest.mark.parametrize(
    ("error", "read_as"),
    [
        ("No link", "No link"),
        ("  No \n link\t", "No link"),
        ("a b c", "a b c"),
        ("x" * 301, "x" * 300),
        ("the phone 79612242243 is bad", "the phone 7961*****43 is bad"),
        ("x" * 295 + " 79612242243", "x" * 295 + " 7961"),
        ("x" * 293 + "79612242243", "x" * 293 + "7961***"),
        ("bad \ud800 half", "bad ? half"),
        ("", None),
        (" \n ", None),
        (None, None),
        (5, None),
        (True, None),
        (["Out of SMS"], None),
        ({"text": "Out of SMS"}, None),
    ],
)
def test_words_are_kept_safe_to_show(error: object, read_as: str | None) -> None:
    content = json.dumps(entries({"error": error})).encode()
    assert read(content) == [Answer(None, read_as)]


def test_an_entry_with_both_keeps_both() -> None:
    assert read(entries({"id_sms": 77, "error": "Out of SMS"})) == [Answer("77", "Out of SMS")]


def test_the_state_means_nothing_beside_an_id() -> None:
    for state in ("send", "error", "", None, 5):
        assert read(entries({"id_sms": 77, "state": state})) == [Answer("77", None)]


def test_answers_go_back_to_their_messages() -> None:
    content = json.dumps(entries(*[{"id_sms": number} for number in (10, 11, 12, 13)])).encode()
    answers = read_send_answer(content, status_code=200, order=[2, 0, 3, 1])
    assert [answer.id_sms for answer in answers] == ["11", "13", "10", "12"]


@given(st.permutations(range(7)))
def test_answers_go_back_to_their_messages_whatever_the_order(order: list[int]) -> None:
    content = json.dumps(entries(*[{"id_sms": position + 1} for position in order])).encode()
    answers = read_send_answer(content, status_code=200, order=order)
    assert [answer.id_sms for answer in answers] == [str(position + 1) for position in range(7)]


@pytest.mark.parametrize("status", [200, 201, 400, 403, 500])
def test_entries_are_read_whatever_the_status(status: int) -> None:
    assert read(entries({"id_sms": 77}), status=status) == [Answer("77", None)]


# As a whole


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    "document",
    [
        {"error": "Out of SMS"},
        {"error": "Out of SMS", "information": None},
        {"error": "Out of SMS", "information": []},
        {"error": "Out of SMS", "information": {}},
        {"error": "Out of SMS", "information": "none"},
        {"error": " Out of SMS. ", "more": [1]},
    ],
)
def test_an_error_without_entries_is_a_refusal_of_the_whole(document: object, status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read(document, 3, status=status)
    assert (caught.value.code, caught.value.status_code) == ("out_of_sms", status)


def test_entries_count_more_than_an_error_beside_them() -> None:
    document = {"error": "Out of SMS", "information": [{"id_sms": 77}]}
    assert read(document) == [Answer("77", None)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Out of SMS", "out_of_sms"),
        ("Неверный логин или пароль", "bad_credentials"),
        ("POST data is missing", "no_data"),
        ("Incorrect JSON document format", "bad_document"),
    ],
)
def test_a_lone_error_of_the_account_or_the_request_answers_for_all_messages(text: str, code: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(entries({"error": text}), 3, status=400)
    assert (caught.value.code, caught.value.status_code, caught.value.maybe_sent) == (code, 400, False)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_same_error_of_the_account_in_every_entry_answers_for_all_messages(count: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read(entries(*[{"error": "Out of SMS"}] * 3), count)
    assert (caught.value.code, caught.value.maybe_sent) == ("out_of_sms", False)


def test_an_error_of_the_account_beside_something_else_is_its_messages_own() -> None:
    out_of_sms = Answer(None, "Out of SMS")
    assert read(entries({"error": "Out of SMS"}, {"id_sms": 77}), 2) == [out_of_sms, Answer("77", None)]
    assert read(entries({"id_sms": 77}, {"error": "Out of SMS"}), 2) == [Answer("77", None), out_of_sms]
    assert read(entries({"error": "Out of SMS"}, {"error": "Account blocked"}), 2) == [
        out_of_sms,
        Answer(None, "Account blocked"),
    ]


@pytest.mark.parametrize(
    "lone",
    [
        {"error": "Phone number is on the stop list"},
        {"error": "words that nobody knows"},
        {"error": "Out of SMS", "id_sms": 77},
        {"id_sms": 77},
        {},
        None,
    ],
)
def test_any_other_lone_entry_for_several_messages_is_ambiguous(lone: object) -> None:
    with pytest.raises(AmbiguousError):
        read(entries(lone), 3)


@pytest.mark.parametrize(
    ("answered", "asked"), [(0, 1), (0, 3), (1, 2), (2, 1), (2, 3), (4, 3), (6, 3), (1, 500), (501, 500)]
)
def test_another_number_of_entries_is_never_matched_by_guess(answered: int, asked: int) -> None:
    with pytest.raises(AmbiguousError) as caught:
        read(entries(*[{"id_sms": number + 1} for number in range(answered)]), asked)
    assert f"{answered} entries for {asked} messages" in str(caught.value)
    assert (caught.value.maybe_sent, caught.value.status_code) == (True, 200)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON (HTTP 200, 0 bytes)"),
        (b" ", "not JSON (HTTP 200, 1 bytes)"),
        (b'{"information":[{"state":"send","id_', "not JSON"),
        (b"<html><body>Maintenance</body></html>", "not JSON"),
        (b"OK", "not JSON"),
        (b"{'information': []}", "not JSON"),
        (b'{"information":[]}{"information":[]}', "not JSON"),
        ('{"error":"Закончились SMS"}'.encode("cp1251"), "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"information":' * 100_000, "not JSON"),
        (b'{"information":[{"id_sms":' + b"9" * 5_000 + b"}]}", "not JSON"),
        (b"null", "neither"),
        (b"true", "neither"),
        (b"77", "neither"),
        (b"NaN", "neither"),
        (b'"Out of SMS"', "neither"),
        (b"[]", "neither"),
        (b'[{"id_sms":77}]', "neither"),
        (b"{}", "neither"),
        (b'{"information":null}', "neither"),
        (b'{"information":{"id_sms":77}}', "neither"),
        (b'{"information":"77"}', "neither"),
        (b'{"information":77,"error":""}', "neither"),
        (b'{"error":""}', "neither"),
        (b'{"error":null}', "neither"),
        (b'{"error":5}', "neither"),
        (b'{"error":["Out of SMS"]}', "neither"),
        (b'{"Information":[{"id_sms":77}]}', "neither"),
    ],
)
def test_a_body_that_no_document_knows_is_no_answer(content: bytes, words: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        read(content)
    assert words in str(caught.value)
    assert (caught.value.status_code, caught.value.maybe_sent, caught.value.repeatable) == (200, True, True)


@pytest.mark.parametrize(
    "content",
    [
        '\ufeff{"information":[{"id_sms":77}]}'.encode(),
        '{"information":[{"id_sms":77}]}'.encode("utf-16"),
        b' \n {"information":[{"id_sms":77}]} \n ',
        b'{"information":[{"id_sms":77,"price":NaN,"x":Infinity}]}',
        b'{"information":[],"information":[{"id_sms":77}]}',
        '{"information":[{"id_sms":77,"state":"отправлено"}]}'.encode(),
        b'{"information":[{"id_sms":77,"state":"\\u043e"}]}',
    ],
)
def test_a_body_in_strange_clothes_is_read(content: bytes) -> None:
    assert read(content) == [Answer("77", None)]


def test_ids_that_are_no_numbers_of_json_are_nothing() -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e2", b"77.0"):
        assert read(b'{"information":[{"id_sms":' + number + b"}]}") == [NOTHING]


# Whatever comes

any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Out of SMS", "77", "Phone number is on the stop list"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["information", "error", "id_sms", "state", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(any_json | st.binary(max_size=60), st.integers(1, 4), st.sampled_from([200, 400, 503]))
def test_whatever_comes_becomes_a_result_a_message_or_an_error_of_the_gateway(
    document: Any, count: int, status: int
) -> None:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        answers = read(content, count, status=status)
    except GatewayError:
        return
    assert len(answers) == count
    for answer in answers:
        assert answer.id_sms is None or answer.id_sms in content.decode()
        assert answer.error is None or answer.error.encode()
