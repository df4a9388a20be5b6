"""``@task.mysmpp``, run as Airflow runs it, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException
from airflow.providers.common.compat.sdk import task as airflow_task

from airflow_provider_mysmpp.decorators import task
from airflow_provider_mysmpp.decorators.mysmpp import HiddenArguments
from airflow_provider_mysmpp.operators.mysmpp import MySmppSendOperator
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.faults.attempts import TaskInstance
from tests.support import Written

PHONE, OTHER = "79612242243", "79612242244"


def run(decorated: Any, *args: Any, **kwargs: Any) -> TaskInstance:
    """Make a task of a decorated function, run it, and return its task instance."""
    with DAG("shop", schedule=None) as dag:
        operator = decorated(*args, **kwargs).operator
    ti = TaskInstance(operator, "run-1", map_index=-1, try_number=1, dag_id="shop", task_id="remind")
    context = {"ti": ti, "task": operator, "dag": dag, "run_id": ti.run_id, "params": {"city": "Omsk"}}
    operator.render_template_fields(context)
    ti.xcoms["return_value"] = operator.execute(context)
    return ti


def sent(gateway: SandboxServer) -> list[tuple[str, str]]:
    """Return the phone and the text of each message."""
    return [(message["phone"], message["text"]) for message in gateway.messages()]


def test_that_airflow_knows_the_decorator() -> None:
    assert task is airflow_task
    assert airflow_task.mysmpp is task.mysmpp


@pytest.mark.parametrize(
    "recipients",
    [
        PHONE,
        79612242243,
        [PHONE],
        (PHONE,),
        {"phone": PHONE},
        [{"phone": PHONE}],
        iter([PHONE]),
        ({"phone": phone} for phone in [PHONE]),
    ],
    ids=["phone", "number", "list", "tuple", "mapping", "mappings", "iterator", "generator"],
)
def test_whatever_the_function_returns(gateway: SandboxServer, recipients: Any) -> None:
    @task.mysmpp(text="Ваш заказ готов.")
    def remind() -> Any:
        return recipients

    ti = run(remind)

    assert sent(gateway) == [(PHONE, "Ваш заказ готов.")]
    [entry] = ti.xcoms["return_value"]
    assert (entry["phone"], set(entry)) == (PHONE, {"phone", "key", "client_id_sms", "id_sms"})
    assert ti.xcoms["summary"]["accepted"] == 1
    assert ti.xcoms["failed"] == []


def test_that_a_generator_is_read_row_by_row_and_once(gateway: SandboxServer) -> None:
    alive: list[int] = []
    most: list[int] = []

    class Row(dict[str, Any]):
        def __init__(self, number: int) -> None:
            super().__init__(phone=f"7961{number:07}")
            alive.append(number)
            most.append(len(alive))

        def __del__(self) -> None:
            alive.pop()

    @task.mysmpp(text="Hello")
    def remind() -> Iterator[dict[str, Any]]:
        for number in range(5_000):
            yield Row(number)

    ti = run(remind)

    assert ti.xcoms["summary"]["accepted"] == len(most) == 5_000
    assert max(most) <= len(most) / 2


def test_the_bare_decorator(gateway: SandboxServer) -> None:
    @task.mysmpp
    def remind() -> dict[str, str]:  # Airflow would take the mapping for several XComs
        return {"phone": PHONE, "text": "as it is"}

    ti = run(remind)

    assert sent(gateway) == [(PHONE, "as it is")]
    assert [entry["phone"] for entry in ti.xcoms["return_value"]] == [PHONE]


def test_arguments_context_and_templates(gateway: SandboxServer) -> None:
    @task.mysmpp(text="{name}, {{ params.city }}", sender="{{ 'SHOP' }}", idempotency_key="{{ params.city }}")
    def remind(phones: list[str], name: str, *, run_id: str | None = None, **context: Any) -> Iterator[dict[str, Any]]:
        assert run_id == "run-1"
        assert context["params"] == {"city": "Omsk"}
        for phone in phones:
            yield {"phone": phone, "name": name}

    run(remind, ["{{ '79612242243' }}"], name="{{ params.city | upper }}")

    assert sent(gateway) == [(PHONE, "OMSK, Omsk")]
    assert gateway.messages()[0]["sender"] == "SHOP"


def test_that_a_second_try_sends_nothing_twice(gateway: SandboxServer) -> None:
    @task.mysmpp(text="Hello")
    def remind() -> Iterator[str]:
        yield from (PHONE, OTHER)

    assert run(remind).xcoms["return_value"] == run(remind).xcoms["return_value"]
    assert len(gateway.messages()) == 2


def test_override(gateway: SandboxServer) -> None:
    @task.mysmpp(text="Hello")
    def remind(phone: str) -> str:
        return phone

    ti = run(remind.override(task_id="again", text="Good bye", tolerated_failures=3), PHONE)

    assert sent(gateway) == [(PHONE, "Good bye")]
    assert (ti.task.task_id, ti.task.tolerated_failures) == ("again", 3)


def test_that_failures_are_the_operators(gateway: SandboxServer) -> None:
    @task.mysmpp(text="Hello")
    def remind() -> list[str]:
        return [PHONE, "nobody"]

    with pytest.raises(AirflowFailException, match="1 invalid"):
        run(remind)
    assert sent(gateway) == [(PHONE, "Hello")]


def test_that_an_error_of_the_function_sends_nothing(gateway: SandboxServer) -> None:
    @task.mysmpp(text="Hello")
    def remind() -> Iterator[str]:
        yield PHONE
        raise RuntimeError("the other system is down")

    with pytest.raises(RuntimeError, match="down"):
        run(remind)
    assert gateway.requests() == []


def test_that_nothing_returned_is_an_error_in_words(gateway: SandboxServer) -> None:
    @task.mysmpp(text="Hello")
    def remind() -> None:
        """Return nothing."""

    with pytest.raises(AirflowFailException, match="recipients is None"):
        run(remind)


async def coroutine() -> list[str]:
    """Return recipients, some day."""
    return []


async def generator() -> Any:
    """Yield recipients, some day."""
    yield PHONE


@pytest.mark.parametrize("function", [coroutine, generator])
def test_that_async_functions_are_refused_when_the_dag_is_read(function: Callable[[], Any]) -> None:
    with DAG("shop", schedule=None), pytest.raises(TypeError, match="no async function"):
        task.mysmpp(text="Hello")(function)()


@pytest.mark.parametrize("parameters", [{"sql": "SELECT 1"}, {"recipients": [PHONE]}, {"batch_size": 0}])
def test_that_wrong_parameters_are_refused_when_the_dag_is_read(parameters: dict[str, Any]) -> None:
    @task.mysmpp(text="Hello", **parameters)
    def remind() -> list[str]:
        return [PHONE]

    with DAG("shop", schedule=None), pytest.raises((TypeError, ValueError), match=r"recipients|batch_size"):
        remind()


def test_that_no_phone_is_stored_shown_or_logged(gateway: SandboxServer, written: Written) -> None:
    @task.mysmpp(text="Hello")
    def remind(phones: list[str], others: list[str]) -> list[str]:
        return [*phones, *others]

    ti = run(remind, [PHONE], others=[OTHER])

    assert len(gateway.messages()) == 2
    fields = {name: getattr(ti.task, name) for name in ti.task.template_fields}
    assert {"recipients", "sql", "sql_conn_id", "parameters"}.isdisjoint(fields)
    assert {*MySmppSendOperator.template_fields} - {"recipients", "sql", "sql_conn_id", "parameters"} < {*fields}
    assert repr(fields["op_args"]) == repr(fields["op_kwargs"]) == "<1 arguments, not shown>"
    stored, logged = stored_of(fields), written.with_the_log_of(ti.task)
    for phone in (PHONE, OTHER):
        assert phone not in stored
        assert phone not in logged


def stored_of(fields: dict[str, Any]) -> str:
    """Return what Airflow stores of rendered fields."""
    from airflow.serialization.helpers import serialize_template_field

    stored = {name: serialize_template_field(value, name) for name, value in fields.items()}
    return json.dumps(stored)


def test_that_hidden_arguments_are_what_airflow_takes_arguments_for() -> None:
    assert list(HiddenArguments([1, 2])) == [1, 2]
    assert list(HiddenArguments({"a": 1}).values()) == [1]
    assert not HiddenArguments([])
