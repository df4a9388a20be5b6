"""The example DAGs send what they say, and what they hand on is what the gateway has."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.dags.conftest import Run

CUSTOMERS = 300


def in_the_ledger(sandbox: SandboxServer) -> dict[str, str]:
    """Return the id of each phone in the sandbox's ledger, where each must stand once."""
    messages = sandbox.messages()
    by_phone = {message["phone"]: str(message["id_sms"]) for message in messages}
    assert len(by_phone) == len(messages), "somebody was texted twice"
    return by_phone


def test_from_sql(run_dag: Callable[[str], Run], shop: sqlite3.Connection, mysmpp_sandbox: SandboxServer) -> None:
    rows = [(number, f"8 (961) 224-{number // 100:02}-{number % 100:02}", f"A-{number}") for number in range(CUSTOMERS)]
    rows[7] = (7, "no phone", "A-7")
    rows[9] = (9, "79000000101", "A-9")  # on the sandbox's stop list
    shop.executemany("INSERT INTO customers VALUES (?, ?, 'Анна', ?, 1)", rows)
    shop.execute("INSERT INTO customers VALUES (1000, '79612249999', 'Борис', 'A-1000', 0)")
    run = run_dag("mysmpp_from_sql")
    assert run.state == "success"
    mapping = run.xcom("send")
    assert {entry["phone"]: entry["id_sms"] for entry in mapping} == in_the_ledger(mysmpp_sandbox)
    assert [entry["key"] for entry in mapping] == [f"A-{number}" for number in range(CUSTOMERS) if number not in (7, 9)]
    assert run.xcom("send", "failed") == [
        {
            "row": 8,
            "phone": "no p**ne",
            "key": "A-7",
            "status": "invalid",
            "code": "phone",
            "error": "there are characters that belong to no phone; leave only digits, spaces, + - ( )",
        },
        {
            "row": 10,
            "phone": "7900*****01",
            "key": "A-9",
            "status": "rejected",
            "code": "stop_list",
            "error": "Phone number is on the stop list",
        },
    ]
    summary = run.xcom("send", "summary")
    assert summary.pop("seconds") >= 0
    assert summary == {
        "recipients": 300,
        "accepted": 298,
        "rejected": 1,
        "invalid": 1,
        "duplicate": 0,
        "unknown": 0,
        "unsent": 0,
        "parts": 298,
        "requests": 1,
    }
    assert mysmpp_sandbox.messages()[0]["text"] == "Анна, your order A-0 is ready. We are open until 21:00."


def test_from_xcom(run_dag: Callable[[str], Run], mysmpp_sandbox: SandboxServer) -> None:
    run = run_dag("mysmpp_from_xcom")
    assert run.state == "success"
    assert {entry["phone"]: entry["id_sms"] for entry in run.xcom("remind")} == in_the_ledger(mysmpp_sandbox)
    assert [(message["phone"], message["text"]) for message in mysmpp_sandbox.messages()] == [
        ("79612242243", "Анна, к оплате 1250.50 ₽ до пятницы."),
        ("79612242244", "Борис, к оплате 80.00 ₽ до пятницы."),
    ]
    assert run.states() == dict.fromkeys(["debtors[-1]", "remind[-1]", "store[-1]"], "success")


def test_mapped(run_dag: Callable[[str], Run], mysmpp_sandbox: SandboxServer) -> None:
    run = run_dag("mysmpp_mapped")
    assert run.state == "success"
    shards = [run.xcom("send", map_index=shard) for shard in range(3)]
    assert [len(shard) for shard in shards] == [20, 20, 20]
    together = {entry["phone"]: entry["id_sms"] for shard in shards for entry in shard}
    assert together == in_the_ledger(mysmpp_sandbox)
    assert run.xcom("count") == 60


@pytest.mark.parametrize("dag_id", ["mysmpp_from_xcom", "mysmpp_mapped"])
def test_another_run_sends_again(run_dag: Callable[[str], Run], mysmpp_sandbox: SandboxServer, dag_id: str) -> None:
    run_dag(dag_id)
    first = len(mysmpp_sandbox.messages())
    run_dag(dag_id)
    assert len(mysmpp_sandbox.messages()) == 2 * first
