"""The closed vocabulary of what can happen to a recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from airflow_provider_mysmpp.gateway.privacy import mask_phone


class Status(StrEnum):
    """How it ended for a recipient; every row of a send ends in exactly one."""

    ACCEPTED = "accepted"
    """The gateway took the message and gave it an ``id_sms``."""
    REJECTED = "rejected"
    """The gateway did not take it; a code names the reason."""
    INVALID = "invalid"
    """It was refused here and never sent."""
    DUPLICATE = "duplicate"
    """An earlier row of the same send has the same identity."""
    UNKNOWN = "unknown"
    """It may have been sent: no certain answer came."""
    UNSENT = "unsent"
    """The send ended before its turn."""


_ACCEPTED: Final = Status.ACCEPTED

FAILED: Final = (Status.REJECTED, Status.INVALID, Status.UNKNOWN, Status.UNSENT)
"""The statuses that a recipient should not have."""


@dataclass(slots=True)
class Outcome:
    """
    What happened to one message.

    :param status: A word of :class:`Status`.
    :param id_sms: The gateway's number of the message, digits; exactly the accepted ones have it.
    :param code: The name of the error, or None.
    :param error: What went wrong, in words without phones and secrets, or None.
    :raises ValueError: The status is no word of the vocabulary, or does not agree with ``id_sms``.
    """

    status: Status
    id_sms: str | None = None
    code: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if type(self.status) is not Status:
            self.status = Status(self.status)
        if (self.id_sms is not None) is not (self.status is _ACCEPTED):
            raise ValueError(f"An outcome '{self.status}' can't have the id_sms {self.id_sms!r}")


class Result(NamedTuple):
    """
    One row of the results: a recipient and its outcome.

    :param row: The number of the input row, counted from 1.
    :param phone: The phone as it was sent, or as it was given if it is invalid.
    :param key: The row's own key, or None.
    :param client_id_sms: The identity of the message, or None if it is invalid.
    :param id_sms: The gateway's number of the message, or None.
    :param status: A word of :class:`Status`.
    :param code: The name of the error, or None.
    :param error: What went wrong, in words, or None.
    :param parts: The parts that the text probably takes, or None if it is invalid.
    """

    row: int
    phone: str
    key: str | None
    client_id_sms: str | None
    id_sms: str | None
    status: str
    code: str | None
    error: str | None
    parts: int | None

    def mapping(self) -> dict[str, Any]:
        """Return the entry of the mapping of recipients to ``id_sms``."""
        return {"phone": self.phone, "key": self.key, "client_id_sms": self.client_id_sms, "id_sms": self.id_sms}

    def failure(self) -> dict[str, Any]:
        """Return the entry of the list of failures, the phone masked."""
        return {
            "row": self.row,
            "phone": mask_phone(self.phone),
            "key": self.key,
            "status": self.status,
            "code": self.code,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The counts of one send. ``recipients`` is the sum of the six statuses.

    :param recipients: Rows read.
    :param accepted: Rows that the gateway took.
    :param rejected: Rows that it refused.
    :param invalid: Rows that were refused here.
    :param duplicate: Rows with the identity of an earlier one.
    :param unknown: Rows that may have been sent.
    :param unsent: Rows that the send did not get to.
    :param parts: Parts that the accepted messages probably take; of a dry run, those that would be sent.
    :param requests: Requests made to the gateway, repeated ones included.
    :param seconds: How long the send took, from the first row read.
    """

    recipients: int
    accepted: int
    rejected: int
    invalid: int
    duplicate: int
    unknown: int
    unsent: int
    parts: int
    requests: int
    seconds: float

    @classmethod
    def of(cls, counts: Mapping[str, int], *, parts: int, requests: int, seconds: float) -> Summary:
        """
        Return the summary of a send.

        :param counts: Rows for each status that occurred.
        :param parts: See the class.
        :param requests: See the class.
        :param seconds: See the class.
        """
        by_status = {status.value: counts.get(status.value, 0) for status in Status}
        return cls(
            recipients=sum(by_status.values()),
            **by_status,
            parts=parts,
            requests=requests,
            seconds=round(seconds, 3),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for XCom."""
        return asdict(self)

    def __str__(self) -> str:
        counts = ", ".join(f"{getattr(self, status.value)} {status.value}" for status in Status)
        return f"{self.recipients} recipients: {counts}"
