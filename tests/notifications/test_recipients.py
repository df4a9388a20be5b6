"""Whom a rendered ``to`` names."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mysmpp.gateway.errors import ConfigurationError
from airflow_provider_mysmpp.notifications.recipients import read_phones

ONE, OTHER = "79612242243", "79612242244"


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        (ONE, [ONE]),
        (79612242243, [79612242243]),
        ([ONE, OTHER], [ONE, OTHER]),
        ((ONE, 79612242244), [ONE, 79612242244]),
        (f"{ONE}, {OTHER}", [ONE, OTHER]),
        (f"{ONE};{OTHER};", [ONE, OTHER]),
        (f"{ONE}\r\n{OTHER}\n", [ONE, OTHER]),
        ("8 (961) 224-22-43, +7 961 224-22-44", ["8 (961) 224-22-43", "+7 961 224-22-44"]),
        ("(961) 224-22-43", ["(961) 224-22-43"]),
        (f"['{ONE}', '{OTHER}']", [ONE, OTHER]),
        (f'["{ONE}", {OTHER}]', [ONE, 79612242244]),
        (f"('{ONE}',)", [ONE]),
        (f"({ONE}, {OTHER})", [f"({ONE}", f"{OTHER})"]),  # parentheses do not disturb a phone
        ([f"{ONE}, {OTHER}", ["79612242245"]], [ONE, OTHER, "79612242245"]),
        ({"phone": ONE}, [{"phone": ONE}]),
        ("", []),
        (None, []),
        ([None, " , "], []),
    ],
)
def test_the_phones_of_every_way_to_write_them(written: Any, phones: list[Any]) -> None:
    assert list(read_phones(written)) == phones


def test_that_a_list_that_broke_is_refused_without_its_phones() -> None:
    with pytest.raises(ConfigurationError, match="written as text") as caught:
        list(read_phones(f"['{ONE}', '{OTHER}"))
    assert ONE not in str(caught.value)
