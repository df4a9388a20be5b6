"""Texts: placeholders filled in for each recipient, and nothing else touched."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.texts import TextTemplate, check_text, is_absent

VALUES: dict[str, Any] = {
    "name": "Анна",
    "имя": "Пётр",
    "Größe": "XL",
    "名前": "花子",
    "_x1": "x",
    "sum": 1234.5,
    "count": 7,
    "due": datetime(2031, 5, 9, 18, 30, tzinfo=UTC),
    "price": Decimal("12.30"),
    "flag": True,
    "empty": "",
    "braces": "{name} {0} {{}}",
    "percent": "100 %s",
    "items": ["secret"],
    "thing": SimpleNamespace(secret="hidden"),
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hello", "Hello"),
        ("", ""),
        ("{name}", "Анна"),
        ("Hello, {name}!", "Hello, Анна!"),
        ("{name}{name} {count}", "АннаАнна 7"),
        ("{имя}, {Größe}, {名前}, {_x1}", "Пётр, XL, 花子, x"),
        ("{sum:.2f} ₽", "1234.50 ₽"),
        ("{sum:,.1f}", "1,234.5"),
        ("{sum:}", "1234.5"),
        ("{count:03d}|{count:>4}|{count:x}", "007|   7|7"),
        ("{due:%d.%m.%Y %H:%M}", "09.05.2031 18:30"),
        ("{due:%H}h", "18h"),
        ("{price}", "12.30"),
        ("{flag}", "True"),
        ("[{empty}]", "[]"),
        ("{name:.2}", "Ан"),
        ("{items}", "['secret']"),
        # values are filled in once, and not read again
        ("{braces}", "{name} {0} {{}}"),
        ("{percent}", "100 %s"),
        # every brace that is no placeholder stays
        ("{}", "{}"),
        ("{0}", "{0}"),
        ("{1x}", "{1x}"),
        ("{ name }", "{ name }"),
        ("{name }", "{name }"),
        ("{na me}", "{na me}"),
        ("{name!r}", "{name!r}"),
        ("{name!s:>9}", "{name!s:>9}"),
        ("{name.secret}", "{name.secret}"),
        ("{thing.secret}", "{thing.secret}"),
        ("{thing.__class__}", "{thing.__class__}"),
        ("{items[0]}", "{items[0]}"),
        ("{count:{sum}}", "{count:1234.5}"),
        ("{name", "{name"),
        ("name}", "name}"),
        ("}{", "}{"),
        ("{{", "{{"),
        ("}}", "}}"),
        ("{{name}}", "{Анна}"),
        ("{{{name}}}", "{{Анна}}"),
        ('{"a": {name}}', '{"a": Анна}'),
        ("{name}{", "Анна{"),
        ("}{name}", "}Анна"),
        ("%s %(name)s $name ${name}", "%s %(name)s $name $Анна"),
        ("\\{name}", "\\Анна"),
        ("{name}\n{count}", "Анна\n7"),
    ],
)
def test_placeholders_are_filled_in_and_other_braces_stay(template: str, text: str) -> None:
    assert TextTemplate(template).compose(VALUES) == text


def test_a_template_knows_its_names() -> None:
    assert TextTemplate("{name} {имя:>5} {name} {0} {x.y} {}").names == {"name", "имя"}
    assert TextTemplate("no names {}").names == frozenset()
    assert TextTemplate("text {x}").template == "text {x}"


@pytest.mark.parametrize("value", [None, float("nan"), Decimal("NaN"), Decimal("sNaN")])
def test_a_column_without_a_value_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        TextTemplate("Hello, {имя}!").compose({"имя": value})
    assert caught.value.code == "placeholder"
    assert "'имя' has no value" in caught.value.reason


def test_a_column_that_is_missing_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        TextTemplate("Hello, {имя}!").compose({"name": "Анна"})
    assert caught.value.code == "placeholder"
    assert "no column 'имя'" in caught.value.reason


def test_a_column_that_no_placeholder_names_may_hold_anything() -> None:
    assert TextTemplate("Hello {count}").compose({"count": 1, "other": None, "third": object()}) == "Hello 1"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{x:d}", "secret"),
        ("{x:.2f}", "secret"),
        ("{x:>9}", ["secret"]),
        ("{x:%d}", SimpleNamespace(secret="secret")),
        ("{x:q}", 5),
        ("{x:99999999999999999999}", "secret"),
        ("{x:c}", 2**40),
        ("{x:c}", -5),
        ("{x:d}", Decimal("1.5")),
    ],
)
def test_a_value_that_does_not_fit_its_format_is_refused_without_being_shown(template: str, value: object) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        TextTemplate(template).compose({"x": value})
    assert caught.value.code == "placeholder"
    assert caught.value.reason == "a value does not fit the format of its placeholder"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


class Missing(dict[str, Any]):
    """A mapping that invents what it lacks, which must not be asked to."""

    def __missing__(self, key: str) -> str:
        return "invented"


def test_a_mapping_that_invents_columns_invents_none_here() -> None:
    with pytest.raises(InvalidMessageError):
        TextTemplate("{x}").compose(Missing())


literal = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
name = st.from_regex(r"[^\W\d]\w{0,8}", fullmatch=True)


@given(st.lists(literal | st.sampled_from(["{", "}", "{{", "}}", "{}", "{0}", "{a.b}", "{a[0]}", "{a!r}"])))
def test_a_text_without_placeholders_stays_as_it_is(pieces: list[str]) -> None:
    text = "".join(pieces)
    template = TextTemplate(text)
    if not template.names:
        assert template.compose({}) == text
    else:
        assert all("{" + found in text for found in template.names)


@given(literal, name, literal, literal)
def test_what_stands_around_a_placeholder_stays_as_it_is(before: str, column: str, value: str, after: str) -> None:
    template = TextTemplate(before + "{" + column + "}" + after)
    if template.names == {column}:
        expected = before + "{" + column + "}" + after
        assert template.compose({column: value}) == expected.replace("{" + column + "}", value)


# What is a text at all


@pytest.mark.parametrize("text", ["Hello", " x ", "Привет", "😀", "\N{ZERO WIDTH SPACE}", "0", "\ud7ff\ue000"])
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert check_text(text) is text


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}\r"])
def test_a_blank_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessageError, match="the text is empty") as caught:
        check_text(text)
    assert caught.value.code == "text"


class NAType:
    """What pandas calls its missing value."""


class NaTType:
    """What pandas calls a missing moment."""


@pytest.mark.parametrize(
    ("value", "absent"),
    [
        (None, True),
        (float("nan"), True),
        (Decimal("NaN"), True),
        (Decimal("sNaN"), True),
        (NAType(), True),
        (NaTType(), True),
        ("", False),
        (" ", False),
        ("nan", False),
        ("None", False),
        (0, False),
        (0.0, False),
        (False, False),
        (float("inf"), False),
        (Decimal(0), False),
        ([], False),
        (object(), False),
        (NAType, False),
    ],
)
def test_a_cell_without_a_value_is_absent(value: object, absent: bool) -> None:
    assert is_absent(value) is absent
