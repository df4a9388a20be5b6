"""Results reach any object storage, in every format, with every row in the order of the input."""

from __future__ import annotations

import csv
import gzip
import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.faults.attempts import attempt
from tests.support import need_module

FORMATS = [".csv", ".csv.gz", ".jsonl", ".jsonl.gz"]
RECIPIENTS = [{"phone": f"7961224{number:04}", "key": number} for number in range(2_500)]
RECIPIENTS[1_200] = {"phone": "none, \"or\" 'so'\n", "key": "a,b"}


def read(content: bytes, name: str) -> list[dict[str, Any]]:
    """Read a results file with the standard library only."""
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    if ".jsonl" in name:
        return [json.loads(line) for line in text.splitlines()]
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{column: value or None for column, value in row.items()} for row in rows]


def attach(protocol: str, filesystem: Any) -> None:
    """Let Airflow know a storage that no provider of these tests brings."""
    try:
        store = import_module("airflow.sdk.io.store")
    except ImportError:  # Airflow 2.11
        store = import_module("airflow.io.store")
    store.attach(protocol, fs=filesystem)


def check(rows: list[dict[str, Any]], sandbox: SandboxServer) -> None:
    assert [int(row["row"]) for row in rows] == list(range(1, 2_501))
    assert list(rows[0]) == [
        "row",
        "phone",
        "key",
        "client_id_sms",
        "id_sms",
        "status",
        "code",
        "error",
        "parts",
    ]
    in_ledger = {message["phone"]: str(message["id_sms"]) for message in sandbox.messages()}
    assert {row["phone"]: row["id_sms"] for row in rows if row["status"] == "accepted"} == in_ledger
    bad = rows[1_200]
    assert (bad["status"], bad["code"], bad["key"], bad["phone"]) == ("invalid", "phone", "a,b", "none, \"or\" 'so'\n")


@pytest.fixture(autouse=True)
def connection(mysmpp_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", mysmpp_sandbox.airflow_connection())


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_local_file(suffix: str, tmp_path: Path, mysmpp_sandbox: SandboxServer) -> None:
    path = tmp_path / "new folder" / f"results{suffix}"
    done = attempt(recipients=RECIPIENTS, text="Hello", results_path=str(path), tolerated_failures=1)
    assert done.error is None
    assert done.mapping == str(path)
    check(read(path.read_bytes(), path.name), mysmpp_sandbox)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_remote_object(suffix: str, mysmpp_sandbox: SandboxServer) -> None:
    memory = need_module("fsspec").filesystem("memory")
    attach("memory", memory)
    url = f"memory://results-{uuid4().hex}/today{suffix}"
    done = attempt(recipients=RECIPIENTS, text="Hello", results_path=url, tolerated_failures=1)
    assert done.error is None
    assert done.mapping == url
    check(read(memory.cat_file(url), url), mysmpp_sandbox)


def test_the_same_results_make_the_same_packed_file(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.jsonl.gz"
        attempt(recipients=RECIPIENTS[:100], text="Hello", results_path=str(path))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_what_a_file_url_names_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    done = attempt(recipients=["79612242243"], text="Hello", results_path=f"file://{path}")
    assert done.mapping == f"file://{path}"
    assert len(read(path.read_bytes(), "results.csv")) == 1
