"""Until when a message may be delivered, in the words and the zone of the gateway."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway.errors import InvalidMessageError
from airflow_provider_mysmpp.sending.validity import ValidityClock

NOW = datetime(2031, 5, 5, 12, 0, 0, tzinfo=UTC)  # 15:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def written(value: Any, zone: ZoneInfo = MOSCOW, now: datetime = NOW) -> str:
    """Return how the clock of an account writes a moment."""
    return ValidityClock(zone, now=now).write(value)


def naive(*fields: int) -> datetime:
    """Return a moment without a zone."""
    return datetime(*fields)  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (naive(2031, 5, 5, 15, 0, 1), "2031-05-05 15:00:01"),
        (naive(2031, 12, 31, 15, 34, 54), "2031-12-31 15:34:54"),
        (naive(9999, 12, 31, 23, 59, 59), "9999-12-31 23:59:59"),
        (datetime(2031, 5, 5, 12, 0, 1, tzinfo=UTC), "2031-05-05 15:00:01"),
        (datetime(2031, 5, 5, 21, 0, 0, tzinfo=UTC), "2031-05-06 00:00:00"),
        (datetime(2031, 5, 5, 8, 0, 1, tzinfo=NEW_YORK), "2031-05-05 15:00:01"),
        (datetime(2031, 5, 5, 15, 0, 1, tzinfo=MOSCOW), "2031-05-05 15:00:01"),
        (datetime(2031, 5, 5, 17, 30, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2031-05-05 15:00:01"),
        (datetime(2031, 5, 5, 18, 0, 0, 999_999, tzinfo=UTC), "2031-05-05 21:00:00"),
        (timedelta(seconds=1), "2031-05-05 15:00:01"),
        (timedelta(hours=1), "2031-05-05 16:00:00"),
        (timedelta(days=1, microseconds=1), "2031-05-06 15:00:00"),
        ("2031-12-31 15:34:54", "2031-12-31 15:34:54"),
        ("2031-12-31T15:34:54", "2031-12-31 15:34:54"),
        (" 2031-12-31 15:34:54\n", "2031-12-31 15:34:54"),
        ("2031-12-31 15:34", "2031-12-31 15:34:00"),
        ("2031-12-31", "2031-12-31 00:00:00"),
        ("20311231T153454", "2031-12-31 15:34:54"),
        ("2031-12-31T12:34:54Z", "2031-12-31 15:34:54"),
        ("2031-12-31T12:34:54+00:00", "2031-12-31 15:34:54"),
        ("2031-12-31T12:34:54.5-05:00", "2031-12-31 20:34:54"),
    ],
    ids=str,
)
def test_a_moment_is_written_in_the_zone_of_the_account(value: Any, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize("value", [naive(2031, 5, 5, 15, 0, 0), NOW, timedelta(0), "2031-05-05 15:00:00"], ids=str)
def test_the_present_is_past(value: Any) -> None:
    with pytest.raises(InvalidMessageError, match="is past"):
        written(value)


@pytest.mark.parametrize(
    "value",
    [
        naive(2031, 5, 5, 14, 59, 59),
        naive(1, 1, 1),
        datetime(2031, 5, 5, 11, 59, 59, tzinfo=UTC),
        datetime(2031, 5, 5, 14, 59, 59, tzinfo=MOSCOW),
        datetime(2031, 5, 5, 13, 0, 0, tzinfo=timezone(timedelta(hours=14))),
        datetime(1, 1, 1, tzinfo=UTC),
        timedelta(seconds=-1),
        timedelta(days=-100_000),
        "2001-12-31 15:34:54",
        "2031-05-05T11:59:59Z",
        "0001-01-01",
    ],
    ids=str,
)
def test_a_past_moment_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMessageError, match="the validity_period is past") as caught:
        written(value)
    assert caught.value.code == "validity_period"


@pytest.mark.parametrize(
    "value",
    [
        timedelta.max,
        timedelta(days=3_000_000),
        timedelta.min,
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=NEW_YORK),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ],
    ids=str,
)
def test_a_moment_beyond_the_calendar_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMessageError, match="beyond the calendar") as caught:
        written(value)
    assert caught.value.code == "validity_period"


@pytest.mark.parametrize(
    "value", ["", " ", "tomorrow", "31.12.2031", "12/31/2031", "2031-13-01", "2031-12-31 25:00:00", "1h"]
)
def test_a_text_that_is_no_moment_is_refused(value: str) -> None:
    with pytest.raises(InvalidMessageError, match="not in the format YYYY-MM-DD HH:MM:SS") as caught:
        written(value)
    assert caught.value.code == "validity_period"


@pytest.mark.parametrize("value", [5, 3600.0, True, date(2031, 12, 31), b"2031-12-31", [NOW], object()], ids=repr)
def test_anything_else_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InvalidMessageError, match=f"a {type(value).__name__} is no validity_period") as caught:
        written(value)
    assert caught.value.code == "validity_period"


# Clock changes: Berlin goes from 2:00 to 3:00 on 30 March 2031 and from 3:00 back to 2:00 on 26 October 2031


@pytest.mark.parametrize(
    ("now", "length", "text"),
    [
        (datetime(2031, 3, 30, 0, 30, tzinfo=UTC), timedelta(minutes=20), "2031-03-30 01:50:00"),
        (datetime(2031, 3, 30, 0, 30, tzinfo=UTC), timedelta(hours=1), "2031-03-30 03:30:00"),
        (datetime(2031, 3, 29, 12, 0, tzinfo=UTC), timedelta(days=1), "2031-03-30 14:00:00"),
        (datetime(2031, 10, 25, 12, 0, tzinfo=UTC), timedelta(days=1), "2031-10-26 13:00:00"),
        (datetime(2031, 10, 26, 0, 30, tzinfo=UTC), timedelta(minutes=45), "2031-10-26 02:15:00"),
        (datetime(2031, 10, 26, 0, 50, tzinfo=UTC), timedelta(minutes=20), "2031-10-26 02:10:00"),
        (datetime(2031, 10, 26, 0, 30, tzinfo=UTC), timedelta(hours=2), "2031-10-26 03:30:00"),
    ],
    ids=str,
)
def test_a_length_is_as_long_as_it_says_across_a_clock_change(now: datetime, length: timedelta, text: str) -> None:
    assert written(length, BERLIN, now) == text
    assert written(now + length, BERLIN, now) == text


def test_a_later_try_writes_a_past_moment_as_it_was() -> None:
    moment = naive(2031, 5, 5, 14, 0, 0)
    assert ValidityClock(MOSCOW, now=NOW, take_past=True).write(moment) == "2031-05-05 14:00:00"
    assert ValidityClock(MOSCOW, now=NOW - timedelta(hours=2)).write(moment) == "2031-05-05 14:00:00"


def test_a_moment_in_the_repeated_hour_is_past_only_if_it_is() -> None:
    first = datetime(2031, 10, 26, 0, 50, tzinfo=UTC)  # 2:50 before the clock goes back
    second = datetime(2031, 10, 26, 1, 10, tzinfo=UTC)  # 2:10 after it
    assert written(second, BERLIN, first) == "2031-10-26 02:10:00"
    with pytest.raises(InvalidMessageError, match="is past"):
        written(first, BERLIN, second)
    with pytest.raises(InvalidMessageError, match="is past"):
        written(naive(2031, 10, 26, 2, 10), BERLIN, second)  # the first one that is meant by it


@pytest.mark.parametrize("zone", [MOSCOW, NEW_YORK, ZoneInfo("Pacific/Kiritimati")], ids=str)
def test_the_ends_of_the_calendar_can_be_reckoned_with_in_every_zone(zone: ZoneInfo) -> None:
    assert written(naive(9999, 12, 31, 23, 59, 59), zone) == "9999-12-31 23:59:59"
    with pytest.raises(InvalidMessageError, match="is past"):
        written(naive(1, 1, 1), zone)


# Whatever the zone

zones = st.sampled_from(
    [MOSCOW, BERLIN, NEW_YORK, ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC"), ZoneInfo("Asia/Kamchatka")]
)


@given(zones, zones, st.integers(1, 10**8))
def test_every_way_to_say_a_moment_is_written_alike(account: ZoneInfo, other: ZoneInfo, seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    there = moment.astimezone(other)
    texts = {
        written(moment, account),
        written(there, account),
        written(there.isoformat(), account),
        written(timedelta(seconds=seconds), account),
    }
    assert texts == {moment.astimezone(account).strftime("%Y-%m-%d %H:%M:%S")}


@given(st.datetimes() | st.datetimes(timezones=st.timezones()) | st.timedeltas() | st.text(max_size=30))
def test_whatever_comes_is_written_or_refused(value: Any) -> None:
    try:
        text = written(value)
    except InvalidMessageError:
        return
    assert datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=MOSCOW) >= NOW


def test_the_present_is_measured_when_the_clock_is_made() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    text = ValidityClock(MOSCOW).write(timedelta(hours=1))
    after = datetime.now(UTC)
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=MOSCOW)
    assert before <= moment - timedelta(hours=1) <= after
