"""The results file that grows during a send, against the one that is written at its end."""

from __future__ import annotations

import io
import os
import random
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from airflow_provider_mysmpp.gateway.errors import CollisionError, StoppedError
from airflow_provider_mysmpp.sending.draft import Draft
from airflow_provider_mysmpp.sending.outcomes import Outcome, Result, Status
from airflow_provider_mysmpp.sending.plan import Plan
from airflow_provider_mysmpp.sending.results import SUFFIXES, ResultsWriter
from tests.sending.support import accepted, phone_of, plan_of
from tests.support import write_results

ROWS = ["bad", *map(phone_of, range(3_400)), {"phone": phone_of(3_400), "key": 'a "key",\r\n'}, phone_of(0)]


@pytest.fixture(params=SUFFIXES)
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of a results file."""
    return f"results{request.param}"


@pytest.fixture
def draft(name: str) -> Iterator[Draft]:
    """Give a draft."""
    with closing(Draft(name)) as draft:
        yield draft


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows each block had that was written."""
    sizes: list[int] = []
    write = ResultsWriter.write

    def count(writer: ResultsWriter, block: Sequence[Result]) -> None:
        sizes.append(len(block))
        write(writer, block)

    monkeypatch.setattr(ResultsWriter, "write", count)
    return sizes


def handed_over(draft: Draft, plan: Plan) -> bytes:
    """Return the file that a draft makes."""
    file = io.BytesIO()
    draft.hand_over(plan, file)
    assert not file.closed
    return file.getvalue()


def expected(plan: Plan, name: str) -> bytes:
    """Return the file that all results make."""
    file = io.BytesIO()
    write_results(plan.results(), file, name)
    return file.getvalue()


def settle(plan: Plan, draft: Draft, *, shuffled: bool = False) -> None:
    """Let answers come in, and the draft advance after each of them."""
    batches = list(plan.batches(250))
    if shuffled:
        random.Random(7).shuffle(batches)
    for batch in batches:
        plan.record(batch, accepted(*[90_000 + message.row for message in batch]))
        draft.advance(plan)
    plan.finish(None)


@pytest.mark.parametrize("shuffled", [False, True])
def test_it_is_the_file_that_all_results_make(draft: Draft, name: str, *, shuffled: bool) -> None:
    with plan_of(ROWS) as plan:
        settle(plan, draft, shuffled=shuffled)
        assert handed_over(draft, plan) == expected(plan, name)


def test_so_it_is_without_a_single_advance(draft: Draft, name: str) -> None:
    with plan_of(ROWS) as plan:
        plan.finish(StoppedError("told to"))
        assert handed_over(draft, plan) == expected(plan, name)


def test_so_it_is_without_rows(draft: Draft, name: str) -> None:
    with plan_of([]) as plan:
        draft.advance(plan)
        plan.finish(None)
        assert handed_over(draft, plan) == expected(plan, name)


def test_at_the_end_only_the_rest_is_written(draft: Draft, written: list[int]) -> None:
    with plan_of(3_300) as plan:
        settle(plan, draft)
        assert [size for size in written if size] == [1_000, 1_000, 1_000, 300]
        written.clear()
        handed_over(draft, plan)
        assert written == []


def test_a_block_waits_for_the_last_of_its_rows(draft: Draft, written: list[int]) -> None:
    with plan_of(2_000) as plan:
        batches = list(plan.batches(500))
        for batch in (batches[0], *batches[2:]):
            plan.record(batch, accepted(*[message.row for message in batch]))
            draft.advance(plan)
        assert sum(written) == 0
        plan.record(batches[1], [Outcome(Status.UNKNOWN)] * 500)
        draft.advance(plan)
        assert sum(written) == 1_000
        draft.advance(plan)
        draft.advance(plan)
        assert sum(written) == 2_000


@pytest.mark.parametrize("early", [True, False])
def test_a_collision_changes_what_was_written_before(draft: Draft, name: str, *, early: bool) -> None:
    with plan_of(2_500) as plan:
        batches = plan.batches(1_000)
        plan.record(next(batches), accepted(*range(1, 1_001)))
        draft.advance(plan)
        with pytest.raises(CollisionError) as caught:
            plan.record(next(batches), accepted(*range(1_000, 2_000)))
        if early:
            draft.advance(plan)
        plan.finish(caught.value)
        content = handed_over(draft, plan)
        assert content == expected(plan, name)
        assert plan.counts() == {"unknown": 2_000, "unsent": 500}


# What goes wrong


class Interrupt(BaseException):
    """What Airflow throws into a task's thread."""


def fail_once(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the next block that is written be cut by an error."""
    write = ResultsWriter.write
    errors = iter([error])

    def fail(writer: ResultsWriter, block: Sequence[Result]) -> None:
        for one in errors:
            write(writer, block[: len(block) // 2])
            raise one
        write(writer, block)

    monkeypatch.setattr(ResultsWriter, "write", fail)


def test_an_error_does_not_end_the_send_and_leaves_no_trace(
    draft: Draft, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, OSError(28, "No space left on device"))
    with plan_of(ROWS) as plan:
        settle(plan, draft)
        assert handed_over(draft, plan) == expected(plan, name)


def test_an_error_that_stays_is_told_at_the_end(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: ResultsWriter, block: Sequence[Result]) -> None:
        raise OSError(28, "No space left on device")

    with plan_of(3) as plan:
        monkeypatch.setattr(ResultsWriter, "write", full)
        settle(plan, draft)
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                handed_over(draft, plan)


def test_an_interruption_comes_out_and_leaves_no_trace(
    draft: Draft, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, Interrupt())
    with plan_of(2_500) as plan:
        with pytest.raises(Interrupt):
            settle(plan, draft)
        plan.finish(StoppedError("interrupted"))
        assert handed_over(draft, plan) == expected(plan, name)


def test_an_interruption_of_the_end_leaves_no_trace(draft: Draft, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_once(monkeypatch, Interrupt())
    with plan_of(2_500) as plan:
        plan.finish(None)
        with pytest.raises(Interrupt):
            handed_over(draft, plan)
        assert handed_over(draft, plan) == expected(plan, name)


def test_it_can_be_handed_over_again(draft: Draft, name: str) -> None:
    with plan_of(2_500) as plan:
        settle(plan, draft)
        assert handed_over(draft, plan) == handed_over(draft, plan) == expected(plan, name)


# Storage


def test_it_lies_where_nobody_else_finds_it(draft: Draft) -> None:
    found = os.fstat(draft._file.fileno())
    assert found.st_nlink == 0
    assert stat.S_IMODE(found.st_mode) == 0o600
    draft.close()
    assert draft._file.closed
