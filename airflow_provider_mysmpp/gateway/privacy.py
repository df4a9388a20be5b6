"""Make words of others fit to be read by people and log files: no phone numbers, no end of them."""

from __future__ import annotations

import re
from typing import Any, Final

_LONGEST_WORDS: Final = 300
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


def safe_words(value: Any) -> str | None:
    """
    Return words of the gateway as they may be shown: trimmed, not endless, numbers masked; None if there are none.

    :param value: What stands in an answer where words are expected.
    """
    if not isinstance(value, str) or not (words := " ".join(value.split())):
        return None
    # JSON can carry half of a surrogate pair, which no database or log file takes.
    return mask_numbers(words)[:_LONGEST_WORDS].encode(errors="replace").decode()
