"""The how-to page says what the sandbox does."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

from airflow_provider_mysmpp.sandbox import rules, states
from airflow_provider_mysmpp.sandbox.faults import KINDS
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .client import CREDENTIALS, message, post, send

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def examples(path: str) -> list[dict[str, object]]:
    """Return the bodies that the page posts to a path."""
    found = re.findall(rf"curl (?:-X PATCH )?http://127\.0\.0\.1:8025{path} .*?-d '(\{{.*?\}})'\n", PAGE, re.S)
    return [json.loads(body) for body in found]


def test_every_trigger_is_in_the_tables() -> None:
    rows = dict(re.findall(r"^\| (7\d{10}) \| (.*) \|$", PAGE, re.M))
    for number, code in rules.PHONE_ERRORS.items():
        assert rows[number].endswith(f": {rules.words(code, 'en')}")
        assert rows[number].startswith(f"`{code}`") or code == "unknown"
    for number, way in states.PHONE_STATES.items():
        assert rows[number].split(",")[0] == " → ".join(["send", *way])
    assert rows.keys() == rules.PHONE_ERRORS.keys() | states.PHONE_STATES.keys()
    for trigger in [*rules.SENDER_ERRORS, *rules.TEXT_ERRORS]:
        assert f"`{trigger}`" in PAGE


def test_every_fault_is_in_the_table_and_its_example_works(mysmpp_sandbox: SandboxServer) -> None:
    assert [kind for kind in KINDS if f"\n| `{kind}` | " not in PAGE] == []
    given = examples("/api/faults")
    assert {fault["kind"] for fault in given} == KINDS.keys()
    for fault in given:
        mysmpp_sandbox.api("POST", "/api/faults", json=fault)


def test_the_other_examples_work(mysmpp_sandbox: SandboxServer) -> None:
    (body,) = examples("/json")
    assert "information" in post(mysmpp_sandbox, body).json()
    for path, method in (("/api/settings", "PATCH"), ("/api/clock", "POST")):
        (given,) = examples(path)
        mysmpp_sandbox.api(method, path, json=given)
    assert post(mysmpp_sandbox, CREDENTIALS, "/json/balance.php").json()["money"] == "9999997.5"


def test_every_setting_is_in_the_table_with_its_start(mysmpp_sandbox: SandboxServer) -> None:
    for name, value in mysmpp_sandbox.api("GET", "/api/settings").items():
        row = re.search(rf"^\| `{name}` \| (.*?) \|", PAGE, re.M)
        assert row is not None, name
        shown = row[1].strip("`")
        assert shown == ("none" if value is None else f"{value:g}" if isinstance(value, float) else value)


def test_every_field_of_the_inbox_is_in_a_table(mysmpp_sandbox: SandboxServer) -> None:
    send(mysmpp_sandbox, message())
    tables = {
        name: PAGE.partition(f"\n| field of a {name} | ")[2].partition("\n\n")[0] for name in ("message", "request")
    }
    for name, shown in (("message", mysmpp_sandbox.messages()), ("request", mysmpp_sandbox.requests())):
        rows = re.findall(r"^\| (`.*?`) \|", tables[name], re.M)
        assert set(re.findall(r"`(\w+)`", " ".join(rows))) == shown[0].keys()


def test_every_member_of_a_server_is_in_a_table() -> None:
    section = PAGE.partition("\n## In tests\n")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?`) \|", section, re.M)
    members = [name for name in vars(SandboxServer) if not name.startswith("_")]
    parameters = inspect.signature(SandboxServer).parameters
    assert set(re.findall(r"`(\w+)", " ".join(first_cells))) == {*members, *parameters, "url", "host"}


def test_without_its_extra_the_sandbox_says_so() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; import airflow_provider_mysmpp.sandbox"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.endswith("The sandbox needs uvicorn: pip install 'airflow-provider-mysmpp[sandbox]'\n")
