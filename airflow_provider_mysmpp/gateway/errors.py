"""
The error tree of the package and the catalogue of the gateway's error texts.

::

    MySmppError
    ├── ConfigurationError            the set-up is wrong; nothing was sent
    ├── LimitError                    the list is longer than the task allows; nothing was sent
    ├── DryRunError                   the list was only checked; nothing was sent
    ├── InvalidMessageError           one message can't be sent as it is; it was not
    ├── CollisionError                one id_sms came back for several messages
    └── GatewayError                  a request ended without its answer
        ├── UnavailableError          no usable answer, after all tries
        ├── RedirectError             the gateway pointed elsewhere; credentials follow no redirect
        ├── AmbiguousError            the answer can't be told apart by message; ask again for fewer
        ├── RefusedError              the gateway refused the whole request in words
        └── StoppedError              the send was stopped before the request

Every error says two things besides its words: ``retryable``, whether the same task may be tried again with hope,
and, for a :class:`GatewayError`, ``maybe_sent``, whether the messages of the request may be on their way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Scope(Enum):
    """Who is hit by an error text: the whole account, the request, or the messages that share a property."""

    ACCOUNT = "account"
    REQUEST = "request"
    SENDER = "sender"
    TEXT = "text"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """
    One error text that the gateway is known to send.

    :param code: The name of the error in results, stable across languages.
    :param scope: Who is hit by it.
    :param english: The text of the gateway's document.
    :param russian: The texts of the vendor's Russian pages and of public clients.
    :param retryable: True where the same message may pass later without a change.
    """

    code: str
    scope: Scope
    english: str
    russian: tuple[str, ...]
    retryable: bool = False

    @property
    def about_a_message(self) -> bool:
        """True where other messages of the same request may be taken."""
        return self.scope not in (Scope.ACCOUNT, Scope.REQUEST)


UNKNOWN: Final = "unknown"
"""The code of an error text that is not in the catalogue."""

ALREADY_SENT: Final = "already_sent"
"""The code of the words that an earlier message has the same identity."""

CATALOGUE: Final[tuple[CatalogueEntry, ...]] = (
    CatalogueEntry(
        "bad_document",
        Scope.REQUEST,
        "Incorrect JSON document format",
        ("Неправильный формат JSON документа",),
    ),
    CatalogueEntry(
        "bad_credentials",
        Scope.ACCOUNT,
        "Incorrect login or password",
        ("Неправильный логин или пароль", "Неверный логин или пароль"),
    ),
    CatalogueEntry("account_locked", Scope.ACCOUNT, "Your account is locked", ("Ваш аккаунт заблокирован",)),
    CatalogueEntry("no_data", Scope.REQUEST, "POST data is missing", ("POST данные отсутствуют",)),
    CatalogueEntry(
        "gateway_out_of_sms",
        Scope.ACCOUNT,
        "We have run out of SMS. Contact your manager to resolve the problem",
        ("У нас закончились SMS. Для разрешения проблемы свяжитесь с менеджером",),
        retryable=True,
    ),
    CatalogueEntry("out_of_sms", Scope.ACCOUNT, "Out of SMS", ("Закончились SMS",), retryable=True),
    CatalogueEntry("account_blocked", Scope.ACCOUNT, "Account blocked", ("Аккаунт заблокирован",)),
    CatalogueEntry("no_phone", Scope.RECIPIENT, "Specify phone number", ("Укажите номер телефона",)),
    CatalogueEntry(
        "stop_list",
        Scope.RECIPIENT,
        "Phone number is on the stop list",
        ("Номер телефона присутствует в стоп-листе",),
    ),
    CatalogueEntry(
        "closed_for_you",
        Scope.RECIPIENT,
        "This destination is closed for you",
        ("Данное направление закрыто для вас",),
    ),
    CatalogueEntry("closed", Scope.RECIPIENT, "This destination is closed", ("Данное направление закрыто",)),
    CatalogueEntry("moderator", Scope.TEXT, "SMS text rejected by moderator", ("Текст SMS отклонен модератором",)),
    CatalogueEntry("no_sender", Scope.SENDER, "No sender", ("Нет отправителя",)),
    CatalogueEntry(
        "sender_too_long",
        Scope.SENDER,
        "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers",
        ("Отправитель не должен превышать 15 символов для цифровых номеров и 11 символов для буквенно-числовых",),
    ),
    CatalogueEntry(
        "phone_too_long",
        Scope.RECIPIENT,
        "Phone number must be less than 15 characters",
        ("Номер телефона должен быть меньше 15 символов",),
    ),
    CatalogueEntry("no_text", Scope.TEXT, "No message text", ("Нет текста сообщения",)),
    CatalogueEntry("no_link", Scope.TEXT, "No link", ("Нет ссылки",)),
    CatalogueEntry(
        "bad_vcard",
        Scope.TEXT,
        "Provide the name of the contact and at least one parameter for a business card",
        ("Укажите название контакта и хотя бы один параметр для визитной карточки",),
    ),
    CatalogueEntry("unknown_sender", Scope.SENDER, "There is no such sender", ("Такого отправителя нет",)),
    CatalogueEntry(
        "unmoderated_sender",
        Scope.SENDER,
        "The sender has not been moderated",
        ("Отправитель не прошел модерацию",),
    ),
    CatalogueEntry(
        # Only sister gateways are known to say it; this one hands back the earlier id_sms.
        ALREADY_SENT,
        Scope.RECIPIENT,
        "This message has already been sent",
        ("Данное сообщение уже было отправлено",),
    ),
)
"""Every known error text: English from the gateway's document, Russian from its sister pages."""


