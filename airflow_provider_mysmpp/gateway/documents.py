"""The JSON documents of the gateway and the types they become."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, get_args

from msgspec import Struct
from msgspec.json import Encoder

from airflow_provider_mysmpp.gateway.errors import AmbiguousError, RefusedError, UnavailableError, classify
from airflow_provider_mysmpp.gateway.privacy import safe_words

Channel = Literal["sms", "viber"]
CHANNELS: Final[tuple[str, ...]] = get_args(Channel)
"""What ``type_send_1`` may be. The document's title names more kinds, its parameters only these."""

CONTENT_TYPE: Final = "text/json; charset=utf-8;"
"""The header that the gateway's document prescribes, final semicolon included."""

_NUMBER = re.compile(r"0*[1-9]\d*", re.ASCII)


class Message(NamedTuple):
    """
    One message to one recipient, ready for the gateway.

    :param phone: Digits, country code first, no ``+``.
    :param text: What the recipient reads.
    :param sender: What the recipient's phone shows as the sender.
    :param channel: ``sms`` or ``viber``.
    :param client_id_sms: The identity of the message, decimal digits: the gateway sends one identity once.
    :param validity_period: ``YYYY-MM-DD HH:MM:SS`` in the account's time zone, or None for the longest.
    :param row: The number of the input row, counted from 1; 0 where there are no rows.
    """

    phone: str
    text: str
    sender: str
    channel: str
    client_id_sms: str
    validity_period: str | None = None
    row: int = 0


class Answer(NamedTuple):
    """
    What the gateway said about one message.

    :param id_sms: The gateway's number of the message, a string of digits, or None.
    :param error: The gateway's words, or None.
    """

    id_sms: str | None
    error: str | None


class LateAnswer(Answer):
    """An answer to a repeated request, where an earlier one, whose answer is not known, may have sent the message."""

    __slots__ = ()


class _Phone(Struct, omit_defaults=True):
    phone: str
    client_id_sms: str
    validity_period: str | None = None


class _Group(Struct):
    """Messages of one channel, sender and text; the fields stand in the order of the gateway's document."""

    type_send_1: str
    sender: str
    text: str
    phones: list[_Phone]


# A tenth of the time of the standard library's, for a body that is a third of all the work on a request.
_encode: Final = Encoder().encode


def send_document(credentials: Mapping[str, str], messages: Sequence[Message]) -> tuple[bytes, list[int]]:
    """
    Return the body of a send request and the order in which its phones stand.

    Messages with the same channel, sender and text become one message with several phones.

    :param credentials: ``login`` and ``password``, or ``token``.
    :param messages: What to send.
    :return: The UTF-8 body, and for each phone of the body the position of its message in ``messages``.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for position, message in enumerate(messages):
        groups.setdefault((message.channel, message.sender, message.text), []).append(position)
    document = {
        **credentials,
        "message": [
            _Group(*shared, phones=[_phone(messages[position]) for position in positions])
            for shared, positions in groups.items()
        ],
    }
    return _encode(document), [position for positions in groups.values() for position in positions]


def _phone(message: Message) -> _Phone:
    return _Phone(message.phone, message.client_id_sms, message.validity_period)


def read_send_answer(content: bytes, *, status_code: int, order: Sequence[int]) -> list[Answer]:
    """
    Return what the gateway said about each message of a request.

    :param content: The body of the answer, whatever its HTTP status.
    :param status_code: The HTTP status, for the errors.
    :param order: The order that :func:`send_document` returned with the request.
    :raises RefusedError: The gateway refused the request as a whole.
    :raises AmbiguousError: The answer has another number of entries than the request had phones.
    :raises UnavailableError: The body is no answer that the gateway's document knows.
    """
    information, refusal = _read_object(content, status_code)
    if information is None:
        raise RefusedError(refusal or "", status_code=status_code)
    answers = [_read_entry(entry) for entry in information]
    _raise_if_account_refused(answers, status_code)
    if len(answers) != len(order):
        raise AmbiguousError(
            f"The gateway answered with {len(answers)} entries for {len(order)} messages",
            status_code=status_code,
        )
    if len(answers) == 1:
        return answers
    placed = [answers[0]] * len(order)
    for position, answer in zip(order, answers, strict=True):
        placed[position] = answer
    return placed


def parse_json(content: bytes, status_code: int, **options: Any) -> Any:
    """
    Return what a body says.

    :param content: The body of an answer.
    :param status_code: The HTTP status, for the error.
    :param options: For ``json.loads``.
    :raises UnavailableError: It is no JSON.
    """
    with suppress(ValueError, RecursionError):
        return json.loads(content, **options)
    # Raised here, so that it does not carry the parser's error, which holds the whole body.
    raise UnavailableError(
        f"The gateway's answer is not JSON (HTTP {status_code}, {len(content)} bytes)", status_code=status_code
    )


def _read_object(content: bytes, status_code: int) -> tuple[list[Any] | None, str | None]:
    """Return the list ``information``, or None and the words of a refusal."""
    document = parse_json(content, status_code)
    if isinstance(document, dict):
        information, words = document.get("information"), safe_words(document.get("error"))
        if isinstance(information, list) and (information or words is None):
            return information, words
        if words is not None:
            return None, words
    raise UnavailableError(
        f"The gateway's answer has neither 'information' nor 'error' (HTTP {status_code})",
        status_code=status_code,
    )


def _read_entry(entry: Any) -> Answer:
    if not isinstance(entry, dict):
        return Answer(None, None)
    return Answer(_number(entry.get("id_sms")), safe_words(entry.get("error")))


def _number(value: Any) -> str | None:
    """Return an ``id_sms`` as the state call writes it: digits without zeros before them; 0 is no message's."""
    if type(value) is int:  # not a bool
        return str(value) if value > 0 else None
    if isinstance(value, str) and _NUMBER.fullmatch(value := value.strip()):
        return value.lstrip("0")
    return None


def _raise_if_account_refused(answers: Sequence[Answer], status_code: int) -> None:
    """Read one error about the account or the request, alone or in every entry, as an answer to the whole request."""
    words = answers[0].error if answers and answers[0].id_sms is None else None
    entry = None if words is None else classify(words)
    if words is not None and entry is not None and not entry.about_a_message and len(set(answers)) == 1:
        raise RefusedError(words, status_code=status_code)
