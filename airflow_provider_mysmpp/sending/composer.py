"""From a row to its message: phone read, text composed, identity computed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from numbers import Number
from typing import Any, Final

from airflow_provider_mysmpp.gateway.documents import CHANNELS, Message
from airflow_provider_mysmpp.gateway.errors import ConfigurationError, InvalidMessageError
from airflow_provider_mysmpp.sending.identity import Identities, canonical_key
from airflow_provider_mysmpp.sending.phones import normalise_phone
from airflow_provider_mysmpp.sending.texts import TextTemplate, as_text, check_text, is_absent
from airflow_provider_mysmpp.sending.validity import ValidityClock

_LONGEST_SENDER: Final = 11
_LONGEST_NUMERIC_SENDER: Final = 15
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Composer:
    """
    Compose the message of each row of one send.

    :param identities: Computes the identity of a message.
    :param clock: Writes the moment after which a message is not delivered any more.
    :param text: The text for rows that have none of their own, or None.
    :param sender: The sender for rows that have none of their own, or None.
    :param channel: ``sms`` or ``viber`` for all rows, or None where each row may say its own.
    :param validity_period: For rows that have none of their own, or None.
    :param words_identify: Whether the words of a message without a key tell it apart from others to the same phone: so
        where each message is a call of its own, and no template says what is the same.
    :raises ConfigurationError: The channel, the sender or the validity period can't be sent.
    """

    def __init__(
        self,
        *,
        identities: Identities,
        clock: ValidityClock,
        text: str | None,
        sender: str | None,
        channel: str | None,
        validity_period: Any = None,
        words_identify: bool = False,
    ) -> None:
        self._identities = identities
        self._words_identify = words_identify
        self._clock = clock
        self._template = TextTemplate(str(text)) if text else None
        self._check_sender = lru_cache(maxsize=256)(check_sender)
        try:
            self._channel = None if channel is None else _check_channel(channel)
            self._sender = check_sender(str(sender)) if sender else None
            self._validity = None if validity_period is None else clock.write(validity_period)
        except InvalidMessageError as error:
            raise ConfigurationError(f"{error.code}: {error}") from None

    def compose(self, row: int, values: Mapping[str, Any], key: str | None) -> Message:
        """
        Return the message of a row.

        :param row: The number of the row, counted from 1.
        :param values: Its columns.
        :param key: Its own key in canonical form, or None.
        :raises InvalidMessageError: The row can't be sent as it is.
        """
        phone = normalise_phone(values.get("phone"))
        channel = self._channel or self._channel_of(values)
        sender = self._sender_of(values)
        text = self._text_of(values)
        own_identity = values.get("client_id_sms")
        if own_identity is None or is_absent(own_identity):
            words = text if self._words_identify else None
            identity = self._identities.of(channel, sender, phone, key, words)
        else:
            identity = _check_identity(own_identity)
        return Message(phone, text, sender, channel, identity, self._validity_of(values), row)

    def _channel_of(self, values: Mapping[str, Any]) -> str:
        own = values.get("channel")
        return CHANNELS[0] if is_absent(own) else _check_channel(own)

    def _text_of(self, values: Mapping[str, Any]) -> str:
        own = values.get("text")
        if type(own) is str:  # nearly always, and it is the long way round that costs
            return check_text(own)
        if own is not None and not is_absent(own):
            return check_text(as_text(own, "text"))
        if self._template is None:
            raise InvalidMessageError("text", "neither the row nor the task has a text; give one of them one")
        return check_text(self._template.compose(values))

    def _sender_of(self, values: Mapping[str, Any]) -> str:
        own = values.get("sender")
        if own is not None and not is_absent(own):
            return self._check_sender(as_text(own, "sender"))
        if self._sender is None:
            raise InvalidMessageError(
                "sender", "there is no sender; set it in the row, in the task or in the connection's extra"
            )
        return self._sender

    def _validity_of(self, values: Mapping[str, Any]) -> str | None:
        own = values.get("validity_period")
        return self._validity if own is None or is_absent(own) else self._clock.write(own)


def as_values(row: Any) -> Mapping[str, Any]:
    """
    Return the columns of a row.

    :param row: A mapping, a message that is ready, or a phone alone.
    """
    if type(row) is dict or isinstance(row, Mapping):  # to ask an abstract class takes ten times as long
        return row
    if isinstance(row, Message):
        return row._asdict()
    return {"phone": row}


def check_sender(sender: str) -> str:
    """
    Return ``sender`` if the gateway can take it: up to 11 characters, or 15 if all are digits.

    :param sender: What the recipient sees as the sender.
    :raises InvalidMessageError: It is empty, too long, begins or ends with a space, or no request can carry it.
    """
    if not sender or sender != sender.strip():
        raise InvalidMessageError("sender", "the sender is empty or has a space at an end; take the space away")
    if _SURROGATE.search(sender):
        raise InvalidMessageError("sender", "the sender holds half of a surrogate pair; decode its source as UTF-8")
    longest = _LONGEST_NUMERIC_SENDER if sender.isascii() and sender.isdecimal() else _LONGEST_SENDER
    if len(sender) > longest:
        raise InvalidMessageError(
            "sender",
            f"the sender has {len(sender)} characters; the gateway takes {_LONGEST_SENDER},"
            f" or {_LONGEST_NUMERIC_SENDER} if all are digits",
        )
    return sender


def _check_channel(channel: Any) -> str:
    if channel not in CHANNELS:
        raise InvalidMessageError("channel", f"the channel is none that the gateway knows: {', '.join(CHANNELS)}")
    return str(channel)


def _check_identity(value: Any) -> str:
    text = canonical_key(value, "client_id_sms") if isinstance(value, str | Number) else None
    if text is None or not (text.isascii() and text.isdecimal()):
        raise InvalidMessageError("client_id_sms", "client_id_sms is not a number; give decimal digits or leave it out")
    return text
