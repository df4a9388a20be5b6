"""Phones as people and programs write them."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.phones import DEFAULT_REGION, normalise_phone

ONE_SUBSCRIBER = [
    "8 (961) 224-22-43",
    "+7 961 224-22-43",
    "9612242243",
    "79612242243",
    "+79612242243",
    "89612242243",
    "8 961 224 22 43",
    "8-961-224-22-43",
    "8.961.224.22.43",
    "8(961)2242243",
    "(961) 224-22-43",
    "+7(961)224-22-43",
    "7 961 224 22 43",
    "007 961 224 22 43",
    "8 10 7 961 224 22 43",
    "  79612242243\n",
    "\t+7 961 224-22-43 ",
    "+7\N{NO-BREAK SPACE}961\N{NARROW NO-BREAK SPACE}224\N{FIGURE SPACE}22\N{THIN SPACE}43",
    "8\N{EN DASH}961\N{NON-BREAKING HYPHEN}224\N{EM DASH}22\N{MINUS SIGN}43",
    "\N{ZERO WIDTH NO-BREAK SPACE}79612242243",
    "\N{LEFT-TO-RIGHT EMBEDDING}+79612242243\N{POP DIRECTIONAL FORMATTING}",
    "\N{LEFT-TO-RIGHT MARK}+7 961 224 22 43",
    "79612242243.0",
    "9612242243.0",
    "79612242243.000",
    "٧٩٦١٢٢٤٢٢٤٣",
    "\N{FULLWIDTH DIGIT SEVEN}9612242243",
    79612242243,
    9612242243,
    89612242243,
    79612242243.0,
    9612242243.0,
    Decimal(79612242243),
    Decimal("79612242243.00"),
    Decimal("7.9612242243E+10"),
]


@pytest.mark.parametrize("written", ONE_SUBSCRIBER, ids=repr)
def test_every_spelling_of_one_subscriber_is_the_same_phone(written: Any) -> None:
    assert normalise_phone(written) == "79612242243"


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("+7 701 234 56 78", "77012345678"),
        ("77012345678", "77012345678"),
        ("+375 29 491-19-11", "375294911911"),
        ("375294911911", "375294911911"),
        ("00375294911911", "375294911911"),
        ("8 10 375 29 491 19 11", "375294911911"),
        ("+49 30 901820", "4930901820"),
        ("+49 30 1234567890", "49301234567890"),  # as many digits as the gateway takes
        ("(+49) 30 901820", "4930901820"),
        ("+٤٩ ٣٠ ٩٠١٨٢٠", "4930901820"),
        ("+1 212 736 5000", "12127365000"),
        ("+39 06 698 1234", "39066981234"),
        ("+358 9 310 1691", "35893101691"),
        ("8 800 555 35 35", "78005553535"),
        ("70000000000", "70000000000"),
    ],
)
def test_other_countries_keep_their_codes(written: str, phone: str) -> None:
    assert normalise_phone(written) == phone


REASONS = {
    "missing": "the phone is missing; fill it in or leave the row out",
    "empty": "the phone is empty; fill it in or leave the row out",
    "scientific notation": "the phone is in scientific notation, so digits are lost; export the column as text",
    "more than one": "there is more than one phone; give each a row of its own",
    "belong to no phone": "there are characters that belong to no phone; leave only digits, spaces, + - ( )",
    "no country": "no country has such a number; check the digits and the country code",
    "has 15 digits": "the phone has 15 digits, the gateway takes at most 14",
    "not one of a phone": "the number is not one of a phone; check where it comes from",
    "fraction": "the phone is a number with a fraction; give it as text",
}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (Decimal("NaN"), "missing"),
        (Decimal("sNaN"), "missing"),
        ("", "empty"),
        (" \n\t", "empty"),
        ("7.96122E+10", "scientific notation"),
        ("7,96122E+10", "scientific notation"),
        ("8E10", "scientific notation"),
        ("-7.9e+10", "scientific notation"),
        ("79612242243;79612242244", "more than one"),
        ("79612242243, 79612242244", "more than one"),
        ("79612242243,79612242244", "more than one"),
        ("79612242243 / 44", "more than one"),
        ("79612242243|79612242244", "more than one"),
        ("79612242243&79612242244", "more than one"),
        ("79612242243\n79612242244", "more than one"),
        ("79612242243\r79612242244", "more than one"),
        ("+7 961 224-22-43; моб. +7 961 224-22-44", "more than one"),
        ("79612242243;", "belong to no phone"),
        ("call me", "belong to no phone"),
        ("tel:+79612242243", "belong to no phone"),
        ("+7 961 224-22-43 доб. 5", "belong to no phone"),
        ("+7 961 224-22-4O", "belong to no phone"),
        ("8-800-GOOGLE", "belong to no phone"),
        ("'79612242243", "belong to no phone"),
        ("79612242243 79612242244", "no country"),
        ("+", "belong to no phone"),
        ("()", "belong to no phone"),
        ("112", "no country"),
        ("961224224", "no country"),
        ("7961224224", "no country"),
        ("796122422433", "no country"),
        ("+8 961 224-22-43", "no country"),
        ("+7 961 224-22-4", "no country"),
        ("+10000000000", "no country"),
        ("0", "no country"),
        ("7+9612242243", "belong to no phone"),
        ("+7+9612242243", "belong to no phone"),
        ("79612242243+", "belong to no phone"),
        ("1" * 40, "no country"),
        ("+79612242243.0", "no country"),
        ("+43 1211111111111", "has 15 digits"),
        (79612242243.5, "fraction"),
        (0.1, "fraction"),
        (Decimal("0.5"), "fraction"),
        (float("inf"), "not one of a phone"),
        (float("-inf"), "not one of a phone"),
        (Decimal("Infinity"), "not one of a phone"),
        (Decimal("1E+999999999"), "not one of a phone"),
        (-79612242243, "not one of a phone"),
        (-79612242243.0, "not one of a phone"),
        (10**15, "not one of a phone"),
        (10**5_000, "not one of a phone"),
        (1e300, "not one of a phone"),
        (10**15 - 1, "no country"),
        (0, "no country"),
        (7, "no country"),
        (True, "a bool is no phone"),
        (b"79612242243", "a bytes is no phone"),
        (["79612242243"], "a list is no phone"),
        ({"phone": "79612242243"}, "a dict is no phone"),
        (("79612242243",), "a tuple is no phone"),
        (Fraction(7), "a Fraction is no phone"),
        (object, "a type is no phone"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value:.5g}" if isinstance(value, float) else "value",
)
def test_what_is_no_phone_is_refused_with_its_reason(written: Any, words: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        normalise_phone(written)
    assert caught.value.code == "phone"
    assert caught.value.reason == REASONS.get(words, f"{words}; give it as text or as an integer")
    assert not re.search(r"\d{3}", caught.value.reason)


def test_a_number_without_its_code_is_at_home_in_russia() -> None:
    assert DEFAULT_REGION == "RU"


class Text(str):
    """A string of another type, as templates and data frames have them."""

    __slots__ = ()


def test_a_string_of_another_type_becomes_a_plain_one() -> None:
    assert type(normalise_phone(Text("79612242243"))) is str
    assert type(normalise_phone(Text("8 961 224-22-43"))) is str


def test_clean_digits_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "phonenumbers", None)
    for written in ("79612242243", " 79612242243 ", 79612242243, 79612242243.0, "79612242243.0"):
        assert normalise_phone(written) == "79612242243"
    with pytest.raises(ImportError):
        normalise_phone("8 961 224-22-43")


# Any Russian mobile, in any clothes

marks = st.text(st.sampled_from(" \u00a0\u202f\t-().\u2010\u2011\u2012\u2013\u2014\u2212"), max_size=3)


@given(
    digits=st.integers(10**8, 10**9 - 1).map(str),
    prefix=st.sampled_from(["", "7", "+7", "8", "007"]),
    between=st.lists(marks, min_size=11, max_size=11),
    around=st.tuples(st.sampled_from(["", " ", "\n", "\ufeff"]), st.sampled_from(["", " ", "\r\n"])),
)
def test_any_russian_mobile_in_any_decoration_is_the_same_phone(
    digits: str, prefix: str, between: list[str], around: tuple[str, str]
) -> None:
    body = "".join(digit + mark for digit, mark in zip("9" + digits, [*between[:9], ""], strict=True))
    assume(not re.search(r"\d\.0+$", body))  # as a float is written
    written = f"{around[0]}{prefix}{between[10] if prefix else ''}{body}{around[1]}"
    assert normalise_phone(written) == f"79{digits}"


@given(st.integers(10**8, 10**9 - 1))
def test_numbers_and_texts_of_one_phone_are_read_alike(digits: int) -> None:
    phone = 79 * 10**9 + digits
    kinds: list[Any] = [phone, str(phone), float(phone), f"{float(phone)}", Decimal(phone), phone - 7 * 10**10]
    assert {normalise_phone(kind) for kind in kinds} == {str(phone)}


@given(st.sampled_from(ONE_SUBSCRIBER))
def test_a_phone_that_is_read_is_read_again_as_itself(written: Any) -> None:
    once = normalise_phone(written)
    assert normalise_phone(once) == once


anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=30)
    | st.text(st.sampled_from("0123456789+-() .,;eE\u0660\uff11"), max_size=30)
    | st.binary(max_size=12)
    | st.lists(st.integers(), max_size=2)
)


@given(anything)
def test_whatever_comes_is_a_phone_of_the_gateway_or_refused_without_its_digits(value: Any) -> None:
    try:
        phone = normalise_phone(value)
    except InvalidMessageError as refusal:
        error = refusal
    else:
        assert re.fullmatch(r"[1-9]\d{6,13}", phone, re.ASCII)
        return
    assert error.code == "phone"
    assert not re.search(r"\d{3}", error.reason)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["1;", "1; ", ";", " ", "1 ", "(", "1(", "+", "1/", "0", "1e", ".0"])
def test_a_long_cell_is_read_as_fast_as_it_is_long(pattern: str) -> None:
    for cell in (pattern * 100_000, "1" + pattern * 100_000 + "x", "1;" + pattern * 100_000, pattern * 100_000 + "x"):
        with pytest.raises(InvalidMessageError):
            normalise_phone(cell)
