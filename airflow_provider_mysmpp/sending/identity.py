"""
The identity of a message, by which the gateway knows a repetition.

The gateway sends one ``client_id_sms`` once and answers every repetition with the number of the first message. So the
identity is computed from what makes a message *the same* to people, and from nothing that changes between two tries.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from numbers import Number
from typing import Any, Final
from uuid import UUID

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.texts import BYTES, is_absent

# 53 bits: a million messages collide with a chance of 6e-5, and any JSON reader keeps the number exact. The highest
# bit is always set, so that every identity has the same length.
_HIGHEST: Final = 1 << 52
_OTHERS: Final = _HIGHEST - 1

# Types whose values are written alike in every process: a set is not, nor is anything that names its place in memory.
_WRITTEN_ALIKE: Final = (str, Number, date, time, timedelta, UUID)
_LARGEST: Final = 10**40


class Identities:
    """
    Compute the ``client_id_sms`` of each message of one send.

    :param idempotency_key: What tells this send from every other one, the same on every try of it.
    :param template: The text before anything is filled in. What is filled in is no part of the identity: if it were, a
        sum that has moved since the last try would bring people a second text.
    """

    def __init__(self, idempotency_key: str, template: str) -> None:
        self._key = idempotency_key
        self._template = template
        # Few senders, many rows: the hash of what they share is made once and copied.
        self._shared = lru_cache(maxsize=256)(self._start)

    def of(self, channel: str, sender: str, phone: str, key: str | None, text: str | None = None) -> str:
        """
        Return the identity of a message as a decimal string.

        :param channel: ``sms`` or ``viber``.
        :param sender: The sender of the message.
        :param phone: The phone as digits.
        :param key: The row's own ``key``, which tells messages of a send to the same phone apart, or None.
        :param text: The words of the message, where they are to tell it apart for want of a key.
        """
        state = self._shared(channel, sender).copy()
        state.update(phone.encode())
        if key is not None:
            state.update(b"\0" + key.encode())
        elif text is not None:
            state.update(b"\1" + text.encode(errors="surrogatepass"))
        return str(_HIGHEST | int.from_bytes(state.digest()) & _OTHERS)

    def _start(self, channel: str, sender: str) -> blake2b:
        state = blake2b(digest_size=8)
        for field in (self._key, channel, sender, self._template):
            encoded = field.encode(errors="surrogatepass")
            # With its length before it, no field can pass a part of itself on to its neighbour.
            state.update(len(encoded).to_bytes(8) + encoded)
        return state


def canonical_key(value: Any, column: str = "key") -> str | None:
    """
    Return a cell that tells messages apart as text, the same however a database or data frame typed it (7, ``7``, 7.0).

    :param value: The cell.
    :param column: Its column, for the error.
    :raises InvalidMessageError: The next try may write it in another way, or it can't be written at all.
    """
    if value is None or is_absent(value):
        return None
    if isinstance(value, BYTES):  # drivers differ in what they make of a binary column
        return bytes(value).hex()
    if isinstance(value, float | Decimal) and -_LARGEST < value < _LARGEST and value == int(value):
        value = int(value)
    if not isinstance(value, _WRITTEN_ALIKE):
        raise InvalidMessageError(
            column, f"a {type(value).__name__} is no {column}, since it may change between two tries; give text"
        )
    try:
        text = str(value)
        text.encode()
    except ValueError:
        raise InvalidMessageError(
            column, f"the {column} can't be written as text; give a shorter or clean one"
        ) from None
    return text
