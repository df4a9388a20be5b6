"""A gateway that stays away, answers late, or is asked by two processes at once."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.support import wait_until

from .attempts import PHONES, Attempt, attempt, prepare
from .ledger import assert_once, assert_true, kept, mapped

IN_FLIGHT, TRIES = 4, 5


def test_a_gateway_that_stays_away_is_not_hammered(gateway: SandboxServer) -> None:
    gateway.add_fault("status", status=503, after=10, times=None)
    done = attempt(recipients=PHONES[:1000], batch_size=10, max_in_flight=IN_FLIGHT)
    assert_true(done, gateway, rows=1000)
    assert done.verdict == "retry"
    assert done.counts.keys() == {"accepted", "unknown", "unsent"}
    assert done.counts["accepted"] == 100
    assert done.counts["unknown"] <= IN_FLIGHT * 10
    assert 10 + TRIES <= len(gateway.requests()) <= 10 + TRIES * IN_FLIGHT
    assert "The send stopped: The gateway answered with HTTP 503" in str(done.error)


def test_a_gateway_that_speaks_in_riddles_is_left_alone(gateway: SandboxServer) -> None:
    gateway.add_fault("too_few", after=1, times=None)
    done = attempt(recipients=PHONES[:40], batch_size=2, max_in_flight=1)
    assert_true(done, gateway, rows=40)
    assert done.counts == {"accepted": 2, "unknown": 6, "unsent": 32}
    assert len(gateway.requests()) == 1 + 3 * 3, "three batches, each sent again in halves"
    assert done.verdict == "retry"


def test_a_gateway_that_says_nothing_of_any_message_is_left_alone(gateway: SandboxServer) -> None:
    gateway.add_fault("neither", after=1, times=None)
    done = attempt(recipients=PHONES[:40], batch_size=2, max_in_flight=1)
    assert_true(done, gateway, rows=40)
    assert done.counts == {"accepted": 2, "unknown": 6, "unsent": 32}
    assert len(gateway.requests()) == 1 + 3
    assert done.verdict == "retry"
    assert "The send stopped: The gateway's answers say of no message what became of it" in str(done.error)


def test_nobody_listens(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    there = json.loads(gateway.airflow_connection())
    monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", json.dumps(there | {"port": port}))
    done = attempt(recipients=PHONES[:100], batch_size=10, max_in_flight=1)
    assert done.verdict == "retry"
    assert done.counts == {"unsent": 100}, "a request that nobody saw sent nothing"
    assert done.summary["requests"] == TRIES


def test_no_connection_in_time(gateway: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for caller in (first, second):  # the queue is full: the kernel answers nobody any more
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        time.sleep(0.1)
        there = json.loads(gateway.airflow_connection(timeout=0.2))
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", json.dumps(there | {"port": deaf.getsockname()[1]}))
        done = attempt(recipients=PHONES[:4], batch_size=2, max_in_flight=1)
    assert done.verdict == "retry"
    assert "no connection in time" in str(done.error)
    assert done.counts == {"unsent": 4}


def test_a_request_that_is_processed_after_it_was_given_up(monkeypatch: pytest.MonkeyPatch, short_pauses: None) -> None:
    with SandboxServer() as gateway:  # one of its own, since the late request comes after the task has ended
        monkeypatch.setenv("AIRFLOW_CONN_MYSMPP_DEFAULT", gateway.airflow_connection(timeout=0.5))
        gateway.add_fault("delay", seconds=2, when="before")
        done = attempt(recipients=PHONES[:4])
        assert done.verdict == "success"
        wait_until(lambda: len(gateway.requests()) == 2, "the late request")
        in_time, late = [(one["fault"], one["accepted"], one["repeated"]) for one in gateway.requests()]
        assert (in_time, late) == ((None, 4, 0), ("delay", 0, 4))
        assert_true(done, gateway, rows=4)
        assert set(mapped(done.mapping)) == set(kept(gateway))


def test_two_processes_send_at_once(gateway: SandboxServer) -> None:
    """A worker that lost its network may go on while another one has taken its task over."""
    gateway.add_fault("delay", seconds=0.02, times=None)
    done: list[Attempt] = []
    tries = [prepare(recipients=PHONES[:600][::step], batch_size=20) for step in (1, -1)]
    twins = [threading.Thread(target=lambda one=one: done.append(one.run())) for one in tries]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join(60)
    assert [one.verdict for one in done] == ["success", "success"]
    assert done[0].ids == done[1].ids
    ledger = kept(gateway)
    assert len(ledger) == 600
    assert_once(ledger)
    assert gateway.summary()["repeats"] == 600
