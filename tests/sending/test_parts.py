"""How many parts a text takes."""

from __future__ import annotations

import pytest
import smsutil  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.texts import count_parts

# GSM 03.38 as its tables print it, and not as the package's code writes it.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = "\f^{}\\[~]|€"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" + "€" * 80, 2),
        # an escape pair is not split: 152 of 153 places are used in each part
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 151 + "€" + "a" * 153, 2),
        ("a" * 151 + "€" + "a" * 154, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("я" * 201, 3),
        ("я" * 202, 4),
        ("я" + "a" * 69, 1),
        ("я" + "a" * 70, 2),
        # the escaped characters of the other alphabet take one unit here
        ("я" + "€" * 69, 1),
        ("я" + "€" * 133, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        # a surrogate pair is not split: 66 of 67 places are used in each part
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("я" * 66 + "😀" + "я" * 65, 2),
        ("я" * 66 + "😀" + "я" * 66, 3),
        ("я" * 65 + "😀" + "я" * 67, 2),
        ("a" * 69 + "\N{NO-BREAK SPACE}", 1),
        ("a" * 70 + "\N{NO-BREAK SPACE}", 2),
        ("a" * 70 + "\t", 2),
        ("a" * 70 + "`", 2),
        ("a" * 70 + "ç", 2),
        ("a" * 159 + "Ç", 1),
        ("\r\n" * 80, 1),
    ],
    ids=lambda value: f"{value[:2]!r}..{len(value)}" if isinstance(value, str) else str(value),
)
def test_the_parts_of_a_text_are_counted(text: str, parts: int) -> None:
    assert count_parts(text) == parts


@pytest.mark.parametrize("character", "№—’«»₽ё`ç\t\x1b\N{NO-BREAK SPACE}")
def test_one_character_outside_of_the_alphabet_turns_the_whole_text(character: str) -> None:
    assert count_parts("a" * 70 + character) == 2
    assert count_parts("a" * 69 + character) == 1


@pytest.mark.parametrize("character", BASIC)
def test_every_character_of_the_alphabet_takes_one_place(character: str) -> None:
    assert count_parts(character * 160) == 1
    assert count_parts(character * 161) == 2


@pytest.mark.parametrize("character", ESCAPED)
def test_every_escaped_character_takes_two_places(character: str) -> None:
    assert count_parts(character * 80) == 1
    assert count_parts(character * 81) == 2


@pytest.mark.parametrize("text", ["\ud83d", "Hello \ude00", "\ude00\ud83d", "\ud800" * 200, "€\udfff"], ids=ascii)
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessageError, match="half of a surrogate pair") as caught:
        count_parts(text)
    assert caught.value.code == "text"


def test_the_alphabet_is_whole() -> None:
    assert len(set(BASIC)) == 127  # and the escape itself
    assert len(set(ESCAPED)) == 10


# The escape itself is left out: the other program takes it for a letter, and a phone could not show it.
gsm = st.text(st.sampled_from(BASIC + ESCAPED + ESCAPED * 8), max_size=340)
ucs2 = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), max_size=160)
mixed = st.text(st.sampled_from("aя€😀{"), max_size=340)


@given(gsm | ucs2 | mixed)
def test_another_program_counts_the_same(text: str) -> None:
    assert count_parts(text) == len(smsutil.split(text or " ").parts)


@given(st.sampled_from("a€я😀"), st.integers(1, 700))
def test_another_program_counts_long_texts_the_same(character: str, length: int) -> None:
    text = character * length
    assert count_parts(text) == len(smsutil.split(text).parts)


@given(mixed, mixed)
def test_a_longer_text_takes_no_fewer_parts(text: str, more: str) -> None:
    assert count_parts(text) <= count_parts(text + more)
