"""The sensor against the sandbox, in a worker and deferred: the same outcomes either way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from airflow_provider_mysmpp.sending.outcomes import Result
from airflow_provider_mysmpp.sending.results import SUFFIXES
from airflow_provider_mysmpp.sensors.mysmpp import MySmppDeliverySensor
from tests.support import Written, write_results

from .conftest import Send
from .test_wire import STATES, asked, with_password
from .trying import MODES, Attempt, attempt, build

GOOD, OTHER = "79612242243", "79612242244"
READ, FAILED, EXPIRED, PARTLY = "79000000202", "79000000203", "79000000204", "79000000205"
STRANGE, SILENT, DETOUR = "79000000206", "79000000207", "79000000208"

pytestmark = pytest.mark.parametrize("mode", MODES)


def mapping(ids: list[str], phones: tuple[str, ...] = (GOOD, OTHER)) -> list[dict[str, Any]]:
    return [
        {"phone": phone, "key": None, "client_id_sms": str(number), "id_sms": id_sms}
        for number, (id_sms, phone) in enumerate(zip(ids, phones, strict=False), start=1)
    ]


def test_delivered_while_it_waits(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD, OTHER, text="Я" * 71)
    gateway.change(clock="running", delivery_seconds=0.5)
    entries = mapping(send(GOOD, OTHER, READ, text="Я" * 71), (GOOD, OTHER, READ))
    assert [entry["id_sms"] for entry in entries[:2]] == ids
    gateway.advance(9.5)  # the first two were sent when a delivery took ten seconds
    done = attempt(entries, mode=mode)
    assert done.verdict == "success"
    assert bool(done.deferrals) is (mode == "deferred")
    for given, told in zip(entries, done.xcoms["return_value"], strict=True):
        assert told == {**given, **{name: told[name] for name in ("state", "changed_at", "parts", "price")}}
        assert told["state"] in ("deliver", "read")
        assert told["changed_at"].endswith("+03:00")
        assert (told["parts"], told["price"]) == (2, "2.5")
    counts = {state: list(done.states.values()).count(state) for state in done.states.values()}
    assert done.summary == {
        "messages": 3,
        "delivered": 3,
        "failed": 0,
        "open": 0,
        "states": counts,
        "parts": 6,
        "estimated_parts": None,
        "price": "15.0",
        "prices": {state: f"{number * 5}.0" for state, number in counts.items()},
    }


def test_what_is_delivered_already_defers_nothing(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD, OTHER)
    gateway.advance(10)
    done = attempt(ids, mode=mode)
    assert done.verdict == "success"
    assert done.deferrals == []
    assert asked(gateway) == [2]
    assert done.xcoms["return_value"][0].keys() == {"id_sms", "state", "changed_at", "parts", "price"}


@pytest.mark.parametrize("messages", [[], [[]], [{"phone": GOOD, "id_sms": None}]])
def test_nothing_to_wait_for(gateway: SandboxServer, mode: str, messages: Any, written: Written) -> None:
    done = attempt(messages, mode=mode)
    assert done.verdict == "success"
    assert done.xcoms["return_value"] == []
    assert done.summary["messages"] == 0
    assert asked(gateway) == []
    assert "nothing to wait for" in written.text


@pytest.mark.parametrize("bad", [FAILED, EXPIRED, PARTLY])
def test_it_fails_as_soon_as_success_is_out_of_reach(gateway: SandboxServer, send: Send, mode: str, bad: str) -> None:
    ids = send(GOOD, SILENT, bad)
    gateway.advance(10)
    done = attempt(ids, mode=mode)
    assert done.verdict == "fail"
    assert done.words.startswith("1 of 3 messages were not delivered, so 3 (success_ratio=1.0) can't be reached")
    assert done.summary["failed"] == 1
    assert done.summary["open"] == 1
    assert len(done.states) == 3


def test_it_fails_in_the_middle_of_the_wait(gateway: SandboxServer, send: Send, mode: str) -> None:
    gateway.change(clock="running", delivery_seconds=0.4)
    done = attempt(send(GOOD, SILENT, FAILED), mode=mode)
    assert done.verdict == "fail"
    assert bool(done.deferrals) is (mode == "deferred")
    assert done.summary["states"] == {"deliver": 1, "send": 1, "not_deliver": 1}


def test_a_share_is_enough_but_all_are_waited_for(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD, OTHER, SILENT, FAILED)
    gateway.advance(10)
    assert attempt(ids, mode=mode, success_ratio=0.5, wait_for_all=False).verdict == "success"
    done = attempt(ids, mode=mode, success_ratio=0.5, timeout=0.2)
    assert done.verdict == "timeout"
    assert "wait_for_all=False would not wait for the rest" in done.words


def test_a_share_is_enough_where_the_rest_fails(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD, OTHER, EXPIRED, FAILED)
    gateway.advance(10)
    done = attempt(ids, mode=mode, success_ratio=0.5)
    assert done.verdict == "success"
    assert done.summary["failed"] == 2


def test_the_time_is_over(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = [*send(GOOD, SILENT), "5"]
    gateway.advance(10)
    done = attempt(ids, mode=mode, timeout=0.3)
    assert done.verdict == "timeout"
    assert done.words == (
        "2 of 3 messages are still open after 0:00:00.300000: 1 send, 1 unknown. The others: 1 deliver."
    )
    assert done.states == {ids[0]: "deliver", ids[1]: "send", "5": None}
    assert done.summary["states"] == {"deliver": 1, "send": 1, "unknown": 1}
    assert bool(done.deferrals) is (mode == "deferred")


@pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
def test_a_skip_instead_of_a_failure(gateway: SandboxServer, send: Send, mode: str, how: str) -> None:
    ids = send(SILENT, FAILED)
    gateway.advance(10)
    skipping: dict[str, Any] = {how: True}
    failed = attempt(ids, mode=mode, **skipping)
    assert failed.verdict == "skip"
    assert "can't be reached" in failed.words
    late = attempt(ids[:1], mode=mode, timeout=0.2, **skipping)
    assert late.verdict == "skip"
    assert "1 of 1 messages are still open" in late.words
    assert failed.summary["failed"] == late.summary["open"] == 1


def test_unknown_states_are_waited_through(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(DETOUR, STRANGE)
    gateway.advance(10)
    late = attempt(ids, mode=mode, timeout=0.2)
    assert late.verdict == "timeout"
    assert late.summary["states"] == {"rerouted": 2}
    gateway.advance(10)
    done = attempt(ids, mode=mode, final_states=["deliver", "rerouted"], success_states=["deliver", "rerouted"])
    assert done.summary["states"] == {"deliver": 1, "rerouted": 1}
    assert done.verdict == "success"


def test_until_it_is_read(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(READ)
    gateway.advance(10)
    final = ["read", "not_deliver", "expired"]
    assert attempt(ids, mode=mode).states == {ids[0]: "deliver"}
    assert attempt(ids, mode=mode, final_states=final, timeout=0.2).verdict == "timeout"
    gateway.advance(10)
    assert attempt(ids, mode=mode, final_states=final).states == {ids[0]: "read"}


def test_strangers_cost_few_questions(gateway: SandboxServer, send: Send, mode: str) -> None:
    """Asked alone once in a process, then only together with the rest."""
    ids = send(SILENT)
    attempt([*ids, *range(1, 9)], mode=mode, timeout=0.6)
    questions = asked(gateway)
    assert questions.count(9) >= 3
    assert questions.count(1) == 8 * (1 if mode == "worker" else 3)  # worker, triggerer, worker


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_from_a_file_to_a_file(gateway: SandboxServer, send: Send, mode: str, suffix: str, tmp_path: Path) -> None:
    first, second = send(GOOD, OTHER, text="Я" * 71)
    gateway.advance(10)
    rows = [
        Result(1, GOOD, "A", "1", first, "accepted", None, None, 2),
        Result(2, "79000000101", "B", "2", None, "rejected", "stop_list", "x", 1),
        Result(3, OTHER, None, "3", second, "accepted", None, None, 1),
    ]
    given, made = tmp_path / f"in{suffix}", tmp_path / "new" / f"out{suffix}"
    with given.open("wb") as file:
        write_results(rows, file, given.name)
    done = attempt(str(given), mode=mode, results_path=str(made))
    assert done.verdict == "success"
    assert done.xcoms["return_value"] == str(made)
    assert done.summary["parts"] == 4
    assert done.summary["estimated_parts"] == 3
    again = attempt(str(made), mode=mode)
    assert [entry["phone"] for entry in again.xcoms["return_value"]] == [GOOD, OTHER]
    assert again.summary == {**done.summary, "estimated_parts": 4}


def test_the_estimate_of_the_send(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD, text="Я" * 71)
    gateway.advance(10)

    def estimated(summary: Any) -> Any:
        return attempt(ids, mode=mode, sent=summary).summary["estimated_parts"]

    unknown: list[Any] = [None, {}, [], 7, "parts", [{"parts": 1}, None]]
    assert estimated({"parts": 1, "accepted": 1}) == 1
    assert estimated([{"parts": 1}, {"parts": 2}]) == 3
    assert [estimated(summary) for summary in unknown] == [None] * len(unknown)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (None, "returned nothing"),
        ([{"phone": GOOD}], "without 'id_sms'"),
        ("[1, 2]", "written as text"),
        (["x"], "no id_sms"),
    ],
)
def test_messages_that_are_none(gateway: SandboxServer, mode: str, messages: Any, words: str) -> None:
    done = attempt(messages, mode=mode)
    assert done.verdict == "fail"
    assert words in done.words
    assert asked(gateway) == []


def test_a_results_path_without_a_format(gateway: SandboxServer, mode: str) -> None:
    done = attempt([1], mode=mode, results_path="out.txt")
    assert done.verdict == "fail"
    assert "'out.txt'" in done.words


def test_wrong_credentials_fail_at_once(
    gateway: SandboxServer, send: Send, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = send(GOOD)
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", with_password(gateway, "wrong"))
    done = attempt(ids, mode=mode)
    assert done.verdict == "fail"
    assert "Incorrect login or password" in done.words
    assert done.deferrals == []
    assert attempt(ids, mode=mode, soft_fail=True).verdict == "skip"


def test_a_refusal_that_no_catalogue_knows_may_be_retried(gateway: SandboxServer, send: Send, mode: str) -> None:
    gateway.add_fault("error", code="unknown", path=STATES, times=99)
    assert attempt(["1", "2"], mode=mode).verdict == "retry"
    assert attempt(["1", "2"], mode=mode, soft_fail=True).verdict == "retry"
    assert attempt(["1", "2"], mode=mode, never_fail=True).verdict == "skip"


def test_silent_fail_waits_through_what_is_no_final_failure(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD)
    gateway.advance(10)
    gateway.add_fault("error", code="unknown", path=STATES, times=3)
    assert attempt(ids, mode=mode, silent_fail=True).verdict == "success"


def test_silent_fail_goes_before_never_fail(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD)
    gateway.advance(10)
    gateway.add_fault("error", code="unknown", path=STATES, times=3)
    assert attempt(ids, mode=mode, silent_fail=True, never_fail=True).verdict == "success"


def test_an_outage_is_waited_through(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD)
    gateway.add_fault("status", status=503, path=STATES, times=12)
    gateway.advance(10)
    done = attempt(ids, mode=mode)
    assert done.verdict == "success"
    assert len(asked(gateway)) >= 13


def test_an_outage_that_does_not_end(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(GOOD)
    gateway.add_fault("status", status=503, path=STATES, times=9999)
    done = attempt(ids, mode=mode, timeout=0.3)
    assert done.verdict == "timeout"
    assert "1 of 1 messages are still open" in done.words
    assert "The last look failed: The gateway answered with HTTP 503." in done.words
    assert done.states == {ids[0]: None}


def test_no_phone_is_stored_or_shown(gateway: SandboxServer, send: Send, mode: str) -> None:
    from airflow.serialization.helpers import serialize_template_field

    ids = send(SILENT)
    sensor = build(mapping(ids, (SILENT,)), mode=mode)
    shown = [serialize_template_field(getattr(sensor, field), field) for field in MySmppDeliverySensor.template_fields]
    assert SILENT not in repr(shown)
    assert "<1 messages, not shown>" in repr(shown)
    done = attempt(mapping(ids, (SILENT,)), mode=mode, timeout=0.2)
    stored = repr([deferral.trigger.serialize() for deferral in done.deferrals]) + done.words
    for canary in (SILENT, "password", "sandbox"):
        assert canary not in stored
    assert ("mysmpp_default" in stored) is (mode == "deferred")


def test_a_path_is_shown_and_rendered(gateway: SandboxServer, mode: str, tmp_path: Path) -> None:
    sensor = build(str(tmp_path / "{{ run_id }}.csv"), mode=mode)
    context: Any = {"run_id": "run-7"}
    sensor.render_template_fields(context)
    assert sensor.messages == str(tmp_path / "run-7.csv")


@pytest.mark.parametrize(
    "bad", [{"success_ratio": 2}, {"batch_size": 0}, {"final_states": []}, {"success_states": [7]}]
)
def test_parameters_out_of_their_range(mode: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        build([1], mode=mode, **bad)


def test_batches(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(*(f"7961224{number:04}" for number in range(25)))
    gateway.advance(10)
    done: Attempt = attempt(ids, mode=mode, batch_size=10)
    assert done.verdict == "success"
    assert asked(gateway) == [10, 10, 5]


def test_without_xcoms(gateway: SandboxServer, send: Send, mode: str) -> None:
    ids = send(FAILED)
    gateway.advance(10)
    done = attempt(ids, mode=mode, do_xcom_push=False)
    assert done.verdict == "fail"
    assert done.xcoms == {}


def test_a_long_mapping_is_warned_of(
    gateway: SandboxServer,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
    written: Written,
    *,
    mode: str,
) -> None:
    monkeypatch.setattr("airflow_provider_mysmpp.sensors.wait._LARGE_XCOM", 1)
    ids = send(GOOD, OTHER)
    gateway.advance(10)
    assert attempt(ids, mode=mode).verdict == "success"
    assert "The mapping has 2 entries" in written.text


def test_the_last_details_may_fail_to_come(
    gateway: SandboxServer, send: Send, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that is over is over, even if what was read since can't be asked for any more."""
    from airflow_provider_mysmpp.delivery.watch import Watch
    from airflow_provider_mysmpp.gateway.errors import UnavailableError

    def refresh(watch: Watch, client: object) -> None:
        raise UnavailableError("away")

    monkeypatch.setattr(Watch, "refresh", refresh)
    ids = send(GOOD)
    gateway.advance(10)
    assert attempt(ids, mode=mode).states == {ids[0]: "deliver"}
