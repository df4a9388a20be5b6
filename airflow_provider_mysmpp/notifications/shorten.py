"""Cut a text at a word, so that it takes no more parts than it may."""

from __future__ import annotations

from typing import Final

from airflow_provider_mysmpp.sending.texts import count_parts

_DOTS: Final = "..."  # three characters of every alphabet
_ELLIPSIS: Final = "…"  # one character, which turns a GSM text to UCS-2
_LONGEST_PART: Final = 160
_FIT_ONLY_IN_GSM: Final = 71  # so many characters are one part of GSM text and two parts of UCS-2


def shorten(text: str, max_parts: int) -> str:
    """
    Return a text that takes at most ``max_parts`` parts: the whole, or its beginning and an ellipsis.

    The ellipsis is ``...`` after GSM text and ``…`` after any other, so that it changes no encoding.

    :param text: What is to be said, best the most important first.
    :param max_parts: Parts, at least 1.
    """
    if count_parts(text) <= max_parts:
        return text
    # The longest beginning that fits is found by halving: one character more never takes fewer parts.
    fits, too_long = 0, min(len(text), _LONGEST_PART * max_parts + 1)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count_parts(_with_ellipsis(text[:middle])) <= max_parts:
            fits = middle
        else:
            too_long = middle
    return _with_ellipsis(_whole_words(text, fits))


def _with_ellipsis(beginning: str) -> str:
    return beginning + (_DOTS if _is_gsm(beginning) else _ELLIPSIS)


def _is_gsm(text: str) -> bool:
    return all(count_parts(character * _FIT_ONLY_IN_GSM) == 1 for character in set(text))


def _whole_words(text: str, end: int) -> str:
    """Return the beginning of a text up to the end of a word; a word that is most of it is cut instead."""
    beginning = text[:end]
    if not text[end].isspace():
        words = beginning.split()
        last = len(words[-1]) if words and not beginning[-1].isspace() else 0
        if last * 2 <= end:
            beginning = beginning[: end - last]
    return beginning.rstrip() or text[:end]
