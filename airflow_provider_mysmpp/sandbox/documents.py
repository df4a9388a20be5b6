"""Read the JSON documents of the gateway's calls as strictly as its document allows: strictness finds client bugs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NoReturn, Protocol

ACCOUNT_TIME: Final = timezone(timedelta(hours=3), "MSK")
"""The clock of a gateway account: Moscow, which has had no other offset since 2014."""

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
_TIME_LENGTH: Final = len("2001-12-31 15:34:54")
_CONTENT_TYPE: Final = ["text/json", "charset=utf-8"]
CHANNELS: Final = ("sms", "viber")


class RefusalError(Exception):
    """
    The whole request is refused.

    :param code: The catalogue's code of the error.
    :param status: The HTTP status of the answer.
    """

    def __init__(self, code: str, status: int = 200) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """
    What a request shows of who sent it; has no repr, so that no log can hold it.

    :param login: The login, or None where the request has none.
    :param password: The password, or None.
    :param token: The token, or None.
    """

    login: str | None
    password: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    One object of ``phones``.

    :param phone: The phone as it was given, a string of digits; empty where it is absent.
    :param client_id: Its ``client_id_sms`` without leading zeros, or None.
    :param validity: The end of its ``validity_period``, aware, or None.
    """

    phone: str
    client_id: str | None
    validity: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """
    One object of ``message``.

    :param channel: Its ``type_send_1``.
    :param sender: The sender; empty where it is absent.
    :param text: The text; empty where it is absent.
    :param recipients: Its ``phones``, at least one.
    """

    channel: str
    sender: str
    text: str
    recipients: tuple[Recipient, ...]


class Asked(Protocol):
    """What every document tells the ledger about itself."""

    @property
    def credentials(self) -> tuple[Credentials, ...]:
        """What it shows of who sent it, once for each place where it may."""

    @property
    def phones(self) -> int:
        """How many messages it holds or asks about."""

    @property
    def client_ids(self) -> list[str | None]:
        """The ``client_id_sms`` of each of its messages, None where there is none; empty for a question."""


@dataclass(frozen=True, slots=True)
class SendDocument:
    """
    The document of ``/json``.

    :param credentials: What it shows of who sent it, as the only item.
    :param messages: Its objects of ``message``.
    """

    credentials: tuple[Credentials, ...]
    messages: tuple[Message, ...]

    def pairs(self) -> Iterator[tuple[Message, Recipient]]:
        """Yield each recipient with its message, in the order of the answer."""
        return ((message, recipient) for message in self.messages for recipient in message.recipients)

    @property
    def phones(self) -> int:
        """How many recipients its messages have together."""
        return sum(len(message.recipients) for message in self.messages)

    @property
    def client_ids(self) -> list[str | None]:
        """The ``client_id_sms`` of each recipient, in the order of the answer; None where there is none."""
        return [recipient.client_id for _, recipient in self.pairs()]


@dataclass(frozen=True, slots=True)
class StateDocument:
    """
    The document of ``/json/state.php``.

    :param credentials: What each of its objects shows of who sent it.
    :param questions: Each ``id_sms``, and whether it is asked in detail.
    :param client_ids: Always empty: a question names none.
    """

    credentials: tuple[Credentials, ...]
    questions: tuple[tuple[int, bool], ...]
    client_ids: list[str | None] = field(default_factory=list)

    @property
    def phones(self) -> int:
        """How many messages it asks about."""
        return len(self.questions)


@dataclass(frozen=True, slots=True)
class BalanceDocument:
    """
    The document of ``/json/balance.php``.

    :param credentials: What it shows of who sent it, as the only item.
    :param phones: Always 0: it is about no message.
    :param client_ids: Always empty.
    """

    credentials: tuple[Credentials, ...]
    phones: int = 0
    client_ids: list[str | None] = field(default_factory=list)


def check_content_type(value: str | None) -> None:
    """
    Refuse any header but the one in the gateway's document; case, spaces and a final semicolon don't matter.

    :param value: The header's value, or None where it is absent.
    """
    parts = [part.strip().lower() for part in (value or "").split(";")]
    if [part for part in parts if part] != _CONTENT_TYPE:
        _refuse()


def read_send(body: bytes) -> SendDocument:
    """
    Read the document of ``/json``.

    :param body: The body of the request.
    """
    document = _object(_parse(body), {"login", "password", "token", "message"})
    messages = tuple(_message(item) for item in _filled_list(document.get("message")))
    return SendDocument((_credentials(document),), messages)


def read_states(body: bytes) -> StateDocument:
    """
    Read the document of ``/json/state.php``.

    :param body: The body of the request.
    """
    items = [_object(item, {"login", "password", "token", "id_sms", "detail"}) for item in _filled_list(_parse(body))]
    return StateDocument(
        tuple(_credentials(item) for item in items),
        tuple((_number(item.get("id_sms")), _detail(item.get("detail", 0))) for item in items),
    )


def read_balance(body: bytes) -> BalanceDocument:
    """
    Read the document of ``/json/balance.php``.

    :param body: The body of the request.
    """
    return BalanceDocument((_credentials(_object(_parse(body), {"login", "password", "token"})),))


def _refuse(*_: object) -> NoReturn:
    raise RefusalError("bad_document", 400)


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise RefusalError("no_data")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        _refuse()


def _message(item: Any) -> Message:
    given = _object(item, {"type_send_1", "sender", "text", "phones"})
    if given.get("type_send_1") not in CHANNELS:
        _refuse()
    return Message(
        given["type_send_1"],
        _string(given.get("sender", "")),
        _string(given.get("text", "")),
        tuple(_recipient(phone) for phone in _filled_list(given.get("phones"))),
    )


def _recipient(item: Any) -> Recipient:
    given = _object(item, {"phone", "client_id_sms", "validity_period"})
    phone, client_id = given.get("phone", ""), given.get("client_id_sms")
    return Recipient(
        "" if phone == "" else _digits(phone),
        # An Int in the document: 007 and 7 are one number.
        str(_number(client_id)) if "client_id_sms" in given else None,
        _moment(given["validity_period"]) if "validity_period" in given else None,
    )


def _credentials(given: dict[str, Any]) -> Credentials:
    return Credentials(*(_string(given[name]) if name in given else None for name in ("login", "password", "token")))


def _object(value: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() <= known:
        _refuse()
    return value


def _filled_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else _refuse()


def _string(value: Any) -> str:
    if not isinstance(value, str):
        _refuse()
    try:
        value.encode()  # half of a surrogate pair is JSON, but no text
    except UnicodeEncodeError:
        _refuse()
    return value


def _digits(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return value
    _refuse()


def _number(value: Any) -> int:
    try:
        return int(_digits(value))
    except ValueError:  # Python reads no number of thousands of digits
        _refuse()


def _detail(value: Any) -> bool:
    return bool(value) if value in (0, 1) and not isinstance(value, bool | float) else _refuse()


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) != _TIME_LENGTH:
        _refuse()
    try:
        return datetime.strptime(value, TIME_FORMAT).replace(tzinfo=ACCOUNT_TIME)
    except ValueError:
        _refuse()
