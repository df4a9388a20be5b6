"""A second try, a clear, other shards, changed rows: nobody is texted twice, and each ends with one outcome."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .attempts import PHONES, Attempt, attempt
from .ledger import assert_true, kept, mapped

ROWS: list[dict[str, Any]] = [
    {"phone": phone, "key": f"A-{number}", "balance": number} for number, phone in enumerate(PHONES[:200])
]
TEXT = "На счёте {balance} ₽"


def send(rows: list[dict[str, Any]], **kwargs: Any) -> Attempt:
    return attempt(recipients=rows, **{"text": TEXT, "batch_size": 20, **kwargs})


def test_a_clear_sends_nothing_and_maps_the_same(gateway: SandboxServer) -> None:
    first, again = send(ROWS), send(ROWS)
    assert first.verdict == again.verdict == "success"
    assert first.mapping == again.mapping
    assert gateway.summary()["repeats"] == len(gateway.messages()) == 200
    assert_true(again, gateway, rows=200)


@pytest.mark.parametrize("other", [{"run_id": "run-2"}, {"idempotency_key": "once more"}])
def test_another_run_or_key_sends_again(gateway: SandboxServer, other: dict[str, Any]) -> None:
    first, again = send(ROWS), send(ROWS, **other)
    assert len(gateway.messages()) == 400
    assert not set(first.ids.values()) & set(again.ids.values())
    assert set(mapped(first.mapping)) | set(mapped(again.mapping)) == set(kept(gateway))


def test_a_key_of_its_own_joins_tasks_and_runs(gateway: SandboxServer) -> None:
    send(ROWS, idempotency_key="july")
    again = send(ROWS, idempotency_key="july", run_id="run-2")
    assert_true(again, gateway, rows=200)
    assert len(gateway.messages()) == 200


def test_the_key_is_a_template(gateway: SandboxServer) -> None:
    send(ROWS, idempotency_key="bills/{{ run_id[:3] }}")
    send(ROWS, idempotency_key="bills/{{ run_id[:3] }}", run_id="run-2")
    assert len(gateway.messages()) == 200


@pytest.mark.parametrize("key", ["", "{{ '' }}"])
def test_an_empty_key_is_refused(gateway: SandboxServer, key: str) -> None:
    done = send(ROWS, idempotency_key=key)
    assert done.verdict == "fail"
    assert "idempotency_key is empty" in str(done.error)
    assert not gateway.requests()


def interrupted(gateway: SandboxServer, rows: list[dict[str, Any]]) -> Attempt:
    """Send until the gateway goes away for good in mid-send."""
    gateway.add_fault("lost_answer", after=5, times=None)
    done = send(rows, max_in_flight=1)
    gateway.api("DELETE", "/api/faults")
    assert_true(done, gateway, rows=len(rows))
    assert done.counts == {"accepted": 100, "unknown": 20, "unsent": 80}
    assert done.verdict == "retry"
    return done


def test_a_retry_goes_on_with_the_rest(gateway: SandboxServer) -> None:
    first = interrupted(gateway, ROWS)
    again = send(ROWS, try_number=2)
    assert again.verdict == "success"
    assert_true(again, gateway, rows=200)
    assert again.ids.items() >= first.ids.items()
    assert set(mapped(again.mapping)) == set(kept(gateway))


def test_a_retry_with_rows_in_another_order_new_rows_and_other_balances(gateway: SandboxServer) -> None:
    first = interrupted(gateway, ROWS)
    changed = [{**row, "balance": row["balance"] + 1} for row in ROWS]
    changed += [{"phone": phone, "key": "new", "balance": 0} for phone in PHONES[500:520]]
    random.Random(3).shuffle(changed)
    again = send(changed, try_number=2)
    assert again.verdict == "success"
    assert_true(again, gateway, rows=220)
    assert again.ids.items() >= first.ids.items()
    assert set(mapped(again.mapping)) == set(kept(gateway))
    assert list(again.ids) == [row["phone"] for row in changed], "the mapping is in the order of the input"


def test_a_retry_without_some_rows_maps_only_what_it_was_given(gateway: SandboxServer) -> None:
    interrupted(gateway, ROWS)
    again = send(ROWS[50:], try_number=2)
    assert_true(again, gateway, rows=150)
    assert again.counts == {"accepted": 150}
    assert len(gateway.messages()) == 200


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_shards_that_shift_between_tries(gateway: SandboxServer, shards: int) -> None:
    for index in range(4):
        send(ROWS[index::4], map_index=index)
    shuffled = random.Random(shards).sample(ROWS, len(ROWS))
    again = [send(shuffled[index::shards], map_index=index, try_number=2) for index in range(shards)]
    assert len(gateway.messages()) == 200
    entries = [entry for done in again for entry in mapped(done.mapping)]
    assert sorted(entries) == sorted(kept(gateway))


@pytest.mark.parametrize(
    "text", ["{{ ti.try_number }}: {balance} ₽", "{% if ti.try_number > 1 %}Ещё раз: {% endif %}Ждём"]
)
def test_a_text_that_changes_between_tries(gateway: SandboxServer, text: str) -> None:
    first, again = send(ROWS, text=text), send(ROWS, text=text, try_number=2)
    assert first.operator.text != again.operator.text
    assert first.mapping == again.mapping
    assert len(gateway.messages()) == 200


def test_a_validity_period_that_has_passed_since_the_first_try_hides_no_message(gateway: SandboxServer) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    rows = [{**row, "validity_period": soon} for row in ROWS[:3]]
    first = send(rows)
    time.sleep(1.1)
    again = send(rows, try_number=2)
    assert first.counts == again.counts == {"accepted": 3}
    assert first.mapping == again.mapping
    whole = send(ROWS[:3], try_number=2, validity_period=soon)
    assert (whole.verdict, whole.mapping) == ("success", first.mapping)
    assert send(rows, run_id="run-2").counts == {"invalid": 3}


NOT_ASKED = {
    "wrong credentials": ({"kind": "error", "code": "bad_credentials"}, "fail"),
    "no money": ({"kind": "error", "code": "out_of_sms"}, "retry"),
    "nobody there": ({"kind": "too_many"}, "retry"),
}


@pytest.mark.parametrize(("fault", "verdict"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_an_earlier_try_may_have_sent_is_not_called_unsent_or_rejected(
    gateway: SandboxServer, fault: dict[str, Any], verdict: str
) -> None:
    send(ROWS[:100])
    gateway.add_fault(**fault, times=None)
    fresh, again = (send(ROWS[:100], try_number=number, run_id="run-2", max_in_flight=1) for number in (1, 2))
    assert fresh.summary["unknown"] == 0
    assert again.counts == {"unknown": 100}
    assert fresh.verdict == again.verdict == verdict
    assert again.failed[-1]["error"].endswith("; an earlier try may have sent it")
    assert {one["code"] for one in again.failed} == {one["code"] for one in fresh.failed}


def test_a_limit_on_a_later_try_takes_nothing_back_and_a_dry_run_does_not_doubt(gateway: SandboxServer) -> None:
    send(ROWS)
    limited = send(ROWS, try_number=2, max_recipients=199)
    assert (limited.verdict, limited.counts) == ("fail", {"unknown": 200})
    dry = send(ROWS, try_number=2, dry_run=True)
    assert (dry.verdict, dry.counts) == ("success", {"unsent": 200})


def test_another_text_is_another_message(gateway: SandboxServer) -> None:
    send(ROWS)
    send(ROWS, text="Всё хорошо")
    assert len(gateway.messages()) == 400


def test_one_phone_with_several_keys_gets_each(gateway: SandboxServer) -> None:
    rows = [{"phone": PHONES[0], "key": key, "balance": 1} for key in ("A", "B", 3, 3.0, "3")]
    first, again = send(rows), send(rows[::-1])
    assert first.counts == again.counts == {"accepted": 3, "duplicate": 2}
    assert {entry["key"] for entry in again.mapping} == {"A", "B", "3"}
    assert {entry.id_sms for entry in mapped(first.mapping)} == {entry.id_sms for entry in mapped(again.mapping)}
    assert len(gateway.messages()) == 3


def test_the_same_phone_written_in_another_way_is_the_same(gateway: SandboxServer) -> None:
    send([{"phone": "8 (961) 224-00-00", "balance": 1}])
    done = send([{"phone": 79612240000.0, "balance": 2}, {"phone": "+7 961 224 00 00", "balance": 3}])
    assert done.counts == {"accepted": 1, "duplicate": 1}
    assert len(gateway.messages()) == 1


def test_a_client_id_of_its_own_is_kept(gateway: SandboxServer) -> None:
    rows = [{"phone": phone, "client_id_sms": 1000 + number, "balance": 1} for number, phone in enumerate(PHONES[:3])]
    first, again = send(rows), send(rows, run_id="run-2", idempotency_key="other", text="Другое")
    assert [entry["client_id_sms"] for entry in first.mapping] == ["1000", "1001", "1002"]
    assert first.mapping == again.mapping
    assert len(gateway.messages()) == 3
