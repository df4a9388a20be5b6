"""Phones are hidden in whatever people or log files may read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.privacy import mask_numbers, mask_phone


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("79612242243", "7961*****43"),
        (79612242243, "7961*****43"),
        ("+7 961 224-22-43", "+7 9**********43"),
        ("1234567", "1234*67"),
        ("123456", "******"),
        ("1", "*"),
        ("", ""),
        (None, "****"),
        (b"79612242243", "b'79********3'"),
    ],
)
def test_the_middle_of_a_phone_is_hidden(phone: object, shown: str) -> None:
    assert mask_phone(phone) == shown


@given(st.text(max_size=40))
def test_no_more_than_six_characters_are_shown(text: str) -> None:
    shown = mask_phone(text)
    assert len(shown) == len(text)
    assert len(text) < 7 or shown[4:-2] == "*" * (len(text) - 6)
    assert len(text) > 6 or set(shown) <= {"*"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no number", "no number"),
        ("the phone 79612242243 is closed", "the phone 7961*****43 is closed"),
        ("79612242243;79612242244", "7961*****43;7961*****44"),
        ("a79612242243b", "a7961*****43b"),
        ("123456789", "1234***89"),
        ("12345678", "12345678"),
        ("٧٩٦١٢٢٤٢٢٤٣", "٧٩٦١*****٤٣"),
        ("", ""),
    ],
)
def test_long_numbers_in_words_are_hidden(text: str, shown: str) -> None:
    assert mask_numbers(text) == shown


@given(st.lists(st.sampled_from(["79612242243", " ", "x", "12345678", "\n", "9" * 30])).map("".join))
def test_no_words_keep_nine_digits_in_a_row(text: str) -> None:
    assert not re.search(r"\d{9}", mask_numbers(text))
