"""Answer the three calls of the gateway: send, states, balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_mysmpp.sandbox import documents, rules
from airflow_provider_mysmpp.sandbox.core import Sandbox
from airflow_provider_mysmpp.sandbox.documents import (
    Asked,
    BalanceDocument,
    Message,
    Recipient,
    RefusalError,
    SendDocument,
    StateDocument,
)
from airflow_provider_mysmpp.sandbox.ledger import NewMessage
from airflow_provider_mysmpp.sandbox.parts import count_parts
from airflow_provider_mysmpp.sandbox.settings import show_money
from airflow_provider_mysmpp.sandbox.states import foretell


@dataclass(frozen=True, slots=True)
class Reply:
    """
    An answer before it goes on the wire, with the counts that the ledger keeps.

    :param document: The JSON document to answer with.
    :param status: The HTTP status.
    :param accepted: How many messages were taken for the first time.
    :param repeated: How many were known by their ``client_id_sms``.
    :param refused: How many entries say an error.
    :param error: The catalogue's code with which the whole request is refused, or None.
    """

    document: Any
    status: int = 200
    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """
    One call of the gateway.

    :param read: Reads its document out of a body.
    :param answer: Answers the document.
    """

    read: Callable[[bytes], Asked]
    answer: Callable[[Sandbox, Any], Reply]


def refused(sandbox: Sandbox, error: RefusalError) -> Reply:
    """
    Return the reply that refuses a whole request.

    :param sandbox: The sandbox.
    :param error: Why.
    """
    text = rules.words(error.code, sandbox.settings.language)
    return Reply({"error": text}, error.status, error=error.code)


class _Send:
    """The work of one send request; entries are kept in the order of its phones."""

    def __init__(self, sandbox: Sandbox, document: SendDocument) -> None:
        self.sandbox = sandbox
        self.now = sandbox.clock.now()
        self.money = sandbox.money
        self.pairs = [(*pair, rules.refusal(*pair)) for pair in document.pairs()]
        seen = (sandbox.settings.seen_id(who.client_id) for _, who, code in self.pairs if code is None)
        self.known = sandbox.ledger.known_ids([client_id for client_id in seen if client_id is not None])
        self.new: list[NewMessage] = []
        self.repeats: list[int] = []
        self.codes: list[str] = []

    def run(self) -> Reply:
        entries = [self._entry(*pair) for pair in self.pairs]
        if self.codes == ["out_of_sms"] * len(self.pairs) and self.money < self.sandbox.settings.price:
            raise RefusalError("out_of_sms", rules.natural_status("out_of_sms"))
        self.sandbox.ledger.add_messages(self.new)
        self.sandbox.ledger.count_repeats(self.repeats)
        return Reply(
            {"information": entries},
            accepted=len(self.new),
            repeated=len(self.repeats),
            refused=len(self.codes),
        )

    def _entry(self, message: Message, recipient: Recipient, code: str | None) -> dict[str, Any]:
        client_id = self.sandbox.settings.seen_id(recipient.client_id)
        if code is None and client_id in self.known:
            self.repeats.append(self.known[client_id])
            return {"state": "send", "id_sms": self.known[client_id]}
        parts, price = count_parts(message.text, message.channel), self.sandbox.settings.price
        if code is None and parts * price > self.money:
            code = "out_of_sms"
        if code is not None:
            self.codes.append(code)
            return {"error": rules.words(code, self.sandbox.settings.language)}
        self.money -= parts * price
        return {"state": "send", "id_sms": self._take(message, recipient, client_id, parts)}

    def _take(self, message: Message, recipient: Recipient, client_id: str | None, parts: int) -> int:
        settings, id_sms = self.sandbox.settings, self.sandbox.ledger.take_id()
        self.new.append(
            NewMessage(
                id_sms=id_sms,
                client_id=client_id,
                phone=recipient.phone,
                sender=message.sender,
                channel=message.channel,
                text=message.text,
                parts=parts,
                price=settings.price,
                validity=recipient.validity.strftime(documents.TIME_FORMAT) if recipient.validity else None,
                time=self.now,
                way=foretell(recipient, self.now, settings.delivery_seconds),
            )
        )
        if client_id is not None:
            self.known[client_id] = id_sms
        return id_sms


def send(sandbox: Sandbox, document: SendDocument) -> Reply:
    """
    Take the messages of a send request.

    :param sandbox: The sandbox.
    :param document: The document of the request.
    """
    return _Send(sandbox, document).run()


def states(sandbox: Sandbox, document: StateDocument) -> Reply:
    """
    Tell the states of messages; an id that was never given gets no entry.

    :param sandbox: The sandbox.
    :param document: The document of the request.
    """
    sandbox.move_states()
    entries = (_state(sandbox, id_sms, detail) for id_sms, detail in document.questions)
    return Reply([entry for entry in entries if entry is not None])


def _state(sandbox: Sandbox, id_sms: int, detail: bool) -> dict[str, Any] | None:
    message = sandbox.ledger.message(id_sms)
    if message is None:
        return None
    entry = {"id_sms": id_sms, "time_change_state": message["state_time"], "state": message["state"]}
    if detail:
        entry |= {"num_parts": str(message["parts"]), "price": message["price"]}
    return entry


def balance(sandbox: Sandbox, _: BalanceDocument) -> Reply:
    """
    Tell the money that is left and the parts that it pays for.

    :param sandbox: The sandbox.
    """
    price = sandbox.settings.price
    parts = str(sandbox.money // price) if price else "Unlim"
    return Reply(
        {
            "money": show_money(sandbox.money),
            "currency": "RUR",
            "information": [
                {"type_sms": channel, "area": "Russia", "num_sms": parts} for channel in documents.CHANNELS
            ],
        }
    )


CALLS: Final = {
    "/json": Call(documents.read_send, send),
    "/json/state.php": Call(documents.read_states, states),
    "/json/balance.php": Call(documents.read_balance, balance),
}
"""The gateway's calls by their paths."""
