"""One batch: sent again in halves where the answer leaves doubt, until every message has its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.documents import Answer, LateAnswer, Message
from airflow_provider_mysmpp.gateway.errors import (
    ALREADY_SENT,
    CATALOGUE,
    AmbiguousError,
    RedirectError,
    RefusedError,
    Scope,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.sending.batch import BatchResult, outcome_of, send_batch
from airflow_provider_mysmpp.sending.outcomes import Outcome, Status
from tests.gateway.support import message, messages
from tests.sending.support import Gateway, Scripted, Step

PASS = Answer("77", None)
STOP_LIST = "Phone number is on the stop list"
NO_SENDER = "There is no such sender"
MODERATOR = "SMS text rejected by moderator"
BLOCKED = "Account blocked"
STRANGE = "words that nobody knows"


def run(batch: Sequence[Message], *steps: Step, maybe_sent: bool = False) -> tuple[BatchResult, Scripted]:
    """Deliver a batch to a scripted gateway."""
    client = Scripted(*steps)
    return send_batch(client, batch, stop=Event(), maybe_sent=maybe_sent), client


def words_of(result: BatchResult) -> list[str]:
    """Return the statuses of a result."""
    return [str(outcome.status) for outcome in result.outcomes]


def sizes_of(client: Scripted) -> list[int]:
    """Return how many messages each request held."""
    return [len(phones) for phones in client.asked]


def by_phone(batch: Sequence[Message]) -> list[Answer]:
    """Answer each message with its phone for an id."""
    return [Answer(sent.phone, None) for sent in batch]


# The outcome of an entry


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer("77", None), Outcome(Status.ACCEPTED, "77")),
        (Answer("77", STOP_LIST), Outcome(Status.ACCEPTED, "77", "stop_list", STOP_LIST)),
        (Answer("77", STRANGE), Outcome(Status.ACCEPTED, "77", "unknown", STRANGE)),
        (Answer(None, STOP_LIST), Outcome(Status.REJECTED, None, "stop_list", STOP_LIST)),
        (Answer(None, BLOCKED), Outcome(Status.REJECTED, None, "account_blocked", BLOCKED)),
        (Answer(None, STRANGE), Outcome(Status.UNKNOWN, None, "unknown", STRANGE)),
        (
            Answer(None, None),
            Outcome(Status.UNKNOWN, None, "unknown", "the gateway gave neither an id_sms nor an error"),
        ),
    ],
)
def test_an_entry_becomes_an_outcome(answer: Answer, outcome: Outcome) -> None:
    assert outcome_of(answer) == outcome


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.code)
def test_a_known_error_rejects_its_message_in_both_languages(entry: Any) -> None:
    for text in (entry.english, *entry.russian):
        assert outcome_of(Answer(None, text)) == Outcome(Status.REJECTED, None, entry.code, text)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.code)
def test_what_may_have_been_sent_is_not_taken_back_by_words_about_the_account(entry: Any) -> None:
    status = outcome_of(Answer(None, entry.english), maybe_sent=True).status
    certain = entry.about_a_message and entry.code != ALREADY_SENT  # which says the contrary
    assert status is (Status.REJECTED if certain else Status.UNKNOWN)
    assert outcome_of(LateAnswer(None, entry.english)).status is status


def test_an_id_counts_also_in_a_late_answer() -> None:
    assert outcome_of(LateAnswer("77", None)) == Outcome(Status.ACCEPTED, "77")


# Answers that leave no doubt


def test_each_message_has_the_outcome_of_its_entry() -> None:
    result, client = run(messages(4), [PASS, Answer(None, STOP_LIST), Answer(None, None), Answer("78", STRANGE)])
    assert words_of(result) == ["accepted", "rejected", "unknown", "accepted"]
    assert (result.stop, result.doubt) == (None, None)
    assert sizes_of(client) == [4]


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.code)
def test_only_an_error_of_the_account_in_an_entry_stops_the_send(entry: Any) -> None:
    result, client = run(messages(2), [PASS, Answer(None, entry.english)])
    assert words_of(result) == ["accepted", "rejected"]
    assert result.doubt is None
    assert len(client.asked) == 1
    if entry.scope is Scope.ACCOUNT:
        assert isinstance(result.stop, RefusedError)
        assert (result.stop.code, result.stop.retryable) == (entry.code, entry.retryable)
    else:
        assert result.stop is None


def test_an_error_of_the_account_beside_an_id_stops_nothing() -> None:
    result, _ = run(messages(2), [Answer("77", BLOCKED), Answer("78", None)])
    assert words_of(result) == ["accepted", "accepted"]
    assert result.stop is None


# No answer


@pytest.mark.parametrize(
    ("error", "before", "status"),
    [
        (UnavailableError("x"), False, "unknown"),
        (UnavailableError("x"), True, "unknown"),
        (UnavailableError("x", maybe_sent=False), False, "unsent"),
        (UnavailableError("x", maybe_sent=False), True, "unknown"),
        (RedirectError("x"), False, "unknown"),
        (RedirectError("x", maybe_sent=False), False, "unsent"),
        (StoppedError("x", maybe_sent=False), False, "unsent"),
        (StoppedError("x", maybe_sent=False), True, "unknown"),
        (StoppedError("x"), False, "unknown"),
    ],
)
def test_a_gateway_that_stays_away_ends_the_send(error: Any, before: bool, status: str) -> None:
    result, client = run(messages(3), error, maybe_sent=before)
    assert result.outcomes == [Outcome(Status(status), None, error.code, "x")] * 3
    assert result.stop is error
    assert result.doubt is error
    assert sizes_of(client) == [3]


def test_an_error_of_the_program_goes_through() -> None:
    with pytest.raises(KeyError):
        run(messages(3), KeyError("bug"))


# A refusal of the whole request


@pytest.mark.parametrize("entry", [entry for entry in CATALOGUE if not entry.about_a_message], ids=lambda e: e.code)
@pytest.mark.parametrize("before", [False, True])
def test_a_refusal_of_the_account_or_the_request_ends_the_send(entry: Any, before: bool) -> None:
    error = RefusedError(entry.english, status_code=400)
    result, client = run(messages(3), error, maybe_sent=before)
    assert words_of(result) == ["unknown" if before else "rejected"] * 3
    assert {(outcome.code, outcome.error) for outcome in result.outcomes} == {(entry.code, entry.english)}
    assert result.stop is error
    assert result.doubt is None
    assert sizes_of(client) == [3]


def test_a_refusal_after_a_lost_answer_leaves_it_open_what_was_sent() -> None:
    error = RefusedError("Out of SMS")
    error.maybe_sent = True  # as the retries leave it
    result, _ = run(messages(3), error)
    assert words_of(result) == ["unknown"] * 3
    assert result.stop is error


@pytest.mark.parametrize("before", [False, True])
def test_an_unknown_refusal_leaves_everything_open_and_is_not_repeated(before: bool) -> None:
    error = RefusedError(STRANGE, status_code=400)
    result, client = run(messages(4), error, maybe_sent=before)
    assert result.outcomes == [Outcome(Status.UNKNOWN, None, "unknown", STRANGE)] * 4
    assert result.stop is None
    assert result.doubt is error
    assert sizes_of(client) == [4]


ALIKE = [
    (STOP_LIST, messages(1), True),
    (STOP_LIST, messages(2), False),
    (STOP_LIST, [message(0), message(0)], True),
    (STOP_LIST, [message(0), message(0, client_id_sms="9")], False),
    (NO_SENDER, messages(5), True),
    (NO_SENDER, [message(0, text="a"), message(1, text="b")], True),
    (NO_SENDER, [message(0, sender="A"), message(1, sender="B")], False),
    (NO_SENDER, [message(0, channel="sms"), message(1, channel="viber")], False),
    (MODERATOR, messages(5), True),
    (MODERATOR, [message(0, text="a"), message(1, text="b")], False),
    (MODERATOR, [message(0, sender="A"), message(1, sender="B")], False),
    (MODERATOR, [message(0, channel="sms"), message(1, channel="viber")], False),
]


@pytest.mark.parametrize(("text", "batch", "alike"), ALIKE)
def test_a_refusal_is_everybodys_where_all_share_what_it_is_about(
    text: str, batch: Sequence[Message], alike: bool
) -> None:
    result, client = run(batch, RefusedError(text))
    assert words_of(result) == ["rejected"] * len(batch)
    assert {outcome.error for outcome in result.outcomes} == {text}
    assert (result.stop, result.doubt) == (None, None)
    assert (len(client.asked) == 1) is alike


def test_the_one_that_a_refusal_is_about_is_found_and_the_others_are_sent() -> None:
    batch = messages(8)

    def refuse_the_sixth(some: Sequence[Message]) -> list[Answer]:
        if batch[5] in some:
            raise RefusedError(STOP_LIST, status_code=400)
        return by_phone(some)

    result, client = run(batch, refuse_the_sixth)
    assert words_of(result) == ["accepted"] * 5 + ["rejected"] + ["accepted"] * 2
    assert [outcome.id_sms for outcome in result.outcomes if outcome.id_sms] == [
        sent.phone for sent in batch if sent is not batch[5]
    ]
    assert result.outcomes[5].code == "stop_list"
    assert sizes_of(client) == [8, 4, 4, 2, 1, 1, 2]
    assert (result.stop, result.doubt) == (None, None)


def test_the_messages_of_a_bad_sender_are_found_and_the_others_are_sent() -> None:
    batch = [message(number, sender="BAD" if number < 3 else "GOOD") for number in range(4)]

    def refuse_a_sender(some: Sequence[Message]) -> list[Answer]:
        if any(sent.sender == "BAD" for sent in some):
            raise RefusedError(NO_SENDER)
        return by_phone(some)

    result, client = run(batch, refuse_a_sender)
    assert words_of(result) == ["rejected", "rejected", "rejected", "accepted"]
    assert sizes_of(client) == [4, 2, 2, 1, 1]


# Halves


def test_a_batch_is_halved_until_positions_are_certain() -> None:
    batch = messages(8)

    def miscount_large_requests(some: Sequence[Message]) -> list[Answer]:
        if len(some) > 2:
            raise AmbiguousError("one too few")
        return by_phone(some)

    result, client = run(batch, miscount_large_requests)
    assert [outcome.id_sms for outcome in result.outcomes] == [sent.phone for sent in batch]
    assert sizes_of(client) == [8, 4, 2, 2, 4, 2, 2]
    assert [
        phone for phones, size in zip(client.asked, sizes_of(client), strict=True) if size == 2 for phone in phones
    ] == [sent.phone for sent in batch]
    assert (result.stop, result.doubt) == (None, None)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 13])
def test_a_gateway_that_never_counts_right_leaves_everything_unknown(count: int) -> None:
    error = AmbiguousError("one too many")
    result, client = run(messages(count), error)
    assert result.outcomes == [Outcome(Status.UNKNOWN, None, "miscount", "one too many")] * count
    assert result.stop is None
    assert result.doubt is error
    assert len(client.asked) == 2 * count - 1


def test_each_message_keeps_its_identity_through_all_halves() -> None:
    batch = messages(4)
    identities: list[list[str]] = []

    def refuse(some: Sequence[Message]) -> list[Answer]:
        identities.append([sent.client_id_sms for sent in some])
        raise AmbiguousError("x")

    run(batch, refuse)
    assert identities == [
        ["101", "102", "103", "104"],
        ["101", "102"],
        ["101"],
        ["102"],
        ["103", "104"],
        ["103"],
        ["104"],
    ]


def test_a_gateway_that_lost_the_count_only_once_hands_the_earlier_ids_back() -> None:
    gateway = Gateway()
    batch = messages(6)

    def process_and_miscount(some: Sequence[Message]) -> list[Answer]:
        gateway.answer(some)
        raise AmbiguousError("one too few")

    result, _ = run(batch, process_and_miscount, gateway.answer)
    assert [outcome.id_sms for outcome in result.outcomes] == [gateway.ledger[sent.client_id_sms] for sent in batch]
    assert len(gateway.ledger) == 6


@pytest.mark.parametrize(
    ("first", "second", "in_doubt"),
    [
        (AmbiguousError("a"), AmbiguousError("b"), True),
        (AmbiguousError("a"), [PASS], False),
        ([PASS], AmbiguousError("b"), False),
        ([PASS], [PASS], False),
    ],
)
def test_a_batch_is_in_doubt_only_where_both_halves_are(first: Step, second: Step, in_doubt: bool) -> None:
    result, _ = run(messages(2), AmbiguousError("x"), first, second)
    assert (result.doubt is not None) is in_doubt


# What may have been sent stays so through the halves


@pytest.mark.parametrize(
    ("whole_maybe_sent", "before", "half", "status"),
    [
        (True, False, UnavailableError("x", maybe_sent=False), "unknown"),
        (False, False, UnavailableError("x", maybe_sent=False), "unsent"),
        (False, True, UnavailableError("x", maybe_sent=False), "unknown"),
        (False, False, UnavailableError("x"), "unknown"),
        (True, False, StoppedError("x", maybe_sent=False), "unknown"),
        (False, False, StoppedError("x", maybe_sent=False), "unsent"),
        (True, False, RefusedError(BLOCKED), "unknown"),
        (False, False, RefusedError(BLOCKED), "rejected"),
        (False, True, RefusedError(BLOCKED), "unknown"),
        (True, False, [Answer(None, BLOCKED)], "unknown"),
        (False, False, [Answer(None, BLOCKED)], "rejected"),
        (True, False, [Answer(None, STOP_LIST)], "rejected"),
        (True, False, RefusedError(STOP_LIST), "rejected"),
        (True, False, AmbiguousError("x", maybe_sent=False), "unknown"),
        (False, False, AmbiguousError("x", maybe_sent=False), "unsent"),
        (False, True, AmbiguousError("x", maybe_sent=False), "unknown"),
        (False, False, AmbiguousError("x"), "unknown"),
    ],
)
def test_each_half_remembers_what_was_sent_before(
    whole_maybe_sent: bool, before: bool, half: Step, status: str
) -> None:
    whole = AmbiguousError("too large", maybe_sent=whole_maybe_sent)
    result, _ = run(messages(2), whole, half, [PASS], maybe_sent=before)
    assert words_of(result)[0] == status
    result, _ = run(messages(2), whole, [PASS], half, maybe_sent=before)
    assert words_of(result) == ["accepted", status]


@pytest.mark.parametrize("whole", [AmbiguousError("x"), AmbiguousError("x", maybe_sent=False), RefusedError(STOP_LIST)])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    "half", [UnavailableError("gone", maybe_sent=False), RefusedError(BLOCKED), StoppedError("gone", maybe_sent=False)]
)
def test_a_reason_to_stop_in_the_first_half_spares_the_second(whole: Any, before: bool, half: Any) -> None:
    result, client = run(messages(4), whole, half, maybe_sent=before)
    rest = "unknown" if before or whole.maybe_sent else "unsent"
    assert words_of(result)[2:] == [rest, rest]
    assert {(outcome.code, outcome.error) for outcome in result.outcomes[2:]} == {(half.code, str(half))}
    assert result.stop is half
    assert sizes_of(client) == [4, 2]
    assert (result.doubt is half) is not isinstance(half, RefusedError)


def test_a_reason_to_stop_in_the_second_half_is_a_reason_to_stop() -> None:
    gone = UnavailableError("gone")
    result, _ = run(messages(2), AmbiguousError("x"), [PASS], gone)
    assert words_of(result) == ["accepted", "unknown"]
    assert result.stop is gone
    assert result.doubt is None


def test_every_request_hears_of_a_stop() -> None:
    stop = Event()
    heard: list[Event] = []

    class Listening:
        def send(self, batch: Sequence[Message], *, stop: Event) -> list[Answer]:
            heard.append(stop)
            raise AmbiguousError("x")

    send_batch(Listening(), messages(3), stop=stop)
    assert heard == [stop] * 5
