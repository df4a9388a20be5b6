"""Read a phone as people and programs write it."""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Integral
from typing import Any, Final

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.texts import is_absent

DEFAULT_REGION: Final = "RU"
"""Where a number without its country code is at home (ISO 3166)."""

_MOST_DIGITS = 14  # The gateway's document: fewer than 15.
_TOO_LARGE = 10**15

_CLEAN_RUSSIAN = re.compile(r"7\d{10}", re.ASCII)
_RUSSIAN_MOBILE = re.compile(r"8?(9\d{9})", re.ASCII)
_WRITTEN_BY_A_FLOAT = re.compile(r"(\d+)\.0+", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+", re.ASCII)
_SEVERAL = re.compile(r"\d[^\d;,|&\n\r/]*[;,|&\n\r/]\D*\d")
# Digits of any script (phonenumbers reads them) and the marks that people put between them.
_MARKS = r"\s().\-\u2010-\u2015\u2212\u200e\u202a\u202c\u2060\ufeff"
_PHONE = re.compile(rf"[{_MARKS}]*(?:\+[{_MARKS}]*)?\d[\d{_MARKS}]*")


def normalise_phone(value: Any) -> str:
    """
    Return a phone as digits, country code first.

    A number without a country code counts as Russian. Clean digits take a fast path without ``phonenumbers``.

    :param value: A string, an integer, or a float or decimal without a fraction (data frames make them).
    :raises InvalidMessageError: It is no single phone; the reason says why and holds no digits of it.
    """
    if type(value) is str and _CLEAN_RUSSIAN.fullmatch(value):
        return value
    # Of a subclass, which the plan could not store, the bare string.
    text = str.__str__(value).strip() if isinstance(value, str) else _text_of_number(value)
    if match := _WRITTEN_BY_A_FLOAT.fullmatch(text):
        text = match[1]
    if _CLEAN_RUSSIAN.fullmatch(text):
        return text
    _refuse_what_is_no_phone(text)
    return _parse(text)


def _text_of_number(value: Any) -> str:
    if is_absent(value):
        raise _invalid("the phone is missing; fill it in or leave the row out")
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = int(value)
    elif not isinstance(value, float | Decimal):
        raise _invalid(f"a {type(value).__name__} is no phone; give it as text or as an integer")
    if not 0 <= value < _TOO_LARGE:
        raise _invalid("the number is not one of a phone; check where it comes from")
    if value != int(value):
        raise _invalid("the phone is a number with a fraction; give it as text")
    return str(int(value))


def _refuse_what_is_no_phone(text: str) -> None:
    if not text:
        raise _invalid("the phone is empty; fill it in or leave the row out")
    if _SCIENTIFIC.fullmatch(text):
        raise _invalid("the phone is in scientific notation, so digits are lost; export the column as text")
    if _SEVERAL.search(text):
        raise _invalid("there is more than one phone; give each a row of its own")
    if not _PHONE.fullmatch(text):
        raise _invalid("there are characters that belong to no phone; leave only digits, spaces, + - ( )")


def _parse(text: str) -> str:
    import phonenumbers  # noqa: PLC0415  110 ms to import, and most lists are clean

    # Of the digits alone, since phonenumbers knows not every kind of space between them.
    digits = phonenumbers.normalize_digits_only(text)
    # Before phonenumbers, whose list of ranges is older than some numbers.
    if _CLEAN_RUSSIAN.fullmatch(digits):
        return digits
    readings = ["+" + digits]
    if "+" not in text:
        if match := _RUSSIAN_MOBILE.fullmatch(digits):
            return "7" + match[1]
        # What is no valid number at home may carry its country code without the plus.
        readings = [digits, *readings, "+" + digits.removeprefix("00")]
    for reading in readings:
        try:
            number = phonenumbers.parse(reading, DEFAULT_REGION)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return _few_enough(f"{number.country_code}{phonenumbers.national_significant_number(number)}")
    raise _invalid("no country has such a number; check the digits and the country code")


def _few_enough(digits: str) -> str:
    if len(digits) > _MOST_DIGITS:
        raise _invalid(f"the phone has {len(digits)} digits, the gateway takes at most {_MOST_DIGITS}")
    return digits


def _invalid(reason: str) -> InvalidMessageError:
    return InvalidMessageError("phone", reason)
