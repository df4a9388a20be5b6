"""The pages say what the code does: quotations, tables, connections and links."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from airflow.models.connection import Connection

from airflow_provider_mysmpp.gateway.errors import (
    CATALOGUE,
    AmbiguousError,
    CollisionError,
    LimitError,
    RedirectError,
    Scope,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.gateway.retrying import LONGEST_RETRY_AFTER, RetryPolicy
from airflow_provider_mysmpp.hooks.form import CONN_FIELDS
from airflow_provider_mysmpp.hooks.settings import read_connection
from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sending.outcomes import Result, Status, Summary
from tests.sending.support import plan_of

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}

QUOTED = {
    "README.md": {"from_sql", "from_xcom"},
    "docs/send.md": {"from_sql", "from_xcom", "mapped"},
}
CONNECTION = re.compile(r"(?:AIRFLOW_CONN_\w+=|--conn-json )'(.*?)'", re.S)


def table(page: str, heading: str) -> dict[str, list[str]]:
    """Return the tables under a heading of a page: each row's name, and its other cells."""
    section = TEXTS[page].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", section, re.M)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def anchors(text: str) -> set[str]:
    """Return what a link to a page may name after the hash."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def example_sections() -> dict[str, str]:
    """Return the marked sections of the example DAGs, as a page quotes them."""
    return {
        section: textwrap.dedent(lines).rstrip()
        for path in (ROOT / "example_dags").glob("*.py")
        for section, lines in re.findall(
            r"^ *# \[START (\w+)\]\n(.*?)^ *# \[END \1\]", path.read_text(encoding="utf-8"), re.M | re.S
        )
    }


def code_blocks(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    return [block.rstrip() for block in re.findall(r"^```python\n(.*?)^```", TEXTS[page], re.M | re.S)]


@pytest.mark.parametrize(("page", "section"), [(page, section) for page in QUOTED for section in sorted(QUOTED[page])])
def test_quotations_are_what_the_examples_say(page: str, section: str) -> None:
    assert example_sections()[section] in code_blocks(page)


def test_every_marked_example_is_quoted_on_a_page() -> None:
    quoted = {block for page in TEXTS for block in code_blocks(page)}
    assert [name for name, lines in example_sections().items() if lines not in quoted] == []


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        file, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (PAGES[page].parent / file).resolve() if file else PAGES[page]
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_index_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+\.md)", TEXTS["docs/index.md"]))
    assert linked == {name.removeprefix("docs/") for name in TEXTS if name.startswith("docs/")} - {"index.md"}


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if CONNECTION.search(text)])
def test_connections_can_be_used(page: str) -> None:
    for found in CONNECTION.findall(TEXTS[page]):
        connection = Connection.from_json(found, conn_id="mysmpp_default")
        assert connection.conn_type == "mysmpp"
        settings = read_connection(connection)
        assert settings.sender
        assert set(json.loads(found)["extra"]) <= CONN_FIELDS.keys()


def test_every_field_of_the_connection_is_in_the_table() -> None:
    assert list(table("docs/connection.md", "Fields")) == list(CONN_FIELDS)


def test_every_parameter_of_the_operator_is_in_the_table_with_its_default() -> None:
    parameters = {
        name: parameter.default
        for name, parameter in inspect.signature(MySmppSendOperator).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    rows = table("docs/send.md", "Parameters")
    assert list(rows) == list(parameters)
    for name, default in parameters.items():
        shown, meaning = rows[name]
        assert ("(templated" in meaning or "templated)" in meaning) is (name in MySmppSendOperator.template_fields), (
            name
        )
        if default is not None:
            assert value_of(shown) == default, name


def test_the_operator_says_of_every_parameter_whether_it_is_templated() -> None:
    words = inspect.getdoc(MySmppSendOperator) or ""
    said = {name for name, meaning in re.findall(r":param (\w+):(.*?)(?=\n:)", words, re.S) if "(templated" in meaning}
    # Airflow resolves references within recipients, but renders no braces there: their own words say so.
    assert said == set(MySmppSendOperator.template_fields) - {"recipients"}


def value_of(shown: str) -> Any:
    """Return what a cell says, as a value of Python."""
    try:
        return ast.literal_eval(shown.strip("`"))
    except (SyntaxError, ValueError):
        return shown.strip("`")


def test_the_fields_of_the_results_are_on_the_page() -> None:
    keys = {
        "return_value": list(Result(1, "", None, None, None, "", None, None, None).mapping()),
        "failed": list(Result(1, "", None, None, None, "", None, None, None).failure()),
        "summary": list(Summary.__dataclass_fields__),
    }
    for name, wanted in keys.items():
        (cell,) = table("docs/send.md", "Results")[name]
        assert re.findall(r'"(\w+)"', cell) == wanted
    assert f"`{', '.join(Result._fields)}`" in TEXTS["docs/send.md"]


@pytest.mark.parametrize("page", ["README.md", "docs/retries.md"])
def test_every_outcome_is_explained(page: str) -> None:
    explained = re.findall(r"^\| `(\w+)` \| .* \|$", TEXTS[page].partition("| outcome |")[2].partition("\n\n")[0], re.M)
    assert explained == [status.value for status in Status]


def test_every_code_of_the_catalogue_is_on_the_retries_page() -> None:
    page = "docs/retries.md"
    accounts, recipients = table(page, "When the account is refused"), table(page, "When a recipient is refused")
    requests = table(page, "When the request is refused")
    assert requests == {entry.code: [entry.english] for entry in CATALOGUE if entry.scope is Scope.REQUEST}
    account = [entry for entry in CATALOGUE if entry.scope is Scope.ACCOUNT]
    others = [entry for entry in CATALOGUE if entry.about_a_message]
    assert recipients == {entry.code: [entry.english] for entry in others}
    assert {code: words for code, (words, _) in accounts.items()} == {entry.code: entry.english for entry in account}
    for entry in account:
        assert accounts[entry.code][1].startswith("yes" if entry.retryable else "no")


ROWS = {
    "phone": {"phone": "x"},
    "text": {"phone": "79612242243", "text": ""},
    "placeholder": {"phone": "79612242243"},
    "sender": {"phone": "79612242243", "sender": " "},
    "channel": {"phone": "79612242243", "name": "x", "channel": "fax"},
    "key": {"phone": "79612242243", "key": {1}},
    "validity_period": {"phone": "79612242243", "name": "x", "validity_period": "soon"},
    "client_id_sms": {"phone": "79612242243", "name": "x", "client_id_sms": "x"},
}


def test_every_code_of_a_row_that_is_refused_here_is_on_the_retries_page() -> None:
    assert list(table("docs/retries.md", "When a row is refused here")) == list(ROWS)
    with plan_of(ROWS.values(), text="{name}", channel=None) as plan:
        assert [(result.status, result.code) for result in plan.results()] == [("invalid", code) for code in ROWS]


def test_every_reason_that_ends_a_send_is_on_the_retries_page() -> None:
    section = TEXTS["docs/retries.md"].partition("\n## What ends a send\n")[2].partition("\n## ")[0]
    ends = (UnavailableError, RedirectError, AmbiguousError, StoppedError, CollisionError, LimitError)
    assert {error.code for error in ends} <= set(re.findall(r"`(\w+)`", section))


def test_the_pauses_are_those_of_the_page() -> None:
    policy = RetryPolicy()
    pauses = [policy.first_pause * 2**number for number in range(policy.attempts - 1)]
    assert (policy.attempts, pauses, LONGEST_RETRY_AFTER) == (5, [2, 4, 8, 16], 300)
    said = " ".join(TEXTS["docs/retries.md"].split())
    assert "up to five times, with pauses of about 2, 4, 8 and 16 seconds and up to two seconds of jitter" in said
    assert "a `Retry-After` is obeyed up to five minutes" in said


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 110
