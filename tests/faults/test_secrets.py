"""Canary credentials and phones, looked for wherever people, log files and Airflow's database could show them."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any, Final

import pytest

from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.airflow_stack import AirflowStack
from tests.canaries import LOGIN, PASSWORD, TOKEN, connection
from tests.support import Written

from .attempts import attempt
from .real_runs import install, shop_of

WRONG: Final = "canary-of-a-wrong-password-44"
SECRETS: Final = (LOGIN, PASSWORD, TOKEN, WRONG)
PHONES: Final = [f"7962517{number:04}" for number in range(30)]
REFUSED: Final = "79000000101"
INVALID: Final = "7962517004200420042"
ALL_PHONES: Final = (*PHONES, REFUSED, INVALID)


def leaks(text: str) -> list[str]:
    return [canary for canary in (*SECRETS, *ALL_PHONES) if canary in text]


def echo(phones: list[str]) -> str:
    """Return an answer whose words repeat the phones, as some gateways do."""
    return json.dumps({"information": [{"error": f"The number {phone} is on holiday"} for phone in phones]})


ECHO: Final = {"kind": "body", "body": echo([*PHONES, REFUSED])}
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    *({"kind": kind} for kind in ("lost_answer", "reset", "cut_json", "html", "empty", "too_few", "neither")),
    *({"kind": kind, "times": None} for kind in ("lost_answer", "cut_json", "too_few", "one_id", "redirect")),
    {"kind": "status", "status": 500, "times": None},
    {"kind": "redirect", "location": f"http://{LOGIN}:{PASSWORD}@127.0.0.1:9/?phone={PHONES[0]}"},
    ECHO,
    {"kind": "body", "body": json.dumps({"error": f"{PHONES[3]} {PHONES[4]}"})},
    {"kind": "error", "code": "bad_credentials"},
)


@pytest.fixture
def everything_logged(written: Written, caplog: pytest.LogCaptureFixture) -> Written:
    """Log all that any library has to say."""
    for name in ("airflow_provider_mysmpp", "airflow_provider_mysmpp.sandbox", "urllib3", "airflow.task"):
        caplog.set_level(logging.DEBUG, logger=name)
    return written


@pytest.mark.parametrize("secret", ["password", "wrong password", "token"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('times', 1)}")
@pytest.mark.usefixtures("canary_account")
def test_no_log_exception_or_xcom_shows_a_canary(
    gateway: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: Written,
    fault: dict[str, Any],
    secret: str,
) -> None:
    own = {"password": WRONG} if secret == "wrong password" else {"token": TOKEN} if secret == "token" else {}
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", connection(gateway, **own))
    gateway.add_fault(**fault)
    size = 50 if fault is ECHO else 16  # an echo of all phones answers one request with all of them
    done = attempt(recipients=[*PHONES, REFUSED, INVALID], text="Ваш код {phone}", batch_size=size, max_in_flight=2)
    assert done.error is not None, "the invalid one fails every send"
    logged = everything_logged.with_the_log_of(done.operator)
    shown = [
        "".join(traceback.format_exception(done.error)),
        "".join(str(error.__dict__) for error in chain(done.error)),
        json.dumps({key: value for key, value in done.xcoms.items() if key != "return_value"}),
        str([getattr(done.operator, field) for field in done.operator.template_fields]),
        repr(done.operator.hook.get_conn()) + repr(done.operator.hook.settings),
        logged,
    ]
    assert done.summary["invalid"] == 1
    assert "7962*************42" in str(done.failed), "phones are masked, not left out"
    for words in [str(done.failed), str(done.error)] if fault is ECHO else ():
        assert "The number 7962*****00 is on holiday" in words
    assert "POST /json" in logged, "the sandbox's own log is among them"
    assert [leaks(text) for text in shown] == [[]] * len(shown)
    assert len(leaks(str(done.mapping))) == len(done.mapping), "only the mapping has whole phones"


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those behind it, also the ones that a traceback does not show."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


@pytest.mark.usefixtures("canary_account")
def test_the_canaries_do_open_the_account(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the tests above would look for canaries that never flew."""
    for own, verdict in (({}, "success"), ({"token": TOKEN}, "success"), ({"password": WRONG}, "fail")):
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", connection(gateway, **own))
        assert attempt(recipients=PHONES, run_id=str(own)).verdict == verdict
    assert len(gateway.messages()) == 2 * len(PHONES)
    assert MySmppHook().settings.password == WRONG


