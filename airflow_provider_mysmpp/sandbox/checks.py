"""Check the parameters that the sandbox's own API is given, one reader for each sort of value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

Reader = Callable[[Any], Any]
_MOST_MONEY: Final = 10**15


class ParameterError(ValueError):
    """A parameter of the sandbox's own API is wrong; the words say which and why."""


def _refuse(wanted: str) -> NoReturn:
    raise ParameterError(f"must be {wanted}")


def read_all(given: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """
    Return the given parameters, each as its reader returns it.

    :param given: Names and values out of a JSON object.
    :param readers: The known names; any other is refused, since a misspelt name would go unnoticed.
    """
    read = {}
    for name, value in given.items():
        if name not in readers:
            raise ParameterError(f"{name}: unknown; known here: {', '.join(sorted(readers))}")
        try:
            read[name] = readers[name](value)
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from None
    return read


def flag(value: Any) -> bool:
    """
    Return true or false, nothing else.

    :param value: What the API got.
    """
    return value if isinstance(value, bool) else _refuse("true or false")


def text(value: Any) -> str:
    """
    Return a string.

    :param value: What the API got.
    """
    return value if isinstance(value, str) else _refuse("a string")


def header(value: Any) -> str:
    """
    Return a string, or a number as one, that can stand in an HTTP header.

    :param value: What the API got.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    return _refuse("a number, or a string of printable ASCII characters")


def choice(options: Iterable[str]) -> Reader:
    """
    Return a reader of one of a few words.

    :param options: The words.
    """
    words = tuple(options)
    return lambda value: value if value in words else _refuse(f"one of {', '.join(words)}")


def whole(lowest: int, highest: int | None = None) -> Reader:
    """
    Return a reader of whole numbers.

    :param lowest: The least number that is allowed.
    :param highest: The greatest, or None for no limit.
    """
    wanted = f"a whole number from {lowest}" + (f" to {highest}" if highest is not None else "")

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
            _refuse(wanted)
        return value if highest is None or value <= highest else _refuse(wanted)

    return read


def number(lowest: float, highest: float) -> Reader:
    """
    Return a reader of numbers.

    :param lowest: The least number that is allowed.
    :param highest: The greatest.
    """

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            _refuse(f"a number from {lowest:g} to {highest:g}")
        return float(value)

    return read


def optional(reader: Reader) -> Reader:
    """
    Return a reader that lets null through.

    :param reader: What reads any other value.
    """
    return lambda value: None if value is None else reader(value)


def kopecks(value: Any) -> int:
    """
    Return an amount of roubles, a number or a decimal string, in kopecks.

    :param value: What the API got.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _refuse("an amount such as 2.5")
    try:
        amount = Decimal(str(value)) * 100
    except ArithmeticError:
        _refuse("an amount such as 2.5")
    if not amount.is_finite() or not 0 <= amount <= _MOST_MONEY or amount != int(amount):
        _refuse("an amount from 0 with at most two decimals")
    return int(amount)


def web_address(value: Any) -> str:
    """
    Return an http or https address; one with a login would show the password in the settings.

    :param value: What the API got.
    """
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
        except ValueError:
            _refuse("an http or https address")
        if parts.scheme in ("http", "https") and parts.hostname and parts.username is None:
            return value
    return _refuse("an http or https address without a login")
