"""On which days a reservation recurs, and at what instant."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scheduler.domain.recurrence import (
    WEEK,
    Frequency,
    NoOccurrence,
    Recurrence,
    UnknownTimeZone,
    Weekday,
    occurrences,
    time_zone,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Frequency.DAILY
WEEKLY = Frequency.WEEKLY
WORKDAYS = frozenset(WEEK[:5])


def local(zone: ZoneInfo, *starts: datetime) -> list[str]:
    """Wall times in a zone."""
    return [start.astimezone(zone).strftime("%a %d %H:%M %z") for start in starts]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(
            datetime(2026, 3, 28, 9, tzinfo=BERLIN),
            ["Sat 28 09:00 +0100", "Sun 29 09:00 +0200", "Mon 30 09:00 +0200"],
            id="clocks go forward",
        ),
        pytest.param(
            datetime(2026, 10, 24, 9, tzinfo=BERLIN),
            ["Sat 24 09:00 +0200", "Sun 25 09:00 +0100", "Mon 26 09:00 +0100"],
            id="clocks go back",
        ),
        pytest.param(
            datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN),
            ["Sat 28 02:30 +0100", "Sun 29 03:30 +0200", "Mon 30 02:30 +0200"],
            id="a wall time that is missing goes forward",
        ),
        pytest.param(
            datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN),
            ["Sat 24 02:30 +0200", "Sun 25 02:30 +0200", "Mon 26 02:30 +0100"],
            id="of two the first one counts",
        ),
        pytest.param(
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
            ["Sun 25 02:30 +0100", "Mon 26 02:30 +0100", "Tue 27 02:30 +0100"],
            id="the start itself is what the caller said",
        ),
    ],
)
def test_wall_time_is_kept_across_changes_of_the_clock(first: datetime, expected: list[str]) -> None:
    found = occurrences(first, BERLIN, Recurrence(DAILY, count=3))

    assert local(BERLIN, *found) == expected
    assert all(start.tzinfo is UTC for start in found), "not the zone of the machine, even if that is UTC"


FRIDAY = datetime(2026, 6, 5, 22, tzinfo=UTC)
"""Saturday in Berlin already."""


@pytest.mark.parametrize(
    ("rule", "zone", "expected"),
    [
        pytest.param(Recurrence(WEEKLY, count=3), ZoneInfo("UTC"), ["05", "12", "19"], id="weekly, on the start's day"),
        pytest.param(
            Recurrence(WEEKLY, frozenset({Weekday.MONDAY, Weekday.FRIDAY}), count=4),
            ZoneInfo("UTC"),
            ["05", "08", "12", "15"],
            id="weekly, on two days",
        ),
        pytest.param(
            Recurrence(WEEKLY, frozenset({Weekday.MONDAY}), count=2),
            ZoneInfo("UTC"),
            ["08", "15"],
            id="the start's day is none of them",
        ),
        pytest.param(
            Recurrence(DAILY, WORKDAYS, count=3), ZoneInfo("UTC"), ["05", "08", "09"], id="daily, on workdays"
        ),
        pytest.param(Recurrence(DAILY, WORKDAYS, count=2), BERLIN, ["08", "09"], id="days are those of the zone"),
        pytest.param(
            Recurrence(DAILY, until=FRIDAY + timedelta(days=2)),
            ZoneInfo("UTC"),
            ["05", "06", "07"],
            id="until, included",
        ),
    ],
)
def test_a_rule_says_on_which_days(rule: Recurrence, zone: ZoneInfo, expected: list[str]) -> None:
    assert [start.astimezone(zone).strftime("%d") for start in occurrences(FRIDAY, zone, rule)] == expected


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Recurrence(DAILY, until=FRIDAY - timedelta(seconds=1)), id="none"),
        pytest.param(Recurrence(DAILY, until=FRIDAY + timedelta(days=52)), id="53"),
        pytest.param(
            Recurrence(WEEKLY, frozenset({Weekday.THURSDAY}), until=FRIDAY + timedelta(weeks=53)), id="in 53 weeks"
        ),
        pytest.param(Recurrence(DAILY, until=datetime(9999, 1, 1, tzinfo=UTC)), id="without an end to speak of"),
    ],
)
def test_a_series_has_one_to_fifty_two_occurrences(rule: Recurrence) -> None:
    with pytest.raises(NoOccurrence, match=r"^a series has 1 to 52 occurrences$"):
        occurrences(FRIDAY, ZoneInfo("UTC"), rule)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Recurrence(DAILY, until=FRIDAY + timedelta(days=51)), id="daily"),
        pytest.param(Recurrence(WEEKLY, until=FRIDAY + timedelta(weeks=51)), id="weekly"),
        pytest.param(Recurrence(WEEKLY, frozenset({Weekday.THURSDAY}), count=52), id="not on the day of the start"),
    ],
)
def test_fifty_two_are_not_too_many(rule: Recurrence) -> None:
    assert len(occurrences(FRIDAY, ZoneInfo("UTC"), rule)) == 52


@pytest.mark.parametrize(
    ("first", "zone"),
    [
        pytest.param(datetime(9999, 12, 30, tzinfo=UTC), "UTC", id="a later occurrence"),
        pytest.param(datetime(9999, 12, 31, 23, tzinfo=UTC), "Asia/Tokyo", id="the wall time after"),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "America/New_York", id="the wall time before"),
    ],
)
def test_a_series_stays_within_the_calendar(first: datetime, zone: str) -> None:
    with pytest.raises(NoOccurrence, match=r"^an occurrence lies outside the calendar$"):
        occurrences(first, ZoneInfo(zone), Recurrence(DAILY, count=3))


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "Europe", "europe/berlin", "../../etc/passwd", "/etc/localtime", "zones"]
)
def test_a_zone_that_the_database_has_not_is_unknown(name: str) -> None:
    with pytest.raises(UnknownTimeZone) as refusal:
        time_zone(name)

    assert str(refusal.value) == name


def test_a_zone_is_found_by_its_name() -> None:
    assert time_zone("Europe/Berlin") is BERLIN


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]


@examples(max_examples=100)
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  naive bounds are wanted
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    frequency=st.sampled_from(Frequency),
    days=st.frozensets(st.sampled_from(Weekday)),
    count=st.integers(1, 52),
)
def test_occurrences_ascend_on_the_days_of_the_rule_at_the_wall_time(
    start: datetime, zone: ZoneInfo, frequency: Frequency, days: frozenset[Weekday], count: int
) -> None:
    found = occurrences(start, zone, Recurrence(frequency, days, count=count))

    first = start.astimezone(zone)
    walls = [one.astimezone(zone) for one in found]
    meant = days or (frozenset(WEEK) if frequency is DAILY else {WEEK[first.weekday()]})
    assert len(found) == count
    assert list(found) == sorted(set(found))
    assert all(start <= one for one in found) or first.fold
    for wall in walls:
        exists = wall.replace(tzinfo=None) == datetime.combine(wall.date(), first.time())
        assert WEEK[wall.weekday()] in meant or not exists
        assert exists or _is_missing(wall.date(), first, zone)


def _is_missing(day: date, first: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks jumped over the wall time on that day, or, for one near midnight, on the day before."""
    for on in (day, day - timedelta(days=1)):
        wall = datetime.combine(on, first.time().replace(fold=0), zone)
        if wall.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
            return True
    return False