TASKS: Final = """
    ok = {"text": "Ваш код {phone}", "trigger_rule": "all_done", "retries": 1, "retry_delay": timedelta(0)}
    rows = GIVEN["rows"]
    chain = [
        MySmppSendOperator(task_id="sql", sql="SELECT phone FROM customers", sql_conn_id="shop", **ok),
        MySmppSendOperator(task_id="echo", recipients=rows, **ok),
        MySmppSendOperator(task_id="redirect", recipients=rows, **ok),
        MySmppSendOperator(task_id="wrong", recipients=rows, mysmpp_conn_id="wrong", **ok),
        MySmppSendOperator(task_id="token", recipients=rows, mysmpp_conn_id="token", **ok),
        MySmppSendOperator(task_id="template", recipients="{{ dag.params['nobody'] }}", **ok),
    ]
    for before, after in zip(chain, chain[1:]):
        before >> after
"""


RENDERED: Final = "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = :dag_id"
STORED: Final = "SELECT data FROM serialized_dag WHERE dag_id = :dag_id"


@pytest.mark.system
@pytest.mark.service
@pytest.mark.usefixtures("canary_account")
def test_nothing_that_a_real_run_leaves_shows_a_canary(
    airflow_stack: AirflowStack, mysmpp_sandbox: SandboxServer, everything_logged: Written
) -> None:
    mysmpp_sandbox.add_fault("lost_answer")
    mysmpp_sandbox.add_fault("body", body=echo([*PHONES, REFUSED]), after=1, times=2)
    mysmpp_sandbox.add_fault("redirect", times=2)
    with shop_of(airflow_stack) as shop:
        insert = "INSERT INTO customers VALUES (:phone, 'A', 1)"
        shop.run(insert, *({"phone": phone} for phone in ALL_PHONES))
        install(
            airflow_stack,
            "secrets",
            TASKS,
            rows=ALL_PHONES,
            mysmpp_default=connection(mysmpp_sandbox),
            wrong=connection(mysmpp_sandbox, password=WRONG),
            token=connection(mysmpp_sandbox, token=TOKEN),
            shop=shop.connection,
        )
        run = airflow_stack.trigger("secrets")
        assert airflow_stack.wait_for_run(run) == "failed"
    summaries = {task: airflow_stack.xcom(run, task, "summary") for task in ("sql", "echo", "redirect", "token")}
    assert {task: one["accepted"] for task, one in summaries.items()} == {
        "sql": len(PHONES),
        "echo": 0,
        "redirect": 0,
        "token": len(PHONES),
    }
    logs = airflow_stack.task_logs(run)
    for words in ("Incorrect login or password", "is on holiday", "a redirect (HTTP 302)", "It is repeated in"):
        assert words in logs
    assert "7900*****01" in logs
    shown = {
        "task logs": logs,
        "other logs": "\n".join(file.read_text() for file in (airflow_stack.home / "logs").rglob("*.log")),
        "XComs": str(xcoms_but_mappings(airflow_stack)),
        "rendered fields": str(airflow_stack.sql(RENDERED, dag_id="secrets")),
        "stored DAG": str(airflow_stack.sql(STORED, dag_id="secrets")),
        "sandbox": everything_logged.text,
        **{f"{name}.log": airflow_stack.component_log(name) for name in airflow_stack.components},
    }
    assert "not shown" in shown["rendered fields"]
    assert "POST /json" in shown["sandbox"]
    assert {where: leaks(text) for where, text in shown.items()} == {where: [] for where in shown}
    assert leaks(str(airflow_stack.xcom(run, "sql"))) == PHONES, "only the mapping has whole phones"


def xcoms_but_mappings(stack: AirflowStack) -> list[str]:
    found = stack.sql("SELECT value FROM xcom WHERE dag_id = 'secrets' AND key <> 'return_value'")
    return [bytes(value).decode() if isinstance(value, memoryview) else str(value) for (value,) in found]
