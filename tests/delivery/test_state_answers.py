"""What the gateway says about messages: every answer read, none of them ever a surprise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import (
    AmbiguousError,
    GatewayError,
    RefusedError,
    UnavailableError,
)
from airflow_provider_mysmpp.gateway.states import (
    FINAL,
    MessageState,
    collect_states,
    read_id,
    read_state_answer,
    state_document,
)

MOSCOW = ZoneInfo("Europe/Moscow")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["id_sms", "state", "time_change_state", "num_parts", "price", "error", "information"])
ENTRIES = st.dictionaries(NAMES, JSON | st.sampled_from(["1", 7, "deliver", "2024-02-30 10:00:00"]), max_size=7)


def read(document: Any, status_code: int = 200, zone: ZoneInfo = MOSCOW) -> dict[str, MessageState]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_state_answer(content, status_code=status_code, zone=zone)


def one(**entry: Any) -> MessageState:
    (state,) = read([{"id_sms": 7, "state": "deliver", **entry}]).values()
    return state


def test_a_question_is_written_as_documented() -> None:
    body = json.loads(state_document({"login": "вася", "password": "p"}, ["7", "12345678901"], detail=True))
    assert body == [
        {"login": "вася", "password": "p", "id_sms": 7, "detail": 1},
        {"login": "вася", "password": "p", "id_sms": 12345678901, "detail": 1},
    ]
    assert json.loads(state_document({"token": "t"}, ["7"], detail=False)) == [{"token": "t", "id_sms": 7, "detail": 0}]


def test_a_full_answer() -> None:
    entry = {"id_sms": "007", "state": "deliver", "time_change_state": "2024-07-01 12:30:05", "num_parts": "2"}
    assert read([{**entry, "price": "2.50"}]) == {
        "7": MessageState("7", "deliver", datetime(2024, 7, 1, 12, 30, 5, tzinfo=MOSCOW), 2, Decimal("2.50"))
    }


@pytest.mark.parametrize("state", [*sorted(FINAL), "send", "rerouted", "недоставлено"])
def test_a_state_is_kept_as_it_is_called(state: str) -> None:
    assert one(state=f" {state} ").state == state


def test_a_known_state_is_known_in_any_case() -> None:
    assert one(state="Not_Deliver").state == "not_deliver"
    assert one(state="ReRouted").state == "ReRouted"


def test_a_state_repeats_no_phone_and_ends_somewhere() -> None:
    state = one(state="lost 79612242243 " + "x" * 999).state
    assert state is not None
    assert state.startswith("lost 7961*****43 x")
    assert len(state) == 300


@pytest.mark.parametrize("state", [None, "", "  ", 7, True, [], {"state": "deliver"}])
def test_an_entry_without_a_state_is_no_answer(state: Any) -> None:
    assert read([{"id_sms": 7, "state": state}]) == {}


def test_the_time_is_the_accounts() -> None:
    document = [{"id_sms": 7, "state": "read", "time_change_state": "2024-07-01 12:00:00"}]
    in_omsk = read(document, zone=ZoneInfo("Asia/Omsk"))["7"].changed_at
    in_moscow = read(document)["7"].changed_at
    assert in_omsk is not None
    assert in_moscow is not None
    assert (in_moscow - in_omsk).total_seconds() == 3 * 3600
    assert in_moscow.isoformat() == "2024-07-01T12:00:00+03:00"


@pytest.mark.parametrize(
    "time", ["", None, "0000-00-00 00:00:00", "2024-02-30 10:00:00", "yesterday", "20240701", "1719824400", 1719824400]
)
def test_a_time_that_is_none(time: Any) -> None:
    assert one(time_change_state=time).changed_at is None


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("2.5", "2.5"),
        (2.5, "2.5"),
        (0.1, "0.1"),
        (3, "3"),
        ("1 234,50", "1234.50"),
        ("0", "0"),
        ("-1.5", "-1.5"),
        ("", None),
        (None, None),
        (True, None),
        ("NaN", None),
        (float("inf"), None),
        ("1e9", None),
        (10**30, None),
        ("2.5 RUR", None),
    ],
)
def test_prices(price: Any, amount: str | None) -> None:
    assert one(price=price).price == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("parts", "number"), [("2", 2), (2, 2), (" 3 ", 3), ("0", 0), ("-1", None), (2.0, None), (True, None), ("²", None)]
)
def test_parts(parts: Any, number: int | None) -> None:
    assert one(num_parts=parts).parts == number


def test_the_cost_is_that_of_all_parts() -> None:
    assert MessageState("7", parts=3, price=Decimal("2.50")).cost == Decimal("7.50")
    assert MessageState("7", parts=3).cost is None
    assert MessageState("7", price=Decimal(1)).cost is None


@pytest.mark.parametrize(
    "document", [{"id_sms": 7, "state": "send"}, {"information": [{"id_sms": 7, "state": "send"}]}]
)
def test_a_list_in_disguise(document: Any) -> None:
    assert read(document) == {"7": MessageState("7", "send")}


@pytest.mark.parametrize("words", ["Incorrect login or password", "Неверный логин или пароль"])
def test_a_refusal(words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read({"error": words}, 400)
    assert caught.value.code == "bad_credentials"


@pytest.mark.parametrize("content", [b"", b"<html>", b"[{", b"null", b"7", b"{}", b'"send"', b"\xff", b"[" * 10**5])
def test_nonsense(content: bytes) -> None:
    with pytest.raises(UnavailableError):
        read(content)


def test_an_empty_list_is_an_answer_unless_the_status_says_no() -> None:
    assert read([]) == {}
    with pytest.raises(UnavailableError):
        read([], 500)


@given(st.binary() | (JSON | st.lists(ENTRIES) | ENTRIES).map(lambda document: json.dumps(document).encode()))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    try:
        states = read(content)
    except GatewayError:
        return
    for id_sms, state in states.items():
        assert read_id(id_sms) == id_sms == state.id_sms
        assert state.state
        assert state.changed_at is None or state.changed_at.isoformat()
        assert state.price is None or state.price.is_finite()
        assert state.cost is None or f"{state.cost:f}"


@given(st.integers() | st.text() | st.floats() | st.booleans() | st.none())
def test_ids(value: Any) -> None:
    id_sms = read_id(value)
    if id_sms is not None:
        assert int(id_sms) == int(value) > 0
        assert str(int(id_sms)) == id_sms
    if type(value) is int and 0 < value < 10**40:
        assert id_sms == str(value)


class Gateway:
    """
    A gateway that knows some messages.

    :param known: The ids that it knows.
    :param most: More questions than that in one request get it to behave like ``beyond``.
    :param beyond: What it says then: an error, or the answers to as many questions as it can take.
    :param unknown: What it says when it is asked about an unknown message alone; else it leaves it out.
    """

    def __init__(
        self,
        known: Sequence[str],
        *,
        most: int = 10**9,
        beyond: GatewayError | None = None,
        unknown: GatewayError | None = None,
    ) -> None:
        self.known = set(known)
        self.most = most
        self.beyond = beyond
        self.unknown = unknown
        self.asked: list[list[str]] = []

    def __call__(self, ids: Sequence[str]) -> dict[str, MessageState]:
        self.asked.append(list(ids))
        if len(ids) > self.most and self.beyond is not None:
            raise self.beyond
        if len(ids) == 1 and ids[0] not in self.known and self.unknown is not None:
            raise self.unknown
        answered = sorted(ids[: self.most], key=hash)  # in any order but that of the question
        return {id_sms: MessageState(id_sms, "send") for id_sms in answered if id_sms in self.known} | {
            "999999": MessageState("999999", "deliver")  # nobody asked
        }


def told(states: Sequence[MessageState]) -> dict[str, str | None]:
    return {state.id_sms: state.state for state in states}


IDS = st.lists(st.integers(1, 50), max_size=60)


@given(IDS, st.sets(st.integers(1, 50)), st.integers(1, 70), st.integers(1, 70))
def test_each_id_gets_its_own_state_in_its_own_place(ids: list[int], known: set[int], batch: int, most: int) -> None:
    gateway = Gateway([str(number) for number in known], most=most)
    states = collect_states(gateway, ids, batch_size=batch)
    assert [state.id_sms for state in states] == [str(number) for number in ids]
    assert all((state.state == "send") == (int(state.id_sms) in known) for state in states)
    assert all(len(asked) <= batch for asked in gateway.asked)


def test_batches() -> None:
    gateway = Gateway([str(number) for number in range(1, 6)])
    collect_states(gateway, range(1, 6), batch_size=2)
    assert gateway.asked == [["1", "2"], ["3", "4"], ["5"]]


def test_nothing_to_ask() -> None:
    gateway = Gateway([])
    assert collect_states(gateway, []) == []
    assert gateway.asked == []


def test_what_is_missing_is_asked_alone_and_only_that() -> None:
    gateway = Gateway(["1", "3"])
    assert told(collect_states(gateway, ["1", "2", "3", "4"])) == {"1": "send", "2": None, "3": "send", "4": None}
    assert gateway.asked == [["1", "2", "3", "4"], ["2"], ["4"]]


def test_what_was_silent_before_is_not_asked_alone() -> None:
    gateway = Gateway(["1"])
    assert told(collect_states(gateway, ["1", "2", "3"], silent={"2"})) == {"1": "send", "2": None, "3": None}
    assert gateway.asked == [["1", "2", "3"], ["3"]]


BAD_DOCUMENT = RefusedError("Incorrect JSON document format", status_code=400)
NO_WORDS_KNOWN = RefusedError("One message a request, please", status_code=200)
NONSENSE = UnavailableError("The gateway's answer is not JSON", status_code=200)
TOO_LARGE = AmbiguousError("The request was too large (HTTP 413)", status_code=413)


@pytest.mark.parametrize("error", [BAD_DOCUMENT, NO_WORDS_KNOWN, NONSENSE, TOO_LARGE])
def test_a_gateway_that_takes_one_question_a_request(error: GatewayError) -> None:
    gateway = Gateway(["1", "2", "3"], most=1, beyond=error)
    assert set(told(collect_states(gateway, ["1", "2", "3"])).values()) == {"send"}
    assert gateway.asked == [["1", "2", "3"], ["1"], ["2"], ["3"]]


@pytest.mark.parametrize("error", [NO_WORDS_KNOWN, NONSENSE])
def test_a_gateway_that_does_not_like_to_be_asked_about_strangers(error: GatewayError) -> None:
    gateway = Gateway(["1"], unknown=error)
    assert told(collect_states(gateway, ["1", "2"])) == {"1": "send", "2": None}


def test_a_gateway_that_talks_nonsense_about_strangers_is_asked_about_few() -> None:
    gateway = Gateway(["1"], unknown=NONSENSE)
    collect_states(gateway, range(1, 100))
    assert [len(asked) for asked in gateway.asked] == [99, 1, 1, 1]


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("Incorrect login or password"),
        UnavailableError("No answer from the gateway"),
        UnavailableError("The gateway answered with HTTP 502", status_code=502),
    ],
)
def test_what_no_other_question_can_mend_is_raised_at_once(error: GatewayError) -> None:
    gateway = Gateway([], most=0, beyond=error)
    with pytest.raises(type(error)):
        collect_states(gateway, ["1", "2", "3"])
    assert len(gateway.asked) == 1


@pytest.mark.parametrize("error", [BAD_DOCUMENT, NONSENSE])
def test_what_every_question_meets_is_raised(error: GatewayError) -> None:
    gateway = Gateway([], most=0, beyond=error)
    with pytest.raises(type(error)):
        collect_states(gateway, range(1, 10))
    assert len(gateway.asked) <= 10


def test_an_outage_in_the_middle_of_single_questions_is_raised() -> None:
    gateway = Gateway(["1"], unknown=UnavailableError("The gateway answered with HTTP 502", status_code=502))
    with pytest.raises(UnavailableError):
        collect_states(gateway, ["1", "2", "3"])


@pytest.mark.parametrize("bad", [0, -1, "", "x", "1.5", 1.5, True, None, "79612242243;1"])
def test_an_id_that_is_none_is_refused_before_any_request(bad: Any) -> None:
    gateway = Gateway(["1"])
    with pytest.raises(ValueError, match="id_sms"):
        collect_states(gateway, ["1", bad])
    assert gateway.asked == []


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        collect_states(Gateway(["1"]), ["1"], batch_size=0)
