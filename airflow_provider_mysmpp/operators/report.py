"""The results of a send: pushed first, judged afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_mysmpp.gateway.errors import ConfigurationError, DryRunError, MySmppError
from airflow_provider_mysmpp.gateway.privacy import mask_numbers, mask_phone
from airflow_provider_mysmpp.hooks.mysmpp import airflow_error
from airflow_provider_mysmpp.sending.draft import Draft
from airflow_provider_mysmpp.sending.outcomes import FAILED, Status, Summary
from airflow_provider_mysmpp.sending.plan import Plan, Reason
from airflow_provider_mysmpp.sending.results import check_suffix

log = logging.getLogger(__name__)

_LARGE_XCOM: Final = 10_000
"""Entries above which a mapping is better kept in a file."""

_MOST_REASONS: Final = 10
_LONGEST_REASON: Final = 300
_SECONDS_BETWEEN_LINES: Final = 5.0

_HOPELESS: Final = (
    *(FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError),
    *(ValueError, ImportError),  # a URL that is none, or whose library is missing
)
"""What another try of writing a file will only meet again."""


class Progress:
    """
    Log how far a send is, every few seconds.

    :param total: Messages to send.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = self._last = time.monotonic()

    def __call__(self, settled: int) -> None:
        """
        Take in how far it is.

        :param settled: Messages that have an outcome.
        """
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            rate = settled / (now - self._started)
            log.info("Sent %d of %d messages, %.0f a second", settled, self._total, rate)


@dataclass(frozen=True, slots=True)
class Report:
    """
    The results of a send, as they were pushed.

    :param summary: The counts.
    :param mapping: The mapping of the accepted, or the path of the results.
    :param reasons: The most frequent reasons of failures.
    :param cause: Why the send ended early, or None.
    :param place: Where the whole list is, in words.
    :param lost: What of the results could not be written or pushed, and why, or None.
    """

    summary: Summary
    mapping: list[dict[str, Any]] | str
    reasons: list[Reason]
    cause: MySmppError | None
    place: str
    lost: str | None

    def failure(self, tolerated: float) -> AirflowException | None:
        """
        Return the error that the task fails with, or None.

        :param tolerated: How many recipients may be rejected or invalid; below 1 it is a share of all rows.
        """
        counts = self.summary
        certain = counts.rejected + counts.invalid
        # A division, since 0.29 * 100 is less than 29.
        tolerable = certain <= tolerated if tolerated >= 1 or not certain else certain / counts.recipients <= tolerated
        dry = isinstance(self.cause, DryRunError)
        cause = None if dry else self.cause
        if self.lost is not None:  # another try hands the results over, unless it can't even begin
            return airflow_error(self._words(), cause, certain=False)
        unsettled = counts.unknown + (0 if dry else counts.unsent)
        if cause is None and not unsettled and tolerable:
            return None
        return airflow_error(self._words(), cause, certain=not unsettled)

    def _words(self) -> str:
        lines = [str(self.summary) + "."]
        if self.cause is not None:
            lines.append(f"The send stopped: {self.cause}")
        lines += [
            f"- {reason.rows} {reason.status} ({reason.code}): {reason.error};"
            f" first in row {reason.first_row}, {mask_phone(reason.first_phone)}"
            for reason in self.reasons
        ]
        lines.append(self.lost or f"The whole list is {self.place}.")
        return "\n".join(lines) + " Another try texts nobody twice."


