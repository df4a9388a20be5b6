"""A send of 20,000 whose process is killed again and again, in a real Airflow, with faults: nobody twice or lost."""

from __future__ import annotations

import csv
import gzip
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack, Run

from .ledger import Entry, assert_once, kept
from .real_runs import Shop, install, shop_of

RECIPIENTS: Final = int(os.environ.get("MYSMPP_KILL_RECIPIENTS", "20000"))
SEED: Final = int(os.environ.get("MYSMPP_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
BATCH: Final = 100
PER_SECOND: Final = 5_000
MOMENTS: Final = ("start", "worker", *["middle"] * 6)
LAST_MOMENTS: Final = ("start", "end", "middle", "end")
"""When the process dies. At a ``worker``, in mid-send too, its scheduler and supervisor die with it."""

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "lost_answer", "probability": 0.01},
    {"kind": "reset", "probability": 0.01},
    {"kind": "status", "status": 502, "processed": True, "probability": 0.01},
    {"kind": "too_many", "retry_after": 1, "probability": 0.005},
    {"kind": "cut_json", "probability": 0.01},
    {"kind": "too_few", "probability": 0.005},
    {"kind": "too_many_entries", "probability": 0.005},
)
TASKS: Final = """
MySmppSendOperator(
    task_id="send",
    sql="SELECT phone, order_number AS key, balance FROM customers ORDER BY random()",
    sql_conn_id="shop",
    text="Ваш баланс {balance} ₽. Заказ {key} готов.",
    batch_size=%(batch)d,
    results_path=%(path)r,
    retries=100,
    retry_delay=timedelta(0),
)
"""

pytestmark = [pytest.mark.system, pytest.mark.service, pytest.mark.timeout(900)]


@dataclass
class Massacre:
    """What happened to the processes of the task."""

    kills: list[str] = field(default_factory=list)
    inserted: int = 0

    def __str__(self) -> str:
        return "\n".join([f"seed {SEED}", *self.kills])


@pytest.fixture
def shop(airflow_stack: AirflowStack) -> Iterator[Shop]:
    with shop_of(airflow_stack) as shop:
        yield shop


def customer(number: int) -> dict[str, object]:
    """Every hundredth customer has a second order, under the same phone."""
    owner = number - 1 if number % 100 == 1 else number
    return {"phone": f"7961{owner:07}", "order_number": f"A-{number}", "balance": number % 1000}


INSERT: Final = "INSERT INTO customers VALUES (:phone, :order_number, :balance)"


def test_twenty_thousand_recipients_survive_the_death_of_every_process(
    airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.run(INSERT, *map(customer, range(RECIPIENTS)))
    mysmpp_sandbox.change(delivery_seconds=86_400)
    for number, fault in enumerate(FAULTS):
        mysmpp_sandbox.add_fault(**fault, seed=SEED + number)
    path = airflow_stack.home / "results.csv.gz"
    tasks = TASKS % {"batch": BATCH, "path": str(path)}
    gateway = mysmpp_sandbox.airflow_connection(messages_per_second=PER_SECOND)
    install(airflow_stack, "massacre", tasks, mysmpp_default=gateway, shop=shop.connection)

    run = airflow_stack.trigger("massacre")
    massacre = kill_again_and_again(airflow_stack, run, mysmpp_sandbox, shop)
    assert airflow_stack.wait_for_run(run, patience=300) == "success", massacre

    rows = RECIPIENTS + massacre.inserted
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        results = list(csv.DictReader(file))
    ledger = kept(mysmpp_sandbox)
    summary = airflow_stack.xcom(run, "send", "summary")
    faults = Counter(request["fault"] for request in mysmpp_sandbox.requests() if request["fault"])
    with capsys.disabled():
        sys.stdout.write(f"\n{massacre}\nfaults: {dict(faults)}\nlast try: {summary}\n")
    assert len(massacre.kills) >= 10
    assert sum(faults.values()) >= 10
    assert airflow_stack.xcom(run, "send") == str(path)
    assert summary["accepted"] == summary["recipients"] == rows
    assert sorted((row["phone"], row["key"]) for row in results) == sorted(
        (str(one["phone"]), str(one["order_number"])) for one in everybody(massacre)
    )
    assert len(ledger) == rows
    assert_once(ledger, phones=False)
    assert {Entry(row["phone"], row["client_id_sms"], row["id_sms"]) for row in results} == set(ledger)
    assert len({row["id_sms"] for row in results}) == rows


def everybody(massacre: Massacre) -> list[dict[str, object]]:
    return [customer(number) for number in range(RECIPIENTS + massacre.inserted)]


def kill_again_and_again(stack: AirflowStack, run: Run, sandbox: SandboxServer, shop: Shop) -> Massacre:
    """Kill one process of the task after another, and change the rows between them."""
    massacre, dice = Massacre(), random.Random(SEED)
    last_pid: int | None = None
    for moment in (*dice.sample(MOMENTS, len(MOMENTS)), *LAST_MOMENTS):
        wait_for_another_process(stack, run, last_pid, massacre)
        started, before = time.monotonic(), sandbox.summary()["requests"]
        wait_for_moment(moment, sandbox, before, dice)
        seen = sandbox.summary()
        task = stack.task(run, "send")
        last_pid = task.pid if task else None
        if moment == "worker":
            stack.stop_component("scheduler", kill=True)
            stack.start_component("scheduler")
        else:
            assert stack.kill_task(run, "send"), f"the task ended before it could be killed\n{massacre}"
        massacre.kills.append(
            f"kill {len(massacre.kills) + 1} ({moment}): {time.monotonic() - started:.2f} s into the try, after"
            f" {seen['requests'] - before} requests of it; {seen['messages']} messages in the ledger"
        )
        shop.run("UPDATE customers SET balance = balance + 1")
        new = range(RECIPIENTS + massacre.inserted, RECIPIENTS + massacre.inserted + 3)
        shop.run(INSERT, *map(customer, new))
        massacre.inserted += len(new)
    return massacre


def wait_for_another_process(stack: AirflowStack, run: Run, last_pid: int | None, massacre: Massacre) -> None:
    def is_there() -> bool:
        task = stack.task(run, "send")
        return task is not None and task.state == "running" and task.pid not in (None, last_pid)

    stack.wait_until(is_there, f"another process of {run}\n{massacre}")


def wait_for_moment(moment: str, sandbox: SandboxServer, before: int, dice: random.Random) -> None:
    """Wait for a moment of the try that has just begun."""
    if moment == "start":
        time.sleep(dice.uniform(0, 0.2))
        return
    whole = RECIPIENTS // BATCH
    wanted = whole * 8 // 10 if moment == "end" else dice.randrange(1, whole // 3)
    end = time.monotonic() + 120
    while sandbox.summary()["requests"] - before < wanted and time.monotonic() < end:
        time.sleep(0.01)