def _folded(text: str) -> str:
    return " ".join(text.split()).rstrip(". ").casefold().replace("ё", "е")


_BY_TEXT: Final = {_folded(text): entry for entry in CATALOGUE for text in (entry.english, *entry.russian)} | {
    # The document prints two texts in one line; whether the gateway does is not known.
    _folded(f"{first} {second}"): CATALOGUE[1]
    for first, second in (
        ("Your account is locked", "Incorrect login or password"),
        ("Ваш аккаунт заблокирован", "Неправильный логин или пароль"),
    )
}


def classify(text: str) -> CatalogueEntry | None:
    """
    Return what the catalogue knows of an error text, or None.

    Case, white space around and within, a final period and the letter ё do not matter.

    :param text: The words of the gateway.
    """
    return _BY_TEXT.get(_folded(text))


class MySmppError(Exception):
    """
    Base of every error that this package raises by itself.

    :cvar code: The name of the error in results.
    :cvar retryable: Whether the same task may be tried again with hope.
    """

    code: str = "error"
    retryable: bool = False


class ConfigurationError(MySmppError):
    """The connection or a parameter is wrong. Nothing was sent."""

    code = "configuration"


class LimitError(MySmppError):
    """The list is longer, or takes more parts, than the task allows. Nothing was sent."""

    code = "limit"


class DryRunError(MySmppError):
    """The list was only checked. Nothing was sent."""

    code = "dry_run"


class InvalidMessageError(MySmppError, ValueError):
    """
    One message can't be sent as it is. It was not sent.

    :param code: The name of the defect in results (``phone``, ``text``, ``sender`` …).
    :param reason: What is wrong and what to do about it; holds no phone number.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class CollisionError(MySmppError):
    """
    The gateway answered several messages with one ``id_sms``: it took one for another.

    :param id_sms: The id that came back more than once.
    """

    code = "collision"

    def __init__(self, id_sms: str) -> None:
        super().__init__(
            f"The gateway gave the one id_sms {id_sms} to messages with different client_id_sms: it took one"
            " message for another, so no answer of it can be trusted. Ask your manager at the gateway how wide"
            " client_id_sms may be before sending again."
        )
        self.id_sms = id_sms


class GatewayError(MySmppError):
    """
    A request ended without an answer for its messages.

    :param message: What happened, without secrets and phones.
    :param status_code: The HTTP status, or None when no answer came.
    :param maybe_sent: False only when it is certain that the gateway took none of the messages.
    """

    retryable = True

    def __init__(self, message: str, *, status_code: int | None = None, maybe_sent: bool = True) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.maybe_sent = maybe_sent


class UnavailableError(GatewayError):
    """
    The gateway gave no usable answer: no connection, a timeout, 5xx, 429, or a body that can't be read.

    :param message: What happened, without secrets and phones.
    :param status_code: The HTTP status, or None when no answer came.
    :param maybe_sent: False only when it is certain that the gateway took none of the messages.
    :param retry_after: Seconds that the gateway asked to wait, or None.
    :param repeatable: False where the same request will only get the same answer (a wrong path, say).
    """

    code = "no_answer"

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        maybe_sent: bool = True,
        retry_after: float | None = None,
        repeatable: bool = True,
    ) -> None:
        super().__init__(message, status_code=status_code, maybe_sent=maybe_sent)
        self.retry_after = retry_after
        self.repeatable = repeatable


class RedirectError(GatewayError):
    """The gateway answered with a redirect, which a request with credentials never follows."""

    code = "redirect"


class AmbiguousError(GatewayError):
    """The answer can't be told apart by message, or the request was too large: ask again for fewer at once."""

    code = "miscount"


class RefusedError(GatewayError):
    """
    The gateway refused a whole request in words.

    :param text: The words of the gateway.
    :param status_code: The HTTP status.
    """

    def __init__(self, text: str, *, status_code: int | None = None) -> None:
        entry = classify(text)
        super().__init__(text, status_code=status_code, maybe_sent=entry is None)
        self.entry = entry
        self.code = entry.code if entry else UNKNOWN
        self.retryable = entry.retryable if entry else True


class StoppedError(GatewayError):
    """The send was stopped before this request was made."""

    code = "stopped"
