"""The state call: what became of messages, asked in batches and matched by ``id_sms``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, NamedTuple

from airflow_provider_mysmpp.gateway.documents import parse_json
from airflow_provider_mysmpp.gateway.errors import AmbiguousError, GatewayError, RefusedError, Scope, UnavailableError
from airflow_provider_mysmpp.gateway.privacy import safe_words

DELIVERED: Final = frozenset({"deliver", "read"})
"""The states of a message that arrived."""

FINAL: Final = DELIVERED | {"not_deliver", "expired", "partly_deliver"}
"""The states that the gateway documents as the last ones; ``deliver`` may still become ``read``."""

STATES_A_REQUEST: Final = 200
"""Messages that one request asks about by default. The gateway's limit is not documented."""

_KNOWN: Final = {state: state for state in (*sorted(FINAL), "send")}
_BAD_REQUEST: Final = 400
_LONGEST_TEXT: Final = 300
_MOST_NONSENSE: Final = 3
_ID = re.compile(r"0*([1-9][0-9]{0,39})", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
_PARTS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MONEY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)


class MessageState(NamedTuple):
    """
    What the gateway knows of one message.

    :param id_sms: The gateway's number of the message, digits.
    :param state: The gateway's word for it, also one that no document names; None where the gateway told nothing.
    :param changed_at: When it came into that state, aware; None where there is no report yet.
    :param parts: The parts that it took, or None where that was not asked or not told.
    :param price: The price of one part in the account's currency, or None as with ``parts``.
    """

    id_sms: str
    state: str | None = None
    changed_at: datetime | None = None
    parts: int | None = None
    price: Decimal | None = None

    @property
    def cost(self) -> Decimal | None:
        """What the message cost, all parts together, or None where that is not known."""
        return None if self.parts is None or self.price is None else self.parts * self.price


Ask = Callable[[Sequence[str]], dict[str, MessageState]]
"""One request: ids in, states by id out."""


def read_id(value: Any) -> str | None:
    """
    Return an ``id_sms`` as digits without leading zeros, or None if it is none.

    :param value: A number, or digits.
    """
    if type(value) is int:  # not a bool
        value = str(value) if 0 < value < 10**40 else ""
    match = _ID.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else None


def state_document(credentials: dict[str, str], ids: Iterable[str], *, detail: bool) -> bytes:
    """
    Return the body of a state request.

    :param credentials: ``login`` and ``password``, or ``token``; the call wants them with every id.
    :param ids: The messages.
    :param detail: Whether parts and price are asked for.
    """
    questions = [{**credentials, "id_sms": int(id_sms), "detail": int(detail)} for id_sms in ids]
    return json.dumps(questions, ensure_ascii=False, separators=(",", ":")).encode()


def read_state_answer(content: bytes, *, status_code: int, zone: tzinfo) -> dict[str, MessageState]:
    """
    Return the states of an answer by their ids. Entries without an id or without a state are left out.

    :param content: The body of the answer, whatever its HTTP status.
    :param status_code: The HTTP status, for the errors.
    :param zone: The account's time zone.
    :raises RefusedError: The gateway refused the request as a whole.
    :raises UnavailableError: The body is no answer that the gateway's document knows.
    """
    states = (_read_entry(entry, zone) for entry in read_list(content, status_code))
    return {state.id_sms: state for state in states if state is not None}


def read_list(content: bytes, status_code: int) -> list[Any]:
    """
    Return the entries of an answer that is a list.

    :param content: The body of the answer.
    :param status_code: The HTTP status, for the errors.
    :raises RefusedError: It is a refusal in words.
    :raises UnavailableError: It is neither.
    """
    document = read_json(content, status_code)
    if isinstance(document, dict) and "id_sms" in document:
        return [document]
    if isinstance(document, dict) and isinstance(document.get("information"), list):
        document = document["information"]
    if not isinstance(document, list) or (status_code >= _BAD_REQUEST and not document):
        raise UnavailableError(
            f"The gateway's answer is no list of states (HTTP {status_code})", status_code=status_code
        )
    return document


