"""The webhook: changes of state posted, and posted again until they are taken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_mysmpp.sandbox.testing import SandboxServer
from tests.support import wait_until

from .client import message, phone, send

Change = dict[str, Any]


def take_all(changes: list[Change]) -> Any:
    return [{"id_sms": change["id_sms"]} for change in changes]


class Receiver(ThreadingHTTPServer):
    """A receiver that keeps what it is posted and answers as ``answer`` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[list[Change]] = []
        self.types: set[str] = set()
        self.answer: Callable[[list[Change]], Any] = take_all
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/states"

    def seen(self) -> list[Change]:
        return [change for post in self.posts for change in post]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        changes = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.types.add(self.headers["Content-Type"])
        self.server.posts.append(changes)
        body = json.dumps(self.server.answer(changes)).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def pushing(mysmpp_sandbox: SandboxServer, receiver: Receiver) -> Iterator[SandboxServer]:
    """A sandbox that pushes to the receiver and tries again soon; its clock moves by hand."""
    mysmpp_sandbox.change(webhook=receiver.url, webhook_pause_seconds=0.05, clock="stopped", delivery_seconds=10)
    yield mysmpp_sandbox
    mysmpp_sandbox.clear()


def wait_for(sandbox: SandboxServer, **results: int) -> None:
    """Wait until the pushes have come to these results."""
    deadline = time.monotonic() + 15
    while (counts := sandbox.summary()["webhook"]) != results:
        assert time.monotonic() < deadline, counts
        time.sleep(0.02)


def test_each_change_is_posted_once(pushing: SandboxServer, receiver: Receiver) -> None:
    entries = send(pushing, message(phone("79612242243"), phone("79000000203"), phone("79000000202")))
    one, two, three = (entry["id_sms"] for entry in entries)
    pushing.advance(10)
    wait_for(pushing, taken=3)
    pushing.advance(10)
    wait_for(pushing, taken=4)
    seen = receiver.seen()
    assert [(change["id_sms"], change["state"]) for change in seen] == [
        (one, "deliver"),
        (two, "not_deliver"),
        (three, "deliver"),
        (three, "read"),
    ]
    times = {m["id_sms"]: m["state_time"] for m in pushing.messages()}
    assert seen[3] == {"id_sms": three, "time": times[three], "state": "read"}
    assert receiver.types == {"text/json; charset=utf-8;"}


@pytest.mark.parametrize("answer", [[], {}, None, "ok", [{"id": 1}], [7], [{"id_sms": 1}]])
def test_what_is_not_acknowledged_is_tried_five_times(
    pushing: SandboxServer, receiver: Receiver, answer: object
) -> None:
    receiver.answer = lambda _: answer
    send(pushing, message())
    pushing.advance(10)
    wait_for(pushing, given_up=1)
    assert len(receiver.posts) == 5
    time.sleep(0.2)
    assert len(receiver.posts) == 5


def test_only_what_was_left_out_comes_again(pushing: SandboxServer, receiver: Receiver) -> None:
    one, two = (entry["id_sms"] for entry in send(pushing, message(phone(), phone())))
    answers = iter([[{"id_sms": two}], [], [{"id_sms": str(one)}]])
    receiver.answer = lambda _: next(answers)
    pushing.advance(10)
    wait_for(pushing, taken=2)
    assert [[change["id_sms"] for change in post] for post in receiver.posts] == [[one, two], [one], [one]]


def test_an_error_acknowledges_nothing(pushing: SandboxServer, receiver: Receiver) -> None:
    receiver.status = 500
    send(pushing, message())
    pushing.advance(10)
    wait_for(pushing, given_up=1)
    assert len(receiver.posts) == 5


def test_a_receiver_that_is_away(pushing: SandboxServer, receiver: Receiver) -> None:
    pushing.change(webhook="http://127.0.0.1:1/")
    send(pushing, message())
    pushing.advance(10)
    wait_for(pushing, given_up=1)
    assert receiver.posts == []


def test_the_pause_between_tries(pushing: SandboxServer, receiver: Receiver) -> None:
    moments: list[float] = []
    receiver.answer = lambda _: moments.append(time.monotonic())
    pushing.change(webhook_pause_seconds=0.3)
    send(pushing, message())
    pushing.advance(10)
    wait_for(pushing, given_up=1)
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(moments))


def test_a_slow_receiver_does_not_hold_up_the_gateway(pushing: SandboxServer, receiver: Receiver) -> None:
    released = threading.Event()
    receiver.answer = lambda changes: released.wait(10) and take_all(changes)
    send(pushing, message())
    pushing.advance(10)
    wait_until(lambda: receiver.posts, "a push", seconds=10)
    started = time.monotonic()
    send(pushing, message())
    assert time.monotonic() - started < 2
    released.set()
    wait_for(pushing, taken=1)


def test_many_changes_come_in_several_posts(pushing: SandboxServer, receiver: Receiver) -> None:
    send(pushing, message(*(phone() for _ in range(250))))
    pushing.advance(10)
    wait_for(pushing, taken=250)
    assert [len(post) for post in receiver.posts] == [100, 100, 50]


def test_what_happened_before_the_webhook_was_set_is_not_posted(
    mysmpp_sandbox: SandboxServer, receiver: Receiver
) -> None:
    mysmpp_sandbox.change(delivery_seconds=0)
    send(mysmpp_sandbox, message())
    mysmpp_sandbox.change(webhook=receiver.url)
    (entry,) = send(mysmpp_sandbox, message())
    wait_for(mysmpp_sandbox, taken=1)
    assert [change["id_sms"] for change in receiver.seen()] == [entry["id_sms"]]
