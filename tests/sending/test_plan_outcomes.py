"""What a plan takes in, and what it tells of every row in the end."""

from __future__ import annotations

import pytest

from airflow_provider_mysmpp.gateway.errors import CollisionError, StoppedError
from airflow_provider_mysmpp.sending.outcomes import Outcome, Result, Status
from tests.sending.support import accepted, phone_of, plan_of, settle, statuses_of

LOST = "the gateway gave one id_sms to several messages; to this one it gave "


def test_each_row_ends_in_the_outcome_of_its_message() -> None:
    with plan_of(6) as plan:
        [batch] = plan.batches(10)
        plan.record(
            batch,
            [
                Outcome(Status.ACCEPTED, "77"),
                Outcome(Status.REJECTED, None, "stop_list", "on the list"),
                Outcome(Status.UNKNOWN, None, "no_answer", "no answer"),
                Outcome(Status.UNSENT, None, "stopped", "stopped"),
                Outcome(Status.ACCEPTED, "78", "moderator", "and words"),
                Outcome(Status.ACCEPTED, "79"),
            ],
        )
        identities = [message.client_id_sms for message in batch]
        assert list(plan.results()) == [
            Result(1, phone_of(0), None, identities[0], "77", "accepted", None, None, 1),
            Result(2, phone_of(1), None, identities[1], None, "rejected", "stop_list", "on the list", 1),
            Result(3, phone_of(2), None, identities[2], None, "unknown", "no_answer", "no answer", 1),
            Result(4, phone_of(3), None, identities[3], None, "unsent", "stopped", "stopped", 1),
            Result(5, phone_of(4), None, identities[4], "78", "accepted", "moderator", "and words", 1),
            Result(6, phone_of(5), None, identities[5], "79", "accepted", None, None, 1),
        ]
        assert plan.counts() == {"accepted": 3, "rejected": 1, "unknown": 1, "unsent": 1}


def test_results_can_be_asked_by_status_and_stay_in_order() -> None:
    with plan_of(["bad", phone_of(0), phone_of(0), phone_of(1), "worse"]) as plan:
        settle(plan)
        assert [result.row for result in plan.results(Status.INVALID)] == [1, 5]
        assert [result.row for result in plan.results(Status.ACCEPTED, Status.INVALID)] == [1, 2, 4, 5]
        assert [result.row for result in plan.results()] == [1, 2, 3, 4, 5]
        assert list(plan.results(Status.UNKNOWN)) == []


def test_results_are_in_order_however_the_answers_came() -> None:
    with plan_of(2_600) as plan:
        for batch in reversed(list(plan.batches(100))):
            plan.record(batch, accepted(*[message.row for message in batch]))
        assert [result.row for result in plan.results()] == list(range(1, 2_601))


def test_a_block_of_results_is_there_once_all_its_rows_are_settled() -> None:
    with plan_of(["bad", *map(phone_of, range(1_399))]) as plan:
        messages = [message for batch in plan.batches(500) for message in batch]
        for first_row, size in ((1, 1_000), (1_001, 400)):
            block = [message for message in messages if first_row <= message.row < first_row + size]
            plan.record(block[1:], accepted(*[message.row for message in block[1:]]))
            assert plan.settled_block(first_row) == []
            plan.record(block[:1], [Outcome(Status.UNKNOWN)])
            found = plan.settled_block(first_row)
            assert found == list(plan.results())[first_row - 1 :]
            assert len(found) == size
        assert plan.settled_block(1_401) == []


def test_parts_are_counted_by_status() -> None:
    rows = [{"phone": phone_of(0), "text": "я" * 71}, {"phone": phone_of(1)}, {"phone": phone_of(2), "text": "я" * 200}]
    with plan_of(rows) as plan:
        [batch] = plan.batches(10)
        plan.record(batch, [*accepted(1, 2), Outcome(Status.UNKNOWN)])
        assert (plan.parts(Status.ACCEPTED), plan.parts(Status.UNKNOWN), plan.parts(Status.INVALID)) == (3, 3, 0)


