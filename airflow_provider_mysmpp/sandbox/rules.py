"""Decide which message is refused and with which words, and which phones, senders and texts trigger what."""

from __future__ import annotations

from typing import Final

from airflow_provider_mysmpp.gateway.errors import CATALOGUE, UNKNOWN
from airflow_provider_mysmpp.sandbox.documents import Credentials, Message, Recipient, RefusalError

ACCOUNT: Final = "sandbox"
"""The one account: its login, its password and its token."""

LANGUAGES: Final = ("en", "ru")
CODES: Final = (*(entry.code for entry in CATALOGUE), UNKNOWN)

PHONE_ERRORS: Final = {
    "79000000101": "stop_list",
    "79000000102": "closed_for_you",
    "79000000103": "closed",
    "79000000104": "moderator",
    "79000000105": "no_phone",
    "79000000106": "phone_too_long",
    "79000000107": "no_text",
    "79000000108": "no_sender",
    "79000000109": "sender_too_long",
    "79000000110": "unknown_sender",
    "79000000111": "unmoderated_sender",
    "79000000112": "no_link",
    "79000000113": "bad_vcard",
    "79000000114": "already_sent",
    "79000000115": "out_of_sms",
    "79000000116": "gateway_out_of_sms",
    "79000000117": "account_blocked",
    "79000000118": UNKNOWN,
}
"""Phones that are refused, whatever is sent to them."""

SENDER_ERRORS: Final = {"unknown": "unknown_sender", "unmoderated": "unmoderated_sender"}
"""Senders that are refused, in any case of letters."""

TEXT_ERRORS: Final = {"#moderator": "moderator", "#no_link": "no_link", "#bad_vcard": "bad_vcard"}
"""Words that get a text refused, wherever they stand in it."""

_LONGEST_PHONE, _LONGEST_NUMERIC, _LONGEST_SENDER = 14, 15, 11
_NATURAL_STATUS: Final = {
    "bad_document": 400,
    "gateway_out_of_sms": 400,
    "out_of_sms": 400,
    "account_blocked": 400,
}
_WORDS: Final = {
    **{entry.code: {"en": entry.english, "ru": entry.russian[0]} for entry in CATALOGUE},
    UNKNOWN: {"en": "The operator is on holiday", "ru": "Оператор в отпуске"},
}


def words(code: str, language: str) -> str:
    """
    Return the gateway's text of an error.

    :param code: The catalogue's code, or ``unknown`` for a text that is in no catalogue.
    :param language: ``en`` or ``ru``.
    """
    return _WORDS[code][language]


def natural_status(code: str) -> int:
    """
    Return the HTTP status that comes with an error of a whole request.

    :param code: The catalogue's code.
    """
    return _NATURAL_STATUS.get(code, 200)


def check_credentials(credentials: Credentials) -> None:
    """
    Refuse a request that is not the account's: whatever it shows must be right.

    :param credentials: What the request shows.
    """
    pair = (credentials.login, credentials.password)
    right = credentials.token == ACCOUNT if credentials.token is not None else pair == (ACCOUNT, ACCOUNT)
    if not right or any(shown not in (None, ACCOUNT) for shown in pair):
        raise RefusalError("bad_credentials")


def refusal(message: Message, recipient: Recipient) -> str | None:
    """
    Return the code with which a recipient is refused, or None.

    :param message: The message.
    :param recipient: One of its recipients.
    """
    return _phone_error(recipient.phone) or _sender_error(message.sender) or _text_error(message.text)


def _phone_error(phone: str) -> str | None:
    if not phone:
        return "no_phone"
    if len(phone) > _LONGEST_PHONE:
        return "phone_too_long"
    return PHONE_ERRORS.get(phone)


def _sender_error(sender: str) -> str | None:
    if not sender.strip():
        return "no_sender"
    numeric = sender.isascii() and sender.isdecimal()
    if len(sender) > (_LONGEST_NUMERIC if numeric else _LONGEST_SENDER):
        return "sender_too_long"
    return SENDER_ERRORS.get(sender.casefold())


def _text_error(text: str) -> str | None:
    if not text.strip():
        return "no_text"
    if "#" not in text:
        return None
    return next((code for trigger, code in TEXT_ERRORS.items() if trigger in text), None)
