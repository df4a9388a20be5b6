"""Whatever happens in whatever order: the real client, plan and dispatch against the sandbox over a socket."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from airflow_provider_mysmpp.gateway.client import Credentials, GatewayClient
from airflow_provider_mysmpp.gateway.retrying import RetryPolicy
from airflow_provider_mysmpp.sandbox.testing import SENDER, SandboxServer
from airflow_provider_mysmpp.sending.composer import Composer
from airflow_provider_mysmpp.sending.dispatch import Dispatch
from airflow_provider_mysmpp.sending.identity import Identities
from airflow_provider_mysmpp.sending.outcomes import Result, Status
from airflow_provider_mysmpp.sending.plan import Plan
from airflow_provider_mysmpp.sending.validity import ValidityClock
from tests.support import senders

from .attempts import PHONES

TEXT: Final = "{run}/{about}"
TO_ALL: Final = "all: we are open again"
"""What some customers are told in the same words, so that several phones stand in one message of a request."""

NUMBERS: Final = itertools.count(1)
EXAMPLES: Final = int(os.environ.get("MYSMPP_CAMPAIGNS", "150"))
STEPS: Final = 30
NO_PAUSES: Final = RetryPolicy(attempts=3, first_pause=0.0, longest_pause=0.0)

PLAIN_FAULTS: Final = (
    *("lost_answer", "reset", "too_many", "cut_json", "html", "empty", "too_few", "too_many_entries"),
    *("one_id", "redirect", "string_ids", "id_and_error", "neither"),
)
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    *({"kind": kind} for kind in PLAIN_FAULTS),
    *({"kind": "status", "status": status, "processed": done} for status in (413, 500, 503) for done in (False, True)),
    *({"kind": "too_many", "processed": True}, {"kind": "html", "processed": False}),
    *({"kind": "body", "body": body} for body in ("null", '{"information": [null, 5, {}]}', '{"error": 5}')),
    *({"kind": "error", "code": code} for code in ("stop_list", "moderator", "out_of_sms", "bad_credentials")),
    *({"kind": "error", "code": code, "language": "ru"} for code in ("unknown", "unknown_sender", "account_blocked")),
)
ENTRY_FAULTS: Final = {"lost_answer", "cut_json", "too_few", "too_many_entries", "one_id", "id_and_error", "neither"}
"""What must also be met by requests with several phones: with one, there is little to take one for another."""

ENOUGH: Final = 150
"""Campaigns in which every fault is sure to be met."""


class CrashError(BaseException):
    """The process is gone."""


@dataclass
class Fate:
    """
    What one request of a send meets beside the faults of the gateway.

    :param at: The number of the request.
    :param kind: ``crash before``, ``crash after``, or ``lose an entry`` of its answer.
    :param position: Of the lost entry.
    """

    at: int
    kind: str
    position: int = 0


class FatefulClient(GatewayClient):
    """A client one of whose requests meets its fate."""

    def __init__(self, base_url: str, fate: Fate | None) -> None:
        account = Credentials(login="sandbox", password="sandbox")
        super().__init__(base_url, account, timeout=20.0, retry=NO_PAUSES)
        self._fate, self._count, self._counting = fate, 0, Lock()

    def _post(self, path: str, body: bytes) -> requests.Response:
        with self._counting:
            self._count += 1
            fate = self._fate if self._fate and self._fate.at == self._count else None
        if fate and fate.kind == "crash before":
            raise CrashError
        answer = super()._post(path, body)
        if fate and fate.kind == "crash after":
            raise CrashError
        if fate:
            answer._content = without_an_entry(answer.content, fate.position, asked=body.count(b'"phone":'))
        return answer


def without_an_entry(content: bytes, position: int, *, asked: int) -> bytes:
    """
    Return an answer without one of its entries.

    Only of an answer with one entry a phone: that a gateway adds an entry here and loses one there, nobody can see.
    """
    try:
        document = json.loads(content)
    except ValueError:
        return content
    if not isinstance(document, dict) or len(document.get("information") or []) != asked:
        return content
    del document["information"][position % asked]
    return json.dumps(document).encode()


class Campaign(RuleBasedStateMachine):
    """
    One list of customers, texted in one run after another.

    :cvar met: How many requests met each kind of fault, in all campaigns; and how many with several phones.
    """

    met: ClassVar[Counter[str]] = Counter()
    met_by_several: ClassVar[Counter[str]] = Counter()

    def __init__(self, sandbox: SandboxServer) -> None:
        super().__init__()
        self.sandbox = sandbox
        sandbox.clear()
        self.rows: list[dict[str, Any]] = []
        # A request of a process that died may come late, when the next campaign has begun.
        self.name = f"campaign {next(NUMBERS)}"
        self.number = 1
        self.reported: dict[tuple[str, str, str], str] = {}
        self.add_rows(3)

    # What people and databases do

    @rule(count=st.integers(1, 8))
    def add_rows(self, count: int) -> None:
        """Let new customers come; a third are told what all are told, a third have a second order."""
        for _ in range(count):
            number = len(self.rows)
            owner = number - 1 if number % 3 == 2 else number
            key = f"A-{number}"
            about = TO_ALL if number % 3 == 0 else f"{key}: 0 ₽"
            self.rows.append({"phone": PHONES[owner], "key": key, "about": about})

    @rule(seed=st.integers(0, 99))
    def reorder(self, seed: int) -> None:
        """Give the rows in another order, with other balances."""
        random.Random(seed).shuffle(self.rows)
        for row in self.rows:
            if row["about"] != TO_ALL:
                row["about"] = f"{row['key']}: {seed} ₽"

    @rule()
    def begin_another_run(self) -> None:
        """Send again on purpose."""
        self.number += 1

    @property
    def run(self) -> str:
        """The run that is under way."""
        return f"{self.name}, run {self.number}"

    def ledger(self) -> list[dict[str, Any]]:
        """What the gateway accepted of this campaign."""
        return [message for message in self.sandbox.messages() if message["text"].startswith(f"{self.name}, ")]

    # What breaks

    @initialize(seed=st.integers(0, 2**64 - 1))
    def throw_the_dice(self, seed: int) -> None:
        """Take the faults from a seed, since Hypothesis itself comes back to a few of them again and again."""
        self.dice = random.Random(seed)

    @rule(count=st.integers(1, 4))
    def add_faults(self, count: int) -> None:
        """Queue faults."""
        for fault in self.dice.choices(FAULTS, k=count):
            self.sandbox.add_fault(**fault, times=self.dice.choice([1, 1, 1, 4]), after=self.dice.randint(0, 1))

    @rule()
    def end_the_faults(self) -> None:
        """Repair the gateway."""
        self.sandbox.api("DELETE", "/api/faults")

    # What Airflow does

    @rule(batch_size=st.sampled_from([1, 2, 3, 50]), in_flight=st.integers(1, 3), trouble=st.integers(0, 2))
    def send(self, batch_size: int, in_flight: int, trouble: int) -> None:
        """Send, as a first try, a retry or a clear does."""
        self.add_faults(trouble)
        self.check(*self.dispatch(batch_size, in_flight))

    @rule(
        fate=st.builds(
            Fate,
            at=st.integers(1, 6),
            kind=st.sampled_from(["crash before", "crash after", "lose an entry"]),
            position=st.integers(0, 9),
        ),
        batch_size=st.sampled_from([1, 2, 5, 50]),
        in_flight=st.integers(1, 3),
    )
    def meet_a_fate(self, fate: Fate, batch_size: int, in_flight: int) -> None:
        """Let the process die around one of its requests, or an entry of an answer vanish."""
        self.check(*self.dispatch(batch_size, in_flight, fate=fate))

    @rule(at=st.integers(0, 5), batch_size=st.sampled_from([1, 2, 50]))
    def stop(self, at: int, batch_size: int) -> None:
        """Tell a send to stop when some rows are settled."""
        stop = Event()

        def progress(settled: int) -> None:
            if settled >= at:
                stop.set()

        self.check(*self.dispatch(batch_size, 1, stop=stop, progress=progress))

    def dispatch(
        self,
        batch_size: int,
        in_flight: int,
        *,
        fate: Fate | None = None,
        stop: Event | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> tuple[list[Result] | None, list[dict[str, Any]]]:
        """Send the rows; return the results, or None from a process that died, and the requests that were made."""
        before = len(self.sandbox.requests())
        results = self.results(batch_size, in_flight, fate, stop, progress)
        for thread in senders():  # nothing of a process that died comes late
            thread.join(60)
        return results, self.sandbox.requests()[before:]

    def results(
        self,
        batch_size: int,
        in_flight: int,
        fate: Fate | None,
        stop: Event | None,
        progress: Callable[[int], None],
    ) -> list[Result] | None:
        composer = Composer(
            identities=Identities(self.run, TEXT),
            clock=ValidityClock(ZoneInfo("Europe/Moscow")),
            text=TEXT,
            sender=SENDER,
            channel="sms",
        )
        with Plan() as plan, FatefulClient(self.sandbox.url, fate) as client:
            plan.load([{**row, "run": self.run} for row in self.rows], composer)
            dispatch = Dispatch(
                client, plan, batch_size=batch_size, max_in_flight=in_flight, stop=stop, progress=progress
            )
            try:
                plan.finish(dispatch.run())
            except CrashError:
                return None
            return list(plan.results())

    # What must hold

    def check(self, results: list[Result] | None, requests: list[dict[str, Any]]) -> None:
        """Each row has one outcome; what is accepted is in the ledger for good; what is unsent was not sent."""
        if results is None:
            return
        assert [result.row for result in results] == list(range(1, len(self.rows) + 1))
        assert [(r.phone, r.key) for r in results] == [(row["phone"], row["key"]) for row in self.rows]
        ledger = {str(message["id_sms"]): message for message in self.ledger()}
        doubtful = {
            client_id for request in requests if not was_refused(request) for client_id in request["client_ids"]
        }
        for row, result in zip(self.rows, results, strict=True):
            assert (result.id_sms is not None) is (result.status == Status.ACCEPTED)
            assert result.status != Status.UNSENT or result.client_id_sms not in doubtful
            if result.id_sms is None:
                continue
            kept = ledger[result.id_sms]
            assert (kept["phone"], kept["client_id_sms"]) == (result.phone, result.client_id_sms)
            assert subject(kept["text"]) == f"{self.run}/{subject(row['about'])}"
            who = (result.phone, str(result.key), self.run)
            assert self.reported.setdefault(who, result.id_sms) == result.id_sms

    @invariant()
    def nobody_is_texted_twice(self) -> None:
        """The gateway accepted each order of each run once at most."""
        texted = Counter((message["phone"], subject(message["text"])) for message in self.ledger())
        assert not [who for who, times in texted.items() if times > 1]

    def teardown(self) -> None:
        """In the end the gateway is whole again, and one more try texts whoever was not."""
        for request in self.sandbox.requests():
            self.met[request["fault"]] += 1
            self.met_by_several[request["fault"]] += request["phones"] > 1
        self.end_the_faults()
        results, requests = self.dispatch(50, 2)
        self.check(results, requests)
        assert results is not None
        assert {result.status for result in results} == {"accepted"}
        mapping = {result.id_sms for result in results}
        ledger = {str(m["id_sms"]) for m in self.ledger() if m["text"].startswith(f"{self.run}/")}
        assert mapping == ledger
        self.nobody_is_texted_twice()


def subject(text: str) -> str:
    """Return what tells a text from the others to the same phone, without what changes in it."""
    return text.partition(":")[0]


def was_refused(request: dict[str, Any]) -> bool:
    """Tell whether a client may take a request for one that sent nothing: a fault may lie about that."""
    return request["fault"] in ("too_many", "error") or request["status"] == 413


def test_nobody_twice_nobody_lost_whatever_happens(mysmpp_sandbox: SandboxServer) -> None:
    class CampaignHere(Campaign):
        def __init__(self) -> None:
            super().__init__(mysmpp_sandbox)

    run_state_machine_as_test(
        CampaignHere,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            phases=[Phase.generate],  # to shrink a campaign takes longer than a test may
            suppress_health_check=list(HealthCheck),
        ),
    )
    if EXAMPLES >= ENOUGH:
        assert {fault["kind"] for fault in FAULTS} <= {kind for kind, requests in Campaign.met.items() if requests}
        assert {kind for kind, requests in Campaign.met_by_several.items() if requests} >= ENTRY_FAULTS
