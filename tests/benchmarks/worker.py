"""One measurement in a process of its own; prints what it took as JSON."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

BATCH = 500
LETTERS = 85
SENDER = "BENCH"

Measured = dict[str, float]


def text_of(number: int) -> str:
    """Return a Cyrillic text of 85 letters that no other number has."""
    head = f"Заказ {number:08}: "
    return head + ("ваш заказ готов и ждёт вас в пункте выдачи, приходите до закрытия " * 2)[: LETTERS - len(head)]


def row_of(number: int) -> tuple[str, str]:
    """Return the phone and the text of a row."""
    return str(79_000_000_000 + number), text_of(number)


@contextmanager
def measured(result: Measured) -> Iterator[None]:
    """Put the seconds, the CPU seconds and the growth of the peak memory in MiB into a result."""
    memory, cpu, start = _peak_memory(), time.process_time(), time.perf_counter()
    yield
    result["seconds"] = time.perf_counter() - start
    result["cpu"] = time.process_time() - cpu
    result["peak"] = _peak_memory()
    result["growth"] = result["peak"] - memory


def _peak_memory() -> float:
    # Not ru_maxrss: that one starts with the peak of the parent.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def naive(url: str, messages: int) -> Measured:
    """Send as a first script does: one session, one request a recipient."""
    import requests

    result: Measured = {}
    session = requests.Session()
    with measured(result):
        for number in range(messages):
            phone, text = row_of(number)
            answer = session.post(f"{url}/json", json=_payload([(number, phone, text)]), timeout=60)
            answer.json()["information"][0]["id_sms"]
    return result


def floor(url: str, messages: int) -> Measured:
    """Send ready payloads of 500 with requests and the JSON of the standard library, and read the answers."""
    import requests

    rows = [(number, *row_of(number)) for number in range(messages)]
    payloads = [_payload(rows[start : start + BATCH]) for start in range(0, messages, BATCH)]
    result: Measured = {}
    session = requests.Session()
    with measured(result):
        for payload in payloads:
            session.post(f"{url}/json", json=payload, timeout=60).json()
    return result


def _payload(rows: list[tuple[int, str, str]]) -> dict[str, Any]:
    return {
        "login": "bench",
        "password": "bench",
        "message": [
            {
                "type_send_1": "sms",
                "sender": SENDER,
                "text": text,
                "phones": [{"phone": phone, "client_id_sms": str(4_503_599_627_370_496 + number)}],
            }
            for number, phone, text in rows
        ],
    }


def send(*, url: str, database: str, messages: int, in_flight: int, folder: str, rate: float | None = None) -> Measured:
    """Run the operator as a worker does: rows from SQL, results to a file."""
    extra = {"sender": SENDER, "messages_per_second": rate}
    os.environ["AIRFLOW_CONN_MYSMPP_DEFAULT"] = json.dumps(
        {"conn_type": "mysmpp", "host": url, "login": "bench", "password": "bench", "extra": extra}
    )
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "sqlite", "host": database})
    from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator

    operator = MySmppSendOperator(
        task_id="send",
        sql=f"SELECT phone, text FROM recipients LIMIT {messages}",  # noqa: S608
        sql_conn_id="bench",
        idempotency_key="bench",
        batch_size=BATCH,
        max_in_flight=in_flight,
        results_path=f"{folder}/results-{os.getpid()}.csv.gz",
    )
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(try_number=1, map_index=-1, xcom_push=lambda key, value: pushed.update({key: value}))
    _warm_up()
    result: Measured = {}
    with measured(result):
        operator._execute(cast("Any", {"ti": ti}))
    if pushed["summary"]["accepted"] != messages:
        raise AssertionError(pushed["summary"])
    return result


def _warm_up() -> None:
    """Import what a task imports, which is no part of what a message costs."""
    for module in (
        "airflow.providers.sqlite.hooks.sqlite",
        "airflow_provider_mysmpp.gateway.client",
        "airflow_provider_mysmpp.operators.report",
        "airflow_provider_mysmpp.sending.dispatch",
    ):
        import_module(module)


def source(connection: str, query: str) -> Measured:
    """Read all rows of a query as the operator does."""
    os.environ["AIRFLOW_CONN_BENCH"] = connection
    from airflow.providers.common.compat.sdk import BaseHook

    from airflow_provider_mysmpp.operators.sources import rows_from_sql

    database = BaseHook.get_hook("bench")
    for _ in rows_from_sql(database, f"{query} LIMIT 10"):
        pass
    result: Measured = {}
    with measured(result):
        result["rows"] = sum(1 for _ in rows_from_sql(database, query))
    return result


def wire(database: str, messages: int) -> Measured:
    """Compare the body of a request with what ``requests.post(json=…)`` makes of the same payload."""
    from requests import Request

    from airflow_provider_mysmpp.gateway.documents import Message, send_document

    rows = sqlite3.connect(database).execute("SELECT phone, text FROM recipients LIMIT ?", (messages,)).fetchall()
    identity = 4_503_599_627_370_496
    numbered = [(number, phone, text) for number, (phone, text) in enumerate(rows)]
    ours, _ = send_document(
        {"login": "bench", "password": "bench"},
        [Message(phone, text, SENDER, "sms", str(identity + number)) for number, phone, text in numbered],
    )
    theirs = Request("POST", "http://127.0.0.1/json", json=_payload(numbered)).prepare().body or b""
    return {"ours": len(ours), "theirs": len(theirs)}


CASES: dict[str, Callable[..., Measured]] = {
    "naive": naive,
    "floor": floor,
    "send": send,
    "source": source,
    "wire": wire,
}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](**json.loads(sys.argv[2]))))
