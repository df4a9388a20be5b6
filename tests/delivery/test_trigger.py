"""The trigger: what it stores, that it never blocks, and that it may die at any moment."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import TriggerEvent

from airflow_provider_mysmpp.delivery.compact import unpack_ids
from airflow_provider_mysmpp.gateway.client import GatewayClient
from airflow_provider_mysmpp.gateway.states import FINAL, MessageState
from airflow_provider_mysmpp.hooks.storage import is_shared
from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.triggers.mysmpp import MySmppDeliveryTrigger
from tests.support import write_results

from .conftest import Send
from .test_wire import STATES, asked, with_password
from .trying import TaskInstance, build, fire, travelled

PATIENCE = 20.0
GOOD, SILENT = "79612242243", "79000000207"


def trigger(ids: Any, *, seconds: float = 3600, **kwargs: Any) -> MySmppDeliveryTrigger:
    return MySmppDeliveryTrigger(
        mysmpp_conn_id="mysmpp_default", ids=ids, deadline=time.time() + seconds, **{"poll_interval": 0.05, **kwargs}
    )


def test_what_is_stored() -> None:
    ids = [str(700_000_000 + number) for number in range(10_000)]
    made = trigger(ids, settled={"deliver": 3}, final_states=FINAL, success_states={"read"})
    path, kwargs = made.serialize()
    assert path == "airflow_provider_mysmpp.triggers.mysmpp.MySmppDeliveryTrigger"
    assert unpack_ids(kwargs["ids"]) == ids
    assert kwargs.keys() == {
        *("mysmpp_conn_id", "ids", "deadline", "settled", "success_ratio", "wait_for_all"),
        *("final_states", "success_states", "poll_interval", "longest_interval", "batch_size"),
    }
    assert len(json.dumps(kwargs)) < 1_000
    assert travelled(made).serialize() == made.serialize()
    assert len(repr(made)) < 100


def test_the_row_of_the_metadata_database(gateway: SandboxServer) -> None:
    """What Airflow makes of the stored arguments and back, without credentials."""
    from airflow.models.trigger import Trigger

    made = trigger(["7", "8"])
    row = Trigger(*made.serialize())
    assert MySmppDeliveryTrigger(**row.kwargs).serialize() == made.serialize()
    for secret in ("sandbox", "password", gateway.url, str(gateway.port)):
        assert secret not in json.dumps(row.kwargs)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "reached"),
        ({"settled": {"not_deliver": 1}}, "out of reach"),
        ({"settled": {"not_deliver": 1}, "success_ratio": 0.5}, "reached"),
        ({"final_states": ["read"], "success_ratio": 0.0, "wait_for_all": False}, "reached"),
        ({"final_states": ["read"], "seconds": 0.2}, "timeout"),
        ({"final_states": ["deliver"], "success_states": ["read"]}, "out of reach"),
    ],
)
def test_reasons(gateway: SandboxServer, send: Send, arguments: dict[str, Any], reason: str) -> None:
    ids = send(GOOD)
    gateway.advance(10)
    made = travelled(trigger(ids, **arguments))
    assert asyncio.run(fire(made)) == {
        "reason": reason,
        "deadline": made.deadline,
        "states": "1 deliver, 1 not_deliver" if "settled" in arguments else "1 deliver",
    }


def test_after_its_time_it_looks_once(gateway: SandboxServer, send: Send) -> None:
    ids = send(SILENT)
    assert asyncio.run(fire(trigger(ids, seconds=-5, poll_interval=3600)))["reason"] == "timeout"
    assert asked(gateway) == [1]


def test_it_asks_only_about_what_is_open_and_never_for_details(
    gateway: SandboxServer, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = []
    plain = GatewayClient.get_states

    def get_states(self: GatewayClient, ids: Any, **kwargs: Any) -> list[MessageState]:
        details.append(kwargs["detail"])
        return plain(self, ids, **kwargs)

    monkeypatch.setattr(GatewayClient, "get_states", get_states)
    ids = send(GOOD, SILENT)
    gateway.advance(10)
    asyncio.run(fire(trigger(ids, seconds=0.3)))
    assert asked(gateway)[:2] == [2, 1]
    assert set(details) == {False}


def test_wrong_credentials_are_no_reason_to_go_on(
    gateway: SandboxServer, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = send(SILENT)
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", with_password(gateway, "wrong"))
    assert asyncio.run(fire(trigger(ids)))["reason"] == "refused"


def test_an_outage_is_waited_through_without_tries_in_between(gateway: SandboxServer, send: Send) -> None:
    ids = send(GOOD)
    gateway.advance(10)
    gateway.add_fault("status", status=503, path=STATES, times=3)
    assert asyncio.run(fire(trigger(ids)))["reason"] == "reached"
    assert len(asked(gateway)) == 4


def hold(monkeypatch: pytest.MonkeyPatch, released: Event, entered: Event) -> None:
    """Let every look stand still until it is released."""

    def get_states(self: GatewayClient, ids: Any, **_: Any) -> list[MessageState]:
        entered.set()
        assert released.wait(PATIENCE), "the loop that should have released it was blocked"
        return [MessageState(id_sms, "deliver") for id_sms in ids]

    monkeypatch.setattr(GatewayClient, "get_states", get_states)


def test_the_loop_goes_on_while_the_gateway_does_not_answer(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, entered = Event(), Event()
    hold(monkeypatch, released, entered)

    async def main() -> Any:
        waiting = asyncio.create_task(fire(trigger(["7"])))
        while not entered.is_set():
            await asyncio.sleep(0.01)
        released.set()  # only a loop that still turns gets here
        return await waiting

    assert asyncio.run(main())["reason"] == "reached"


def test_many_gateways_that_do_not_answer_leave_the_shared_threads_alone(
    gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, entered = Event(), Event()
    hold(monkeypatch, released, entered)

    async def main() -> list[Any]:
        waiting = [asyncio.create_task(fire(trigger(["7"]))) for _ in range(40)]
        while not entered.is_set():
            await asyncio.sleep(0.01)
        await asyncio.wait_for(asyncio.to_thread(released.set), PATIENCE)  # as another trigger would use them
        return await asyncio.gather(*waiting)

    assert {event["reason"] for event in asyncio.run(main())} == {"reached"}


def test_killed_in_mid_look_and_started_again(
    gateway: SandboxServer, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = send(GOOD)
    released, entered = Event(), Event()
    closed: list[GatewayClient] = []

    def close(client: GatewayClient) -> None:
        closed.append(client)

    monkeypatch.setattr(GatewayClient, "close", close)
    with monkeypatch.context() as held:
        hold(held, released, entered)
        made = trigger(ids)

        async def main() -> None:
            waiting = asyncio.create_task(fire(made))
            while not entered.is_set():
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            released.set()

        asyncio.run(main())
    assert len(closed) == 1
    gateway.advance(10)
    assert asyncio.run(fire(travelled(made)))["reason"] == "reached"
    assert gateway.summary()["messages"] == 1


def test_stopped_between_two_requests(gateway: SandboxServer, send: Send) -> None:
    """A thread that outlives its trigger makes no further request."""
    ids = send(*(f"7961224{number:04}" for number in range(3)))
    client, poll = trigger(ids, batch_size=1)._prepare()
    stop = Event()
    stop.set()
    poll.look(client, stop)
    assert asked(gateway) == []


def test_a_list_by_its_path(gateway: SandboxServer, send: Send, tmp_path: Path) -> None:
    ids = send(GOOD, SILENT)
    gateway.advance(10)
    path = tmp_path / "results.jsonl.gz"
    rows = [Result(number, GOOD, None, "1", id_sms, "accepted", None, None, 1) for number, id_sms in enumerate(ids)]
    with path.open("wb") as file:
        write_results(rows, file, path.name)
    event = asyncio.run(fire(travelled(trigger(str(path), seconds=0.2))))
    assert (event["reason"], event["states"]) == ("timeout", "1 deliver, 1 send")


def deferred(messages: Any, **kwargs: Any) -> TaskDeferred:
    sensor = build(messages, mode="deferred", **kwargs)
    with pytest.raises(TaskDeferred) as caught:
        type(sensor).execute.__wrapped__(sensor, {"ti": TaskInstance()})  # type: ignore[attr-defined]
    return caught.value


@pytest.mark.parametrize(
    ("largest", "by_path", "shared", "named"),
    [(1, True, True, True), (10**6, True, True, False), (1, True, False, False), (1, False, True, False)],
)
def test_only_a_long_list_in_a_shared_place_goes_by_its_url(
    gateway: SandboxServer,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    largest: int,
    by_path: bool,
    shared: bool,
    named: bool,
) -> None:
    ids, path = send(GOOD, SILENT), tmp_path / "results.csv"
    rows = [Result(number, GOOD, None, "1", id_sms, "accepted", None, None, 1) for number, id_sms in enumerate(ids)]
    with path.open("wb") as file:
        write_results(rows, file, path.name)
    gateway.advance(10)
    monkeypatch.setattr("airflow_provider_mysmpp.sensors.wait._LARGE_ROW", largest)
    monkeypatch.setattr("airflow_provider_mysmpp.sensors.wait.is_shared", lambda _: shared)
    made: Any = deferred(str(path) if by_path else ids).trigger
    if named:
        assert (made.ids, made.settled) == (str(path), {})
    else:
        assert (unpack_ids(made.ids), made.settled) == (ids[1:], {"deliver": 1})


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("s3://bucket/x.csv", True),
        ("gs://a@bucket/x.csv", True),
        ("file:///tmp/x.csv", False),
        ("/tmp/x.csv", False),  # noqa: S108  nothing is read there
        ("x.csv", False),
    ],
)
def test_shared_places(path: str, shared: bool) -> None:
    assert is_shared(path) is shared


def test_the_trigger_ends_before_the_scheduler_gives_up(gateway: SandboxServer, send: Send) -> None:
    before = time.time()
    deferral = deferred(send(SILENT), timeout=500, poke_interval=7, max_wait=70)
    made = deferral.trigger
    assert before + 500 <= made.deadline <= time.time() + 500
    assert deferral.timeout is not None
    assert deferral.timeout.total_seconds() > 500
    assert (made.poll_interval, made.longest_interval) == (7, 70)
    assert deferral.method_name == "execute_complete"


def resume(ids: list[str], method: str, kwargs: dict[str, Any] | None, **settings: Any) -> tuple[Any, dict[str, Any]]:
    ti = TaskInstance()
    context: Any = {"ti": ti}
    return build(ids, mode="deferred", **settings).resume_execution(method, kwargs, context), ti.xcoms


TIMEOUTS = ["Trigger timeout", "Trigger/execution timeout"]


@pytest.mark.parametrize("words", TIMEOUTS)
def test_without_a_triggerer_the_time_is_over_too(gateway: SandboxServer, send: Send, words: str) -> None:
    from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

    ids = send(GOOD)
    with pytest.raises(AirflowSensorTimeout, match="1 of 1 messages are still open"):
        resume(ids, "__fail__", {"error": words})
    with pytest.raises(AirflowSkipException, match="1 of 1 messages are still open"):
        resume(ids, "__fail__", {"error": words}, soft_fail=True)
    gateway.advance(10)
    value, xcoms = resume(ids, "__fail__", {"error": words})
    assert [entry["state"] for entry in value] == ["deliver"]
    assert xcoms["summary"]["delivered"] == 1


@pytest.mark.parametrize("soft_fail", [False, True])
@pytest.mark.parametrize(
    ("settings", "kwargs"),
    [
        ({}, {"error": "Trigger failure", "traceback": ["it broke"]}),
        ({"execution_timeout": 1.0}, {"error": TIMEOUTS[0]}),
        ({}, None),
    ],
)
def test_a_trigger_that_failed_may_be_retried(
    gateway: SandboxServer, settings: dict[str, Any], kwargs: Any, soft_fail: bool
) -> None:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

    limits = {name: timedelta(seconds=seconds) for name, seconds in settings.items()}
    with pytest.raises(Exception, match=r"Trigger|Unknown") as caught:
        resume(["7"], "__fail__", kwargs, soft_fail=soft_fail, **limits)
    assert not isinstance(caught.value, AirflowFailException | AirflowSensorTimeout | AirflowSkipException)


def test_a_trigger_that_saw_what_is_not_so_any_more(gateway: SandboxServer, send: Send) -> None:
    """The sensor looks for itself, and waits on until the same moment."""
    ids, deadline = send(GOOD), time.time() + 77
    with pytest.raises(TaskDeferred) as caught:
        resume(ids, "execute_complete", {"event": {"reason": "reached", "deadline": deadline, "states": "1 deliver"}})
    assert caught.value.trigger.deadline == deadline


def test_the_event_is_small_whatever_the_list(gateway: SandboxServer) -> None:
    made = trigger(range(1, 2000), seconds=-1)

    async def first() -> TriggerEvent:
        return await anext(aiter(made.run()))

    assert len(json.dumps(asyncio.run(first()).payload)) < 200