def read_json(content: bytes, status_code: int) -> Any:
    """
    Return the document of an answer, unless it is a refusal.

    :param content: The body of the answer.
    :param status_code: The HTTP status, for the errors.
    :raises RefusedError: It is a refusal in words.
    :raises UnavailableError: It is no JSON.
    """
    document = parse_json(content, status_code, parse_float=str)  # as it is written: a price is no binary fraction
    if isinstance(document, dict) and "id_sms" not in document and (words := safe_words(document.get("error"))):
        raise RefusedError(words, status_code=status_code)
    return document


def read_money(value: Any) -> Decimal | None:
    """
    Return an amount, or None if it is none.

    :param value: A number, or one written with a point or a comma, and with spaces between thousands.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = "".join(str(value)[:_LONGEST_TEXT].split()).replace(",", ".")
    return Decimal(text) if _MONEY.fullmatch(text) else None


def _read_entry(entry: Any, zone: tzinfo) -> MessageState | None:
    if not isinstance(entry, dict) or (id_sms := read_id(entry.get("id_sms"))) is None:
        return None
    state = safe_words(entry.get("state"))
    if state is None:
        return None
    return MessageState(
        id_sms,
        _KNOWN.get(state.casefold(), state),
        _read_moment(entry.get("time_change_state"), zone),
        _read_parts(entry.get("num_parts")),
        read_money(entry.get("price")),
    )


def _read_moment(value: Any, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value := value.strip()):
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=zone)
    except ValueError:
        return None


def _read_parts(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)[:_LONGEST_TEXT].strip()
    return int(text) if _PARTS.fullmatch(text) else None


def collect_states(
    ask: Ask, ids: Iterable[Any], *, batch_size: int = STATES_A_REQUEST, silent: Collection[str] = ()
) -> list[MessageState]:
    """
    Return one state for each id, in the order of the ids; its ``state`` is None where the gateway tells nothing.

    Whether a request may ask about several messages is not certain, so whatever is missing from the answer of a batch
    is asked again, one by one.

    :param ask: Makes one request.
    :param ids: The messages, each once or more often.
    :param batch_size: Messages that one request asks about, at most.
    :param silent: Ids that were not told when they were asked alone before: they are not asked alone again.
    :raises ValueError: One of the ids is no ``id_sms``, or the batch size is none.
    :raises GatewayError: A request ended without an answer.
    """
    wanted = [_checked(id_sms) for id_sms in ids]
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    different = list(dict.fromkeys(wanted))
    found: dict[str, MessageState] = {}
    for start in range(0, len(different), batch_size):
        _collect_batch(ask, different[start : start + batch_size], found, silent)
    return [found.get(id_sms) or MessageState(id_sms) for id_sms in wanted]


def _checked(value: Any) -> str:
    id_sms = read_id(value)
    if id_sms is None:
        raise ValueError("An id_sms is digits that make a number above 0; one of those given is not")
    return id_sms


def _collect_batch(ask: Ask, batch: Sequence[str], found: dict[str, MessageState], silent: Collection[str]) -> None:
    failure: GatewayError | None = None
    try:
        found |= ask(batch)
    except GatewayError as error:
        if not _is_about_the_question(error):
            raise
        failure = error
    if missing := [id_sms for id_sms in batch if id_sms not in found and id_sms not in silent]:
        _collect_alone(ask, missing if len(batch) > 1 else [], found)
    if failure is not None and found.keys().isdisjoint(batch):
        raise failure


def _collect_alone(ask: Ask, missing: Iterable[str], found: dict[str, MessageState]) -> None:
    """Ask one by one. An id that the gateway takes badly is left out; a gateway that talks nonsense is left alone."""
    nonsense = 0
    for id_sms in missing:
        try:
            found |= ask([id_sms])
        except GatewayError as error:
            if not _is_about_the_question(error):
                raise
            nonsense += not isinstance(error, RefusedError)  # one that may have cost a whole row of tries
        if nonsense == _MOST_NONSENSE:
            return


def _is_about_the_question(error: GatewayError) -> bool:
    """Tell whether another question may be answered although this one was not."""
    if isinstance(error, RefusedError):
        return error.entry is None or error.entry.scope is not Scope.ACCOUNT
    if isinstance(error, UnavailableError):
        return error.status_code is not None and error.status_code < _BAD_REQUEST
    return isinstance(error, AmbiguousError)
