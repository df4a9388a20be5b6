"""When a request is made again, and after which pause."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_when_event_set
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_exponential, wait_random

from airflow_provider_mysmpp.gateway.errors import GatewayError, UnavailableError

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_RETRY_AFTER: Final = 300.0
"""Seconds. A gateway that asks for more is left to the next try of the task instead of a sleeping worker."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often and after which pauses a request is repeated.

    The gateway may still be at work on a request that it did not answer, so even the first pause is not short.

    :param attempts: Requests in all, the first one included.
    :param first_pause: Seconds before the second request, at least; each further pause is twice as long.
    :param longest_pause: Seconds that no pause exceeds, jitter and Retry-After apart.
    """

    attempts: int = 5
    first_pause: float = 2.0
    longest_pause: float = 60.0

    def call(self, request: Callable[[bool], T], *, stop: Event) -> T:
        """
        Return what ``request`` returns, repeating it while that is safe and makes sense.

        :param request: Makes one request, told whether an earlier one may have sent its messages. It must be one that
            the gateway may see twice.
        :param stop: Once set, no pause is slept to its end and no request is made any more.
        :raises GatewayError: What the last request ended with. Its ``maybe_sent`` speaks for all of them.
        """
        maybe_sent = False

        def attempt() -> T:
            nonlocal maybe_sent
            try:
                return request(maybe_sent)
            except GatewayError as error:
                maybe_sent = error.maybe_sent = error.maybe_sent or maybe_sent
                raise

        return Retrying(
            retry=retry_if_exception(should_retry),
            stop=stop_after_attempt(self.attempts) | stop_when_event_set(stop),
            wait=self.pause,
            sleep=sleep_using_event(stop),
            before_sleep=_log_pause,
            reraise=True,
        )(attempt)

    def pause(self, state: RetryCallState) -> float:
        """
        Return the seconds to wait before the next request.

        :param state: What tenacity knows of the attempts so far.
        """
        backoff = wait_exponential(multiplier=self.first_pause, max=self.longest_pause)
        jitter = wait_random(0, self.first_pause)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UnavailableError) else None
        return max(backoff(state), asked or 0.0) + jitter(state)


def should_retry(error: BaseException) -> bool:
    """
    Tell whether the same request may be made once more: the one place where that is decided.

    :param error: What the last request ended with.
    """
    return (
        isinstance(error, UnavailableError)
        and error.repeatable
        and (error.retry_after is None or error.retry_after <= LONGEST_RETRY_AFTER)
    )


def parse_retry_after(value: str | None) -> float | None:
    """
    Return the seconds that a ``Retry-After`` header asks to wait, or None.

    :param value: Seconds or an HTTP date (RFC 9110, section 10.2.3); anything else counts as absent.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _log_pause(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning(
        "Request %d to the gateway failed: %s. It is repeated in %.1f s, which sends no message twice.",
        state.attempt_number,
        error,
        state.upcoming_sleep,
    )
