"""Callbacks of tasks, DAGs and deadlines as a real Airflow fires them, and ``@task.mysmpp`` as it runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AIRFLOW_3, AirflowStack, Run
from tests.conftest import ROOT
from tests.notifications.real_dags import dag_file
from tests.support import AIRFLOW

pytestmark = pytest.mark.system

DEADLINES: Final = AIRFLOW >= (3, 1)
SYNC_DEADLINES: Final = AIRFLOW >= (3, 2)
ONCALL: Final = "79612242243"
FOR_EXECUTOR: Final = "79610000010"
EXAMPLES: Final = ("mysmpp_notifications", "mysmpp_decorator")
DAGS: Final = (
    *EXAMPLES,
    "fails",
    "succeeds",
    "takes_too_long",
    "decorates",
    "is_killed",
    *(["misses_its_deadline"] if DEADLINES else []),
    *(["misses_it_for_the_executor"] if SYNC_DEADLINES else []),
)


@dataclass(frozen=True)
class Night:
    """
    What is going on.

    :param airflow: A real one.
    :param gateway: The sandbox that its connection leads to.
    :param runs: A run of each DAG.
    """

    airflow: AirflowStack
    gateway: SandboxServer
    runs: dict[str, Run]

    def texts(self, phone: str) -> list[str]:
        """Return the texts that a phone got."""
        return [message["text"] for message in self.gateway.messages(phone=phone)]

    def firings(self, phone: str) -> int:
        """Return how often the gateway was asked to text a phone."""
        [client_id] = {message["client_id_sms"] for message in self.gateway.messages(phone=phone)} or {None}
        return sum(client_id in request["client_ids"] for request in self.gateway.requests())

    def wait_for(self, phone: str, *, firings: int = 1) -> None:
        """Wait until the gateway was asked so often to text a phone."""
        self.airflow.wait_until(lambda: self.firings(phone) >= firings, f"{firings} firings for {phone}")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A real Airflow, each of whose DAGs has begun a run."""
    release = tmp_path_factory.mktemp("release") / "go"
    with SandboxServer() as gateway:
        env = {"AIRFLOW_CONN_OF_ENVIRONMENT": gateway.airflow_connection()}
        if not AIRFLOW_3:
            env |= {"AIRFLOW_CONN_MYSMPP_DEFAULT": gateway.airflow_connection(), "AIRFLOW_VAR_ONCALL_PHONES": ONCALL}
        with AirflowStack(env=env, triggerer=DEADLINES) as airflow:
            if AIRFLOW_3:  # as most people keep them: a callback gets them over every process between
                keep_in_database(airflow, gateway)
            for example in EXAMPLES:
                airflow.add_dag(example, (ROOT / "example_dags" / f"{example}.py").read_text(encoding="utf-8"))
            airflow.add_dag("fails", dag_file(str(release), deadlines=DEADLINES, sync_deadlines=SYNC_DEADLINES))
            yield Night(airflow, gateway, {dag_id: airflow.trigger(dag_id) for dag_id in DAGS})
            release.touch()


def keep_in_database(airflow: AirflowStack, gateway: SandboxServer) -> None:
    """Keep the connection and the variable in Airflow's database."""
    connection = json.loads(gateway.airflow_connection())
    fields = {**connection, "connection_id": "mysmpp_default", "extra": json.dumps(connection["extra"])}
    airflow.api("POST", "/api/v2/connections", json=fields)
    airflow.api("POST", "/api/v2/variables", json={"key": "oncall_phones", "value": ONCALL})


