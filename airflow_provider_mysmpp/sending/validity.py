"""Until when the gateway may try to deliver a message, as its document writes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError

_FORMAT: Final = "%Y-%m-%d %H:%M:%S"


class ValidityClock:
    """
    Write moments in the account's time zone, which is the one that the gateway reads them in.

    :param zone: The account's time zone.
    :param now: The moment that "past" and lengths are measured from, aware; by default the present.
    """

    def __init__(self, zone: ZoneInfo, *, now: datetime | None = None) -> None:
        self._zone = zone
        self._now = (now or datetime.now(zone)).astimezone(zone)

    def write(self, value: Any) -> str:
        """
        Return ``YYYY-MM-DD HH:MM:SS`` in the account's time zone.

        :param value: An aware datetime, a naive one (taken as the account's), a timedelta from now, or text in ISO
            format.
        :raises InvalidMessageError: It is none of these, or it is past.
        """
        moment = self._moment(value)
        if moment <= self._now:
            raise _invalid("the validity_period is past; give a later moment or leave it out")
        return moment.strftime(_FORMAT)

    def _moment(self, value: Any) -> datetime:
        if isinstance(value, str):
            value = _parse(value)
        if isinstance(value, timedelta):
            return self._in_zone(self._now, value)
        if not isinstance(value, datetime):
            raise _invalid(f"a {type(value).__name__} is no validity_period; give a datetime or a timedelta")
        if value.tzinfo is None:
            return value.replace(tzinfo=self._zone)
        return value.astimezone(self._zone)

    def _in_zone(self, start: datetime, length: timedelta) -> datetime:
        try:
            # Over UTC, since a clock change within the length must not lengthen or shorten it.
            return datetime.fromtimestamp(start.timestamp() + length.total_seconds(), self._zone)
        except (OverflowError, ValueError, OSError):
            raise _invalid("the validity_period is too long") from None


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise _invalid("the validity_period is not in the format YYYY-MM-DD HH:MM:SS") from None


def _invalid(reason: str) -> InvalidMessageError:
    return InvalidMessageError("validity_period", reason)
