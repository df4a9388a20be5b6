"""
The identity of a message: why nothing is ever sent twice.

The gateway sends one ``client_id_sms`` once and answers every repetition with the number of the first message. So the
identity is computed from what makes a message *the same* to people, and from nothing that changes between two tries.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from airflow_provider_mysmpp.sending.texts import is_absent

# 53 bits: a million messages collide with a chance of 6e-5, and any JSON reader keeps the number exact. The highest
# bit is always set, so that every identity has the same length.
_HALF: Final = 1 << 52


class Identities:
    """
    Compute the ``client_id_sms`` of each message of one send.

    :param idempotency_key: What tells this send from every other one, the same on every try of it.
    :param template: The text before anything is filled in. The composed text is no part of the identity: a balance that
        changed between two tries must not text a person twice.
    """

    def __init__(self, idempotency_key: str, template: str) -> None:
        self._key = idempotency_key
        self._template = template
        # Few senders, many rows: the hash of what they share is made once and copied.
        self._shared = lru_cache(maxsize=256)(self._start)

    def of(self, channel: str, sender: str, phone: str, key: str | None) -> str:
        """
        Return the identity of a message as a decimal string.

        :param channel: ``sms`` or ``viber``.
        :param sender: The sender of the message.
        :param phone: The phone as digits.
        :param key: The row's own ``key``, for several messages to one phone in one send, or None.
        """
        state = self._shared(channel, sender).copy()
        state.update(phone.encode() if key is None else b"%s\0%s" % (phone.encode(), key.encode()))
        return str(_HALF + int.from_bytes(state.digest()) % _HALF)

    def _start(self, channel: str, sender: str) -> blake2b:
        state = blake2b(digest_size=8)
        for field in (self._key, channel, sender, self._template):
            encoded = field.encode()
            # With its length before it, no field can pass a part of itself on to its neighbour.
            state.update(len(encoded).to_bytes(8) + encoded)
        return state


def canonical_key(value: Any) -> str | None:
    """
    Return a row's ``key`` as text, the same however a database or data frame typed it (7, ``7``, 7.0).

    :param value: The cell of the ``key`` column.
    """
    if value is None or is_absent(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
