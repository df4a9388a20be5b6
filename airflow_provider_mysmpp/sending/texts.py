"""Compose the text of a message and count the parts it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError

_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)(?::([^{}]*))?\}")

# GSM 03.38: the default alphabet, and the characters that take an escape and so two septets.
_GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = "^{}[]~|\\€\f"
_GSM_TEXT = re.compile(f"[{re.escape(_GSM_BASIC + _GSM_ESCAPED)}]*")
_GSM_DOUBLE = re.compile(f"[{re.escape(_GSM_ESCAPED)}]")
_UCS2_DOUBLE = re.compile("[\U00010000-\U0010ffff]")

BYTES: Final = (bytes, bytearray, memoryview)
"""What drivers make of binary columns: which letters they are, nobody knows."""

_NOTHINGS = frozenset({"NAType", "NaTType"})  # by name: pandas is none of our dependencies

_GSM_ONE, _GSM_EACH = 160, 153
_UCS2_ONE, _UCS2_EACH = 70, 67


class TextTemplate:
    """
    A text with ``{column}`` placeholders, read once and filled in for each recipient.

    A placeholder is a plain name in any alphabet with an optional format spec (``{sum:.2f}``). Attributes and indexes
    are not reached, and every brace that is no placeholder stays as it is.

    :param template: The text as the operator got it.
    """

    def __init__(self, template: str) -> None:
        self.template = template
        self.names: Final = frozenset(match[1] for match in _PLACEHOLDER.finditer(template))
        self._format = _as_format_string(template) if self.names else None

    def compose(self, values: Mapping[str, Any]) -> str:
        """
        Return the text with the values filled in.

        :param values: The columns of a row. More than the placeholders name is fine.
        :raises InvalidMessageError: A column is missing, has no value, or does not fit its format spec.
        """
        if self._format is None:
            return self.template
        for name in self.names:
            if name not in values:
                raise _invalid(
                    "placeholder",
                    f"the row has no column '{name}' that the text names; add it or change the text",
                )
            if is_absent(values[name]):
                raise _invalid("placeholder", f"the column '{name}' has no value; fill it in or change the text")
            if isinstance(values[name], BYTES):
                raise _invalid("placeholder", f"the column '{name}' holds bytes; decode them to text")
        try:
            return self._format.format_map(values)
        except Exception:  # noqa: BLE001  a value may be of any type, whose __format__ does as it likes
            # The library's words repeat the value, which is the recipient's own.
            raise _invalid("placeholder", "a value does not fit the format of its placeholder") from None


def is_absent(value: Any) -> bool:
    """
    Tell whether a cell holds nothing: None, or the NaN, NaT and NA that databases and data frames put there.

    :param value: The cell.
    """
    if value is None:
        return True
    if isinstance(value, str):
        return False
    if isinstance(value, float):
        return math.isnan(value)
    return value.is_nan() if isinstance(value, Decimal) else type(value).__name__ in _NOTHINGS


def as_text(value: Any, column: str) -> str:
    """
    Return a cell that people are to read as text.

    :param value: The cell.
    :param column: Its column, for the error.
    :raises InvalidMessageError: It is bytes, of which Python would write the source, or can't be written at all.
    """
    if isinstance(value, BYTES):
        raise _invalid(column, f"the {column} is bytes; decode it to text")
    try:
        return str(value)
    except Exception:  # noqa: BLE001  a value may be of any type; an integer of thousands of digits is a ValueError
        raise _invalid(column, f"a {type(value).__name__} can't be written as {column}; give text") from None


def check_text(text: str) -> str:
    """
    Return ``text`` if the gateway can take it.

    :param text: A composed text.
    :raises InvalidMessageError: It is blank.
    """
    if not text or text.isspace():
        raise _invalid("text", "the text is empty; write one or leave the row out")
    return text


def count_parts(text: str) -> int:
    """
    Return how many parts the text probably takes; the gateway's own count is the truth.

    In the alphabet of GSM 03.38 a lone part holds 160 septets and each of several 153; some characters need two. A text
    with any other character travels as UCS-2, where those are 70 and 67 units of UTF-16. No part ends within an escape
    or surrogate pair.

    :param text: A composed text.
    :raises InvalidMessageError: It holds half of a surrogate pair, which no request can carry.
    """
    if _GSM_TEXT.fullmatch(text):
        units, one, each, double = len(text) + len(_GSM_DOUBLE.findall(text)), _GSM_ONE, _GSM_EACH, _GSM_DOUBLE
    else:
        units, one, each, double = _units_of_utf_16(text), _UCS2_ONE, _UCS2_EACH, _UCS2_DOUBLE
    if units <= one:
        return 1
    return -(-units // each) if units == len(text) else _count(text, double, each)


def _units_of_utf_16(text: str) -> int:
    try:
        # With its mark at the beginning: Python takes three times as long for the same without one.
        return len(text.encode("utf-16")) // 2 - 1
    except UnicodeEncodeError:
        raise _invalid("text", "the text holds half of a surrogate pair; decode its source as UTF-8") from None


def _count(text: str, double: re.Pattern[str], each: int) -> int:
    """Count the parts of a text too long for one; ``double`` matches what takes two units and is never split."""
    parts, used = 1, 0
    for character in text:
        width = 2 if double.match(character) else 1
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return parts


def _as_format_string(template: str) -> str:
    """Return the template for ``str.format_map``, with every brace that is no placeholder doubled."""
    pieces, end = [], 0
    for match in _PLACEHOLDER.finditer(template):
        pieces += [_doubled(template[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*pieces, _doubled(template[end:])])


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _invalid(code: str, reason: str) -> InvalidMessageError:
    return InvalidMessageError(code, reason)