@pytest.mark.parametrize(
    ("phone", "firings", "text"),
    [
        ("79610000001", 2, r"Airflow: DAG fails failed \(task_failure\), run test__\w+"),
        ("79610000002", 2, r"task fails\.boom_task failed \(ValueError, try 3\), run test__\w+: at \d+"),
        ("79610000003", 2, r"Airflow: task fails\.boom_task failed and will be tried again \(ValueError, try 1\), .+"),
        ("79610000004", 2, r"Airflow: DAG succeeds succeeded, run test__\w+"),
        ("79610000005", 3, r"Airflow: task succeeds\.fine\[\d\] succeeded, run test__\w+"),
        ("79610000006", 1, r"Airflow: DAG takes_too_long failed \(timed_out\), run test__\w+"),
        pytest.param(
            "79610000007",
            1,
            r"DAG misses_its_deadline missed its deadline \(.+ UTC\), run test__\w+",
            marks=pytest.mark.skipif(not DEADLINES, reason="deadlines came with Airflow 3.1"),
        ),
        ("79610000009", 3, r"Airflow: task fails\.boom_task started, run test__\w+"),
        pytest.param(
            FOR_EXECUTOR,
            1,
            r"Airflow: DAG misses_it_for_the_executor missed its deadline \(.+ UTC\), run test__\w+",
            marks=pytest.mark.skipif(not SYNC_DEADLINES, reason="Airflow 3.2 runs them in executors"),
        ),
    ],
    ids=[
        "dag_fails",
        "task_fails",
        "retry",
        "dag_succeeds",
        "mapped_task",
        "dag_timeout",
        "deadline",
        "task_starts",
        "deadline_in_executor",
    ],
)
def test_that_each_event_is_told_once(night: Night, phone: str, firings: int, text: str) -> None:
    night.wait_for(phone, firings=firings)

    [told] = night.texts(phone)
    assert re.fullmatch(text, told), told
    to_oncall = [told for told in night.texts(ONCALL) if re.fullmatch(text, told)]
    assert len(to_oncall) == (0 if phone == FOR_EXECUTOR else 1)


def test_that_a_task_which_lost_its_process_is_told_by_another(night: Night) -> None:
    run = night.runs["is_killed"]
    task = night.airflow.wait_for_task(run, "wait", "running")
    kill_with_parent(night.airflow, run, task.pid)

    night.wait_for("79610000008")

    assert night.texts("79610000008") == [f"Airflow: task is_killed.wait failed (try 1), run {run.run_id}"]


def kill_with_parent(airflow: AirflowStack, run: Run, pid: int | None) -> None:
    """Kill the process of a task and the one that looks after it, as a lost machine does."""
    found = subprocess.run(
        ["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, timeout=30, check=True
    )
    os.kill(int(found.stdout), signal.SIGKILL)
    airflow.kill_task(run, "wait")


def test_that_a_cleared_task_which_fails_again_is_old_news(night: Night) -> None:
    run = night.runs["fails"]
    night.airflow.wait_for_run(run, "failed")
    night.wait_for("79610000001", firings=2)

    night.airflow.clear(run, "boom_task")

    night.wait_for("79610000001", firings=4)
    for phone in ("79610000001", "79610000002", "79610000003"):
        assert len(night.texts(phone)) == 1
    assert night.firings("79610000002") == 4


def test_the_decorator(night: Night) -> None:
    run = night.runs["decorates"]
    night.airflow.wait_for_run(run, "success")

    words = f"Anna, {run.run_id}"
    assert sorted(night.texts("79620000001")) == sorted(night.texts("79620000002")) == sorted([words, "Each of many"])
    assert [entry["phone"] for entry in night.airflow.xcom(run, "remind")] == ["79620000001", "79620000002"]
    assert night.airflow.xcom(run, "remind", "summary")["accepted"] == 2
    [mapped] = night.airflow.xcom(run, "remind_each", map_index=1)
    assert (mapped["phone"], mapped["key"]) == ("79620000002", "A")


def test_the_examples(night: Night) -> None:
    notifies, decorates = (night.runs[example] for example in EXAMPLES)
    told = f"Airflow: DAG mysmpp_notifications failed (task_failure), run {notifies.run_id}"

    night.airflow.wait_until(lambda: told in night.texts(ONCALL), told)
    night.airflow.wait_for_run(decorates, "success")

    assert night.texts(ONCALL).count("load of mysmpp_notifications is tried again: no orders of today") == 1
    assert night.texts("79612240000") == ["Анна, к оплате 80.00 ₽ до пятницы."]
    assert len(night.airflow.xcom(decorates, "remind")) == 3


def test_that_airflow_stores_and_shows_no_phone(night: Night) -> None:
    night.airflow.wait_for_run(night.runs["decorates"], "success")
    night.wait_for("79610000001")

    fields = night.airflow.sql("SELECT task_id, rendered_fields FROM rendered_task_instance_fields")
    logs = [file.read_text(errors="replace") for file in night.airflow.home.rglob("*.log")]

    assert {task_id for task_id, _ in fields} >= {"remind", "remind_each"}
    assert any("The gateway took 2 of 2 messages" in log for log in logs)
    for phone in (ONCALL, "79610000001", "79610000007", "79620000001", "79620000002"):
        assert phone not in repr(fields)
        assert not [log for log in logs if phone in log]
