"""Texts that are too long: what is left of them fits, reads well and costs no other encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.notifications.shorten import shorten
from airflow_provider_mysmpp.sending.texts import count_parts

GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}[]~|\\€\f"
)
"""GSM 03.38, written down once more: the code under test must not be its own measure."""

CHARACTERS = st.sampled_from("ab ab zё Ж€{\n😀№.") | st.characters(codec="utf-8")
TEXTS = st.text(CHARACTERS, max_size=700)
LONG_TEXTS = st.text(CHARACTERS, min_size=161, max_size=400).map(str.strip).filter(lambda text: count_parts(text) > 1)
PARTS = st.integers(1, 4)


def ellipsis_of(beginning: str) -> str:
    """Return the ellipsis that leaves the encoding of a beginning as it is."""
    return "..." if set(beginning) <= GSM else "…"


@given(TEXTS, PARTS)
def test_that_nothing_takes_more_parts_than_it_may(text: str, parts: int) -> None:
    assert count_parts(shorten(text, parts)) <= parts


@given(TEXTS, PARTS)
def test_that_only_a_text_that_is_too_long_is_changed(text: str, parts: int) -> None:
    assert (shorten(text, parts) == text) is (count_parts(text) <= parts)


@given(LONG_TEXTS)
def test_that_what_is_left_is_the_longest_beginning_of_whole_words(text: str) -> None:
    short = shorten(text, 1)
    beginning = short.removesuffix("...") if short.endswith("...") else short.removesuffix("…")
    ellipsis = ellipsis_of(beginning)

    assert short == beginning + ellipsis
    assert text.startswith(beginning)
    longer = [text[:end].rstrip() for end in range(len(beginning) + 1, len(text)) if text[end].isspace()]
    assert not [words for words in longer if words != beginning and count_parts(words + ellipsis_of(words)) == 1]
    if not text[len(beginning)].isspace():  # within a word: then not one character more would have fitted
        more = text[: len(beginning) + 1]
        assert count_parts(more + ellipsis_of(more)) > 1


@pytest.mark.parametrize(
    ("text", "parts", "short"),
    [
        ("word " * 40, 1, "word " * 30 + "word..."),
        ("слово " * 20, 1, "слово " * 10 + "слово…"),
        ("слово " * 40, 2, "слово " * 21 + "слово…"),
        ("x" * 500, 1, "x" * 157 + "..."),
        ("ж" * 500, 2, "ж" * 133 + "…"),
        ("{" * 100, 1, "{" * 78 + "..."),
        ("done " * 40 + "готово", 1, "done " * 30 + "done..."),
    ],
)
def test_where_a_text_is_cut(text: str, parts: int, short: str) -> None:
    assert shorten(text, parts) == short