def test_as_many_outcomes_as_messages_are_taken_in() -> None:
    with plan_of(3) as plan:
        [batch] = plan.batches(10)
        for wrong in ([], accepted(1, 2), accepted(1, 2, 3, 4)):
            with pytest.raises(ValueError, match="zip"):
                plan.record(batch, wrong)
        assert plan.counts() == {}


def test_what_is_recorded_once_more_stays_as_it_was() -> None:
    """A signal may come between the taking in of answers and the forgetting of their request."""
    with plan_of(3) as plan:
        [batch] = plan.batches(10)
        plan.record(batch, accepted(7, 8, 9))
        plan.record(batch, accepted(7, 8, 9))
        assert [result.id_sms for result in plan.results()] == ["7", "8", "9"]


def test_what_was_recorded_in_part_is_completed() -> None:
    with plan_of(3) as plan:
        [batch] = plan.batches(10)
        plan.record(batch[:2], accepted(7, 8))
        plan.record(batch, accepted(7, 8, 9))
        assert [result.id_sms for result in plan.results()] == ["7", "8", "9"]


# The end


@pytest.mark.parametrize(
    ("cause", "code", "words"),
    [
        (None, "unknown", "no answer"),
        (StoppedError("told to"), "stopped", "the send stopped before an answer: told to"),
    ],
)
def test_what_has_no_outcome_is_unknown_if_it_was_given_out_and_else_unsent(
    cause: StoppedError | None, code: str, words: str
) -> None:
    with plan_of(["bad", *map(phone_of, range(6)), phone_of(0)]) as plan:
        batches = plan.batches(2)
        plan.record(next(batches), accepted(1, 2))
        next(batches)
        plan.finish(cause)
        found = list(plan.results())
        assert [result.status for result in found] == [
            "invalid", "accepted", "accepted", "unknown", "unknown", "unsent", "unsent", "duplicate",
        ]  # fmt: skip
        assert {(result.code, result.error) for result in found[3:7]} == {(code, words)}
        assert {result.id_sms for result in found[3:]} == {None}


def test_what_was_taken_back_is_unsent_and_nothing_else() -> None:
    with plan_of(["bad", *map(phone_of, range(10)), phone_of(0)]) as plan:
        batches = plan.batches(2)
        given_out = [next(batches) for _ in range(4)]
        plan.record(given_out[0], accepted(1, 2))
        plan.take_back(given_out[1])
        plan.take_back(given_out[3])
        plan.finish(StoppedError("told to"))
        assert statuses_of(plan) == [
            "invalid", "accepted", "accepted", "unsent", "unsent", "unknown", "unknown", "unsent", "unsent",
            "unsent", "unsent", "duplicate",
        ]  # fmt: skip


def test_what_was_taken_back_is_unknown_after_an_earlier_try() -> None:
    with plan_of(4) as plan:
        plan.take_back(next(plan.batches(2)))
        plan.finish(None, maybe_sent=True)
        assert statuses_of(plan) == ["unknown"] * 4


def test_after_an_earlier_try_nothing_is_called_unsent() -> None:
    with plan_of(["bad", *map(phone_of, range(4))]) as plan:
        plan.record(next(plan.batches(2)), accepted(1, 2))
        plan.finish(StoppedError("told to"), maybe_sent=True)
        found = list(plan.results())
        assert [result.status for result in found] == ["invalid", "accepted", "accepted", "unknown", "unknown"]
        assert {(result.code, result.error) for result in found[3:]} == {
            ("stopped", "the send stopped before an answer: told to; an earlier try may have sent it")
        }


def test_a_plan_that_never_left_is_unsent() -> None:
    with plan_of(3) as plan:
        plan.finish(StoppedError("too many"))
        assert statuses_of(plan) == ["unsent"] * 3


