"""Hide phone numbers in whatever people or log files may read."""

from __future__ import annotations

import re

_LONG_NUMBER = re.compile(r"\d{9,}")
_SHOWN_HEAD, _SHOWN_TAIL = 4, 2


def mask_phone(phone: object) -> str:
    """
    Return a phone as it may be shown: ``79612242243`` becomes ``7961*****43``.

    :param phone: The phone as digits, or what was given in its place. A value too short to keep both ends
        is hidden whole.
    """
    text = str(phone)
    hidden = len(text) - _SHOWN_HEAD - _SHOWN_TAIL
    if hidden < 1:
        return "*" * len(text)
    return text[:_SHOWN_HEAD] + "*" * hidden + text[-_SHOWN_TAIL:]


def mask_numbers(text: str) -> str:
    """
    Return ``text`` with every run of nine or more digits masked.

    :param text: Words of the gateway or of a library, which may repeat a phone.
    """
    return _LONG_NUMBER.sub(lambda match: mask_phone(match[0]), text)
