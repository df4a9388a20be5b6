"""When a request is made again, and after which pause."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import RetryCallState

from airflow_provider_mysmpp.gateway import retrying
from airflow_provider_mysmpp.gateway.errors import (
    AmbiguousError,
    ConfigurationError,
    GatewayError,
    RedirectError,
    RefusedError,
    StoppedError,
    UnavailableError,
)
from airflow_provider_mysmpp.gateway.retrying import LONGEST_RETRY_AFTER, RetryPolicy, parse_retry_after, should_retry

NOW = datetime(2031, 5, 5, 12, 0, 0, tzinfo=UTC)
QUICK = RetryPolicy(attempts=4, first_pause=0.0, longest_pause=0.0)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UnavailableError("x"), True),
        (UnavailableError("x", status_code=500), True),
        (UnavailableError("x", maybe_sent=False), True),
        (UnavailableError("x", retry_after=0.0), True),
        (UnavailableError("x", retry_after=LONGEST_RETRY_AFTER), True),
        (UnavailableError("x", retry_after=LONGEST_RETRY_AFTER + 0.001), False),
        (UnavailableError("x", retry_after=float("inf")), False),
        (UnavailableError("x", repeatable=False), False),
        (UnavailableError("x", repeatable=False, retry_after=1.0), False),
        (RedirectError("x"), False),
        (AmbiguousError("x"), False),
        (RefusedError("Out of SMS"), False),
        (RefusedError("words that nobody knows"), False),
        (StoppedError("x"), False),
        (GatewayError("x"), False),
        (ConfigurationError("x"), False),
        (ValueError("x"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_a_passing_lack_of_an_answer_is_repeated(error: BaseException, again: bool) -> None:
    assert should_retry(error) is again


def test_the_longest_wait_that_is_obeyed_is_five_minutes() -> None:
    assert LONGEST_RETRY_AFTER == 300.0


# Pauses


def test_the_policy_without_words_is_five_tries_with_pauses_of_at_least_two_seconds() -> None:
    policy = RetryPolicy()
    assert (policy.attempts, policy.first_pause, policy.longest_pause) == (5, 2.0, 60.0)


def pauses_of(policy: RetryPolicy, error: BaseException | None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses after six attempts, with the jitter pinned to its middle."""
    monkeypatch.setattr(retrying, "wait_random", lambda low, high: lambda _: (low + high) / 2)
    outcome = None if error is None else SimpleNamespace(exception=lambda: error)
    states = [SimpleNamespace(attempt_number=number, outcome=outcome) for number in range(1, 7)]
    return [policy.pause(cast(RetryCallState, state)) for state in states]


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (None, [3.0, 5.0, 9.0, 17.0, 33.0, 61.0]),
        (UnavailableError("x"), [3.0, 5.0, 9.0, 17.0, 33.0, 61.0]),
        (UnavailableError("x", retry_after=0.0), [3.0, 5.0, 9.0, 17.0, 33.0, 61.0]),
        (UnavailableError("x", retry_after=7.0), [8.0, 8.0, 9.0, 17.0, 33.0, 61.0]),
        (UnavailableError("x", retry_after=100.0), [101.0] * 6),
        (RedirectError("x"), [3.0, 5.0, 9.0, 17.0, 33.0, 61.0]),
    ],
)
def test_each_pause_is_twice_the_last_and_no_shorter_than_the_gateway_asks(
    error: BaseException | None, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pauses_of(RetryPolicy(), error, monkeypatch) == pauses


def test_the_pauses_follow_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = RetryPolicy(first_pause=1.0, longest_pause=4.0)
    assert pauses_of(policy, None, monkeypatch) == [1.5, 2.5, 4.5, 4.5, 4.5, 4.5]


@given(st.integers(1, 9))
def test_the_jitter_adds_up_to_the_first_pause_and_takes_nothing_away(number: int) -> None:
    state = cast(RetryCallState, SimpleNamespace(attempt_number=number, outcome=None))
    floor = min(2.0 * 2 ** (number - 1), 60.0)
    assert floor <= RetryPolicy().pause(state) <= floor + 2.0


class Slept(Event):
    """An event that notes how long it was waited for, and waits no longer."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(("retry_after", "slept"), [(None, [2.0, 4.0, 8.0]), (7.0, [7.0, 7.0, 8.0])])
def test_each_pause_is_slept_to_its_end(
    retry_after: float | None, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "wait_random", lambda *_: lambda _: 0.0)
    failures = iter([UnavailableError("x", retry_after=retry_after) for _ in range(3)])
    stop = Slept()

    def request(_maybe_sent: bool) -> str:
        for failure in failures:
            raise failure
        return "answered"

    assert RetryPolicy().call(request, stop=stop) == "answered"
    assert stop.seconds == slept


# Retry-After


class PinnedClock(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return NOW.astimezone(tz)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("5", 5.0),
        ("  5 ", 5.0),
        ("0005", 5.0),
        ("9" * 400, float("inf")),
        ("1.5", None),
        ("-5", None),
        ("+5", None),
        ("1e3", None),
        ("0x10", None),
        ("٥", None),
        ("²", None),
        ("soon", None),
        ("5 seconds", None),
        ("Mon, 05 May 2031 12:00:30 GMT", 30.0),
        (" Mon, 05 May 2031 12:00:30 GMT ", 30.0),
        ("Monday, 05-May-31 12:00:30 GMT", 30.0),
        ("Mon May  5 12:00:30 2031", 30.0),
        ("Mon, 05 May 2031 15:00:30 +0300", 30.0),
        ("Mon, 05 May 2031 12:00:30 -0000", 30.0),
        ("Mon, 05 May 2031 11:59:30 GMT", 0.0),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0),
        ("Mon, 05 May 99999999999999999999 12:00:00 GMT", None),
        ("Mon, 05 May 2031 12:00:00 +99999999999999999999", None),
        ("Mon, 45 May 2031 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "datetime", PinnedClock)
    assert parse_retry_after(value) == seconds


@given(st.text() | st.text(alphabet="0123456789 :,-+GMTMonJan", max_size=60))
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    seconds = parse_retry_after(value)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 2**31), st.integers(-12, 12))
def test_a_date_means_the_same_moment_in_every_zone(seconds: int, hours: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    there = moment.astimezone(timezone(timedelta(hours=hours)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrying, "datetime", PinnedClock)
        assert parse_retry_after(format_datetime(moment, usegmt=True)) == seconds
        assert parse_retry_after(format_datetime(there)) == seconds


# Calls


class Script:
    """Requests that end as told, one after another."""

    def __init__(self, *ends: str | Exception, stop: Event | None = None, stop_after: int = 0) -> None:
        self.ends = list(ends)
        self.stop = stop or Event()
        self.stop_after = stop_after
        self.made = 0

    def __call__(self, _maybe_sent: bool) -> str:
        self.made += 1
        if self.made == self.stop_after:
            self.stop.set()
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def test_what_succeeds_is_returned_and_not_repeated() -> None:
    script = Script("answer", "another")
    assert QUICK.call(script, stop=script.stop) == "answer"
    assert script.made == 1


def test_what_fails_is_repeated_until_it_succeeds() -> None:
    script = Script(UnavailableError("a"), UnavailableError("b"), "answer")
    assert QUICK.call(script, stop=script.stop) == "answer"
    assert script.made == 3


def test_after_all_attempts_the_last_error_is_raised_itself() -> None:
    last = UnavailableError("last")
    script = Script(*[UnavailableError(str(number)) for number in range(3)], last, "too late")
    with pytest.raises(UnavailableError) as caught:
        QUICK.call(script, stop=script.stop)
    assert caught.value is last
    assert script.made == 4


def test_one_attempt_is_no_repetition() -> None:
    script = Script(UnavailableError("x"), "too late")
    with pytest.raises(UnavailableError):
        RetryPolicy(attempts=1).call(script, stop=script.stop)
    assert script.made == 1


def test_what_no_repetition_can_heal_is_raised_at_once() -> None:
    script = Script(RedirectError("elsewhere"), "too late")
    with pytest.raises(RedirectError):
        QUICK.call(script, stop=script.stop)
    assert script.made == 1


def test_an_error_of_the_program_goes_through_as_it_is() -> None:
    script = Script(KeyError("bug"), "too late")
    with pytest.raises(KeyError):
        QUICK.call(script, stop=script.stop)
    assert script.made == 1


@pytest.mark.parametrize(
    ("ends", "maybe_sent"),
    [
        ([False], False),
        ([True], True),
        ([False, False], False),
        ([True, False], True),
        ([False, True], True),
        ([False, True, False, False], True),
    ],
)
def test_one_request_that_may_have_sent_makes_the_whole_call_one_that_may_have(
    ends: list[bool], maybe_sent: bool
) -> None:
    script = Script(*[UnavailableError("x", maybe_sent=end) for end in ends])
    with pytest.raises(UnavailableError) as caught:
        RetryPolicy(attempts=len(ends), first_pause=0.0, longest_pause=0.0).call(script, stop=script.stop)
    assert caught.value.maybe_sent is maybe_sent


def test_a_refusal_after_a_lost_answer_remembers_the_lost_answer() -> None:
    script = Script(UnavailableError("lost"), RefusedError("Out of SMS"))
    with pytest.raises(RefusedError) as caught:
        QUICK.call(script, stop=script.stop)
    assert caught.value.maybe_sent


def test_a_stop_during_a_request_lets_nothing_be_repeated() -> None:
    script = Script(UnavailableError("x"), "too late", stop_after=1)
    with pytest.raises(UnavailableError):
        QUICK.call(script, stop=script.stop)
    assert script.made == 1


def test_a_stop_during_a_pause_ends_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(UnavailableError("x"), StoppedError("stopped", maybe_sent=False), "too late")
    monkeypatch.setattr(retrying, "_log_pause", lambda _: script.stop.set())
    with pytest.raises(StoppedError) as caught:
        RetryPolicy(first_pause=3600.0, longest_pause=3600.0).call(script, stop=script.stop)
    assert caught.value.maybe_sent
    assert script.made == 2


def test_each_pause_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    script = Script(UnavailableError("the line is dead"), UnavailableError("still"), "answer")
    with caplog.at_level(logging.WARNING):
        RetryPolicy(first_pause=0.0, longest_pause=0.0).call(script, stop=script.stop)

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.messages[0].startswith("Request 1 to the gateway failed: the line is dead. It is repeated in 0.0 s")
    assert caplog.messages[1].startswith("Request 2 to the gateway failed: still.")