def test_a_plan_is_finished_once_for_all() -> None:
    with plan_of(3) as plan:
        plan.finish(None)
        plan.finish(StoppedError("again"))
        assert statuses_of(plan) == ["unsent"] * 3
        assert {result.error for result in plan.results()} == {"no answer"}


# One id for several messages


def test_one_id_for_several_messages_of_a_batch_makes_nothing_accepted() -> None:
    with plan_of(3) as plan:
        [batch] = plan.batches(10)
        with pytest.raises(CollisionError) as caught:
            plan.record(batch, accepted(7, 8, 7))
        assert caught.value.id_sms == "7"
        found = list(plan.results())
        assert {(result.status, result.code, result.id_sms) for result in found} == {("unknown", "collision", None)}
        assert [result.error for result in found] == [LOST + "7", LOST + "8", LOST + "7"]


def test_one_id_in_two_batches_takes_back_what_was_accepted_before_and_after() -> None:
    with plan_of(8) as plan:
        batches = plan.batches(2)
        first, second, third = next(batches), next(batches), next(batches)
        plan.record(first, accepted(7, 8))
        with pytest.raises(CollisionError):
            plan.record(second, [*accepted(8), Outcome(Status.REJECTED, None, "stop_list", "on the list")])
        with pytest.raises(CollisionError) as caught:
            plan.record(third, [*accepted(9), Outcome(Status.UNKNOWN, None, "unknown", "hm")])
        assert caught.value.id_sms == "8"
        plan.finish(caught.value)
        assert [(result.status, result.code, result.error) for result in plan.results()][:6] == [
            ("unknown", "collision", LOST + "7"),
            ("unknown", "collision", LOST + "8"),
            ("unknown", "collision", LOST + "8"),
            ("rejected", "stop_list", "on the list"),
            ("unknown", "collision", LOST + "9"),
            ("unknown", "unknown", "hm"),
        ]
        assert statuses_of(plan)[6:] == ["unsent", "unsent"]
        assert {result.id_sms for result in plan.results()} == {None}


def test_a_collision_is_found_in_what_was_recorded_in_part() -> None:
    with plan_of(3) as plan:
        [batch] = plan.batches(10)
        plan.record(batch[:1], accepted(7))
        with pytest.raises(CollisionError):
            plan.record(batch, accepted(7, 8, 8))
        assert plan.counts() == {"unknown": 3}


# Reasons


def test_the_most_frequent_reasons_come_first_with_their_first_rows() -> None:
    rows = ["bad", phone_of(0), "", "worse", phone_of(1), phone_of(2), phone_of(1), "worst"]
    with plan_of(rows) as plan:
        [batch] = plan.batches(10)
        rejected = Outcome(Status.REJECTED, None, "stop_list", "on the list")
        plan.record(batch, [rejected, *accepted(7), rejected])
        assert [(*reason[:2], *reason[3:]) for reason in plan.reasons(10)] == [
            ("invalid", "phone", 3, 1, "bad"),
            ("rejected", "stop_list", 2, 2, phone_of(0)),
            ("invalid", "phone", 1, 3, ""),
        ]
        assert [reason.error for reason in plan.reasons(10)][1] == "on the list"


@pytest.mark.parametrize(("most", "found"), [(0, 0), (1, 1), (10, 10), (11, 11), (100, 12)])
def test_there_are_no_more_reasons_than_asked_for(most: int, found: int) -> None:
    with plan_of(12) as plan:
        [batch] = plan.batches(20)
        plan.record(batch, [Outcome(Status.REJECTED, None, "x", f"reason {number}") for number in range(12)])
        reasons = plan.reasons(most)
        assert len(reasons) == found
        assert [reason.first_row for reason in reasons] == list(range(1, found + 1))


def test_what_is_no_failure_is_no_reason() -> None:
    with plan_of([phone_of(0), phone_of(0)]) as plan:
        settle(plan)
        assert plan.counts() == {"accepted": 1, "duplicate": 1}
        assert plan.reasons(10) == []
