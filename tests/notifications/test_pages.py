"""The pages about notifications and the decorator say what the code does."""

from __future__ import annotations

import inspect
import re

import pytest

from airflow_provider_mysmpp.decorators.mysmpp import HiddenArguments
from airflow_provider_mysmpp.notifications import events, mysmpp
from airflow_provider_mysmpp.notifications.events import read_event
from airflow_provider_mysmpp.notifications.mysmpp import MySmppNotifier
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.conftest import ROOT
from tests.notifications.support import PHONE, failed

PAGE = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.M)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]


def test_every_parameter_is_in_the_table_with_its_default() -> None:
    parameters = inspect.signature(MySmppNotifier).parameters.values()
    wanted = {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
    _, *table = rows("Parameters")

    assert [name.strip("`") for name, _, _ in table] == list(wanted)
    for name, default, meaning in table:
        assert ("(templated)" in meaning) is (name.strip("`") in MySmppNotifier.template_fields)
        if wanted[name.strip("`")] not in (None, inspect.Parameter.empty):
            assert default.strip("`") == str(wanted[name.strip("`")])


def test_that_events_have_what_the_page_says() -> None:
    names = set(re.findall(r"event\.(\w+)", PAGE))

    assert len(names) >= 7
    for name in names:
        assert hasattr(read_event(failed()), name)


def test_every_kind_of_event_is_told() -> None:
    (row,) = [cells for name, *cells in rows("What they read") if name == "`event.kind`"]
    (said,) = re.findall(r"``event\.kind``\s+\((.*?)\)", inspect.getdoc(MySmppNotifier) or "", re.S)

    assert set(re.findall(r"`(\w+)`", " ".join(row))) == events._WORDS.keys()
    assert set(re.findall(r"``(\w+)``", said)) == events._WORDS.keys()


@pytest.mark.parametrize("key", [key.strip("`") for key, _ in rows("More often")[1:]])
def test_that_the_keys_of_the_page_can_be_used(
    gateway: SandboxServer, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    MySmppNotifier(to=PHONE, idempotency_key=key)(failed())
    MySmppNotifier(to=PHONE, idempotency_key=key)(failed())
    MySmppNotifier(to=PHONE)(failed())

    assert "can't be rendered" not in caplog.text
    assert len(gateway.messages()) == 2


def test_how_long_a_gateway_is_waited_for() -> None:
    assert (mysmpp._TRIES, mysmpp._TIMEOUT, mysmpp._TIME_LIMIT) == (2, 6, 15)
    assert "asked twice, at most 6 seconds each, and given up after 15 seconds in all" in PAGE


def test_what_airflow_shows_of_arguments() -> None:
    page = (ROOT / "docs" / "decorator.md").read_text(encoding="utf-8")

    assert f"`{HiddenArguments([PHONE])!r}`" in page
