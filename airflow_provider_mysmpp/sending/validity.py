"""Until when the gateway may try to deliver a message, as its document writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError

_FORMAT: Final = "%Y-%m-%d %H:%M:%S"


class ValidityClock:
    """
    Write moments in the account's time zone, which is the one that the gateway reads them in.

    :param zone: The account's time zone.
    :param now: The moment that "past" and lengths are measured from, aware; by default the present.
    :param take_past: Whether to write a past moment too. A later try needs that: its messages may have been sent while
        the moment was still to come, and the gateway, which delivers nothing after it, hands back their ids.
    """

    def __init__(self, zone: ZoneInfo, *, now: datetime | None = None, take_past: bool = False) -> None:
        self._zone = zone
        self._take_past = take_past
        # In UTC, as all reckoning here: a clock change must neither lengthen a time nor turn round what comes first.
        self._now = (now or datetime.now(UTC)).astimezone(UTC)

    def write(self, value: Any) -> str:
        """
        Return ``YYYY-MM-DD HH:MM:SS`` in the account's time zone.

        :param value: An aware datetime, a naive one (taken as the account's), a timedelta from now, or text in ISO
            format.
        :raises InvalidMessageError: It is none of these, or it is past and may not be.
        """
        try:
            moment = self._moment(value).astimezone(self._zone)
        except OverflowError:
            raise _invalid("the validity_period is beyond the calendar; give another moment or leave it out") from None
        if moment <= self._now and not self._take_past:
            raise _invalid("the validity_period is past; give a later moment or leave it out")
        return moment.strftime(_FORMAT)

    def _moment(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = _parse(value)
        if isinstance(value, timedelta):
            return self._now + value
        if not isinstance(value, datetime):
            raise _invalid(f"a {type(value).__name__} is no validity_period; give a datetime or a timedelta")
        return value.replace(tzinfo=self._zone) if value.tzinfo is None else value


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise _invalid("the validity_period is not in the format YYYY-MM-DD HH:MM:SS") from None


def _invalid(reason: str) -> InvalidMessageError:
    return InvalidMessageError("validity_period", reason)