class Reporter:
    """
    Push the results of one send.

    :param ti: Airflow's task instance.
    :param pushes: Whether the task pushes XComs at all.
    :param results_path: The file for the results of all rows, or None.
    :param tried_before: True if an earlier try of the task may have sent some of the messages.
    :raises ConfigurationError: The file's name chooses no format, or nothing can be written there.
    :raises AirflowException: Its place can't be reached for now.
    """

    def __init__(self, ti: Any, *, pushes: bool, results_path: str | None, tried_before: bool) -> None:
        self._ti = ti
        self._pushes = pushes
        self._path = results_path
        self._draft: Draft | None = None
        self.tried_before = tried_before
        self._started = time.monotonic()
        if results_path is not None:
            _check_place(results_path)
            self._draft = Draft(results_path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._draft is not None:
            self._draft.close()

    def watch(self, plan: Plan, total: int) -> Callable[[int], None]:
        """
        Return what a send is to call while it waits: it logs how far the send is, and gets on with the results file.

        :param plan: The rows and their outcomes so far.
        :param total: Messages to send.
        """
        progress = Progress(total)

        def look(settled: int) -> None:
            progress(settled)
            if self._draft is not None:
                self._draft.advance(plan)

        return look

    def push(self, plan: Plan, cause: MySmppError | None, *, requests: int) -> Report:
        """
        Give every row an outcome, write and push the results, and return them; the mapping is left to the task.

        :param plan: The rows and their outcomes so far.
        :param cause: Why the send ended early, or None.
        :param requests: Requests made to the gateway.
        """
        plan.finish(cause, maybe_sent=self.tried_before and not isinstance(cause, DryRunError))
        unwritten = self._write(plan)
        summary = Summary.of(
            plan.counts(),
            parts=plan.parts(Status.UNSENT if isinstance(cause, DryRunError) else Status.ACCEPTED),
            requests=requests,
            seconds=time.monotonic() - self._started,
        )
        log.info("%s", summary)
        unpushed = self._push(summary=summary.as_dict(), failed=self._failed(plan))
        return Report(
            summary=summary,
            mapping=self._path or self._mapping(plan),
            reasons=plan.reasons(_MOST_REASONS),
            cause=cause,
            place=self._whereabouts(),
            lost=unwritten or unpushed,
        )

    def push_mapping(self, report: Report) -> None:
        """
        Push what the task would have returned: Airflow does that only for a task that succeeds.

        :param report: The results of a send that failed.
        """
        self._push(return_value=report.mapping)

    def _push(self, **xcoms: Any) -> str | None:
        """Push XComs; return why that failed, since it must not hide what became of the send."""
        if not self._pushes:
            return None
        try:
            for key, value in xcoms.items():
                self._ti.xcom_push(key=key, value=value)
        except Exception as error:  # noqa: BLE001  Airflow refuses a task that it has ended, and backends fail
            why = f"{type(error).__name__}: {mask_numbers(str(error))[:_LONGEST_REASON]}"
            log.error("The XComs %s could not be pushed: %s", ", ".join(xcoms), why)  # noqa: TRY400  it holds phones
            return f"The results were not pushed: {why}."
        return None

    def _whereabouts(self) -> str:
        """Say where the whole list is."""
        if self._path is not None:
            return f"in the file {self._path}"
        if self._pushes:
            return "in the XCom 'failed' of this task"
        return "nowhere, since do_xcom_push is off; set results_path"

    def _mapping(self, plan: Plan) -> list[dict[str, Any]]:
        mapping = [result.mapping() for result in plan.results(Status.ACCEPTED)]
        if len(mapping) > _LARGE_XCOM:
            log.warning("The mapping has %d entries, which is much for XCom; set results_path.", len(mapping))
        return mapping

    def _failed(self, plan: Plan) -> list[dict[str, Any]]:
        failed: list[dict[str, Any]] = []
        for result in plan.results(*FAILED):
            if self._path is not None and len(failed) == _LARGE_XCOM:
                log.warning("XCom 'failed' holds the first %d; the file has them all.", _LARGE_XCOM)
                break
            failed.append(result.failure())
        return failed

    def _write(self, plan: Plan) -> str | None:
        """Write the results file; return why that failed, since the rest must be pushed all the same."""
        if self._path is None or self._draft is None:
            return None
        try:
            with _place(self._path).open("wb") as file:
                self._draft.hand_over(plan, file)
        except Exception as error:  # any storage may fail in any way
            log.exception("The results could not be written to %s", self._path)
            return f"The results were not written: {type(error).__name__} at {self._path}."
        return None


def _place(path: str) -> Any:
    """Return a path or an object storage path; the latter costs a quarter of a second, so only a URL becomes one."""
    if "://" not in path:
        return Path(path)
    from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415

    return ObjectStoragePath(path)


def _check_place(path: str) -> None:
    """Find out before anything is sent whether the results can be written; results that are there stay."""
    check_suffix(path)
    try:
        place = _place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(place, Path):
            place.open("ab").close()
        elif place.is_dir() or not place.exists():  # few object storages can append
            place.open("wb").close()
    except Exception as error:
        words = f"results_path {path} can't be written, so nothing is sent: {type(error).__name__}: {error}"
        if isinstance(error, _HOPELESS):
            raise ConfigurationError(words) from error
        raise AirflowException(words) from error  # a storage that is away for now
