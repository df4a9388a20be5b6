"""One batch: sent, sent again in halves where the answer leaves doubt, until every message has its outcome."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final, Protocol

from airflow_provider_mysmpp.gateway.documents import Answer, LateAnswer, Message
from airflow_provider_mysmpp.gateway.errors import (
    ALREADY_SENT,
    UNKNOWN,
    AmbiguousError,
    CatalogueEntry,
    GatewayError,
    MySmppError,
    RefusedError,
    Scope,
    classify,
)
from airflow_provider_mysmpp.sending.outcomes import Outcome, Status

_ACCEPTED: Final = Status.ACCEPTED  # looked up once, not for every message


class Client(Protocol):
    """What a batch needs of :class:`~airflow_provider_mysmpp.gateway.client.GatewayClient`."""

    def send(self, messages: Sequence[Message], *, stop: Event) -> list[Answer]:
        """
        Send messages in one request and return what the gateway said about each, in their order.

        :param messages: What to send.
        :param stop: Once set, nothing is repeated any more.
        :raises GatewayError: The request ended without an answer for its messages.
        """


@dataclass(slots=True)
class BatchResult:
    """
    What became of a batch.

    :param outcomes: One outcome a message, in the order of the batch.
    :param stop: Why nothing more should be sent, or None.
    :param doubt: Why not one message of the batch has a certain outcome, or None.
    """

    outcomes: list[Outcome]
    stop: MySmppError | None = None
    doubt: MySmppError | None = None


def send_batch(client: Client, messages: Sequence[Message], *, stop: Event, maybe_sent: bool = False) -> BatchResult:
    """
    Send a batch and return one outcome a message.

    :param client: Sends a request, repeating it by itself where that is safe.
    :param messages: The batch.
    :param stop: Once set, nothing is repeated any more.
    :param maybe_sent: True if an earlier request, or an earlier try of the task, may have sent some of them.
    """
    try:
        answers = client.send(messages, stop=stop)
    except AmbiguousError as error:
        return _send_halves(client, messages, error, stop=stop, maybe_sent=maybe_sent or error.maybe_sent)
    except RefusedError as error:
        return _settle_refusal(client, messages, error, stop=stop, maybe_sent=maybe_sent or error.maybe_sent)
    except GatewayError as error:
        status = Status.UNKNOWN if maybe_sent or error.maybe_sent else Status.UNSENT
        return BatchResult(_alike(messages, status, error), stop=error, doubt=error)
    outcomes = [outcome_of(answer, maybe_sent=maybe_sent) for answer in answers]
    return BatchResult(outcomes, stop=_account_refusal(answers), doubt=_doubt_of(outcomes))


def outcome_of(answer: Answer, *, maybe_sent: bool = False) -> Outcome:
    """
    Return the outcome of a message that the gateway's answer names.

    :param answer: What the gateway said. An id counts, whatever words stand beside it; without an id only words of the
        catalogue make it certain that nothing was sent.
    :param maybe_sent: True if an earlier request may have sent the message.
    """
    id_sms, words = answer
    if words is None:
        if id_sms is not None:
            return Outcome(_ACCEPTED, id_sms)
        return Outcome(Status.UNKNOWN, None, UNKNOWN, "the gateway gave neither an id_sms nor an error")
    entry = classify(words)
    code = entry.code if entry else UNKNOWN
    if id_sms is not None:
        return Outcome(_ACCEPTED, id_sms, code, words)
    if entry is None:
        return Outcome(Status.UNKNOWN, None, code, words)
    maybe_sent = maybe_sent or isinstance(answer, LateAnswer)
    return Outcome(_status_of_refusal(entry, maybe_sent=maybe_sent), None, code, words)


def _status_of_refusal(entry: CatalogueEntry, *, maybe_sent: bool) -> Status:
    """
    Return what words of the catalogue make of a message.

    Where an earlier request may have sent it, words about the account say nothing of that, and that it was sent before
    says the contrary of a refusal.
    """
    if maybe_sent and (not entry.about_a_message or entry.code == ALREADY_SENT):
        return Status.UNKNOWN
    return Status.REJECTED


def _doubt_of(outcomes: Iterable[Outcome]) -> GatewayError | None:
    """Return what is wrong with an answer that says of not one message what became of it."""
    if all(outcome.status is Status.UNKNOWN for outcome in outcomes):
        return AmbiguousError("The gateway's answers say of no message what became of it")
    return None


def _account_refusal(answers: Iterable[Answer]) -> RefusedError | None:
    """Return the refusal of the whole account that stands in the entry of one message, if any does."""
    for answer in answers:
        if answer.error is not None and answer.id_sms is None:
            entry = classify(answer.error)
            if entry is not None and entry.scope is Scope.ACCOUNT:
                return RefusedError(answer.error)
    return None


def _settle_refusal(
    client: Client, messages: Sequence[Message], error: RefusedError, *, stop: Event, maybe_sent: bool
) -> BatchResult:
    """Find out whom a refusal of the whole request is about."""
    if error.entry is None:
        return BatchResult(_alike(messages, Status.UNKNOWN, error), doubt=error)
    status = _status_of_refusal(error.entry, maybe_sent=maybe_sent)
    if not error.entry.about_a_message:
        return BatchResult(_alike(messages, status, error), stop=error)
    if len({_concern(error.entry.scope, message) for message in messages}) == 1:
        return BatchResult(_alike(messages, status, error))
    return _send_halves(client, messages, error, stop=stop, maybe_sent=maybe_sent)


def _concern(scope: Scope, message: Message) -> Hashable:
    """Return what messages must share for a refusal of one to be a refusal of all."""
    if scope is Scope.SENDER:
        return message.channel, message.sender
    if scope is Scope.TEXT:
        return message.channel, message.sender, message.text
    return message.client_id_sms


def _send_halves(
    client: Client, messages: Sequence[Message], error: GatewayError, *, stop: Event, maybe_sent: bool
) -> BatchResult:
    """Send one half, then the other, under the same identities: a message that was taken gets its old id again."""
    if len(messages) == 1:
        return BatchResult(_alike(messages, Status.UNKNOWN if maybe_sent else Status.UNSENT, error), doubt=error)
    middle = len(messages) // 2
    first = send_batch(client, messages[:middle], stop=stop, maybe_sent=maybe_sent)
    rest = messages[middle:]
    if first.stop is None:
        second = send_batch(client, rest, stop=stop, maybe_sent=maybe_sent)
    else:
        status = Status.UNKNOWN if maybe_sent else Status.UNSENT
        second = BatchResult(_alike(rest, status, first.stop), stop=first.stop, doubt=first.stop)
    return BatchResult(
        first.outcomes + second.outcomes, stop=second.stop, doubt=second.doubt if first.doubt is not None else None
    )


def _alike(messages: Sequence[Message], status: Status, error: MySmppError) -> list[Outcome]:
    outcome = Outcome(status, None, error.code, str(error))
    return [outcome] * len(messages)
