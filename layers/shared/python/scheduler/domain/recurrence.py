"""When a reservation recurs: the same wall time on the days of a rule, whatever the clocks do in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

MOST_OCCURRENCES = 52
_MOST_DAYS = 7 * (MOST_OCCURRENCES + 1)
"""No rule reaches further, even by one occurrence too many: each week has one of its days."""


class UnknownTimeZone(ValueError):
    """The IANA database has no such time zone."""


class NoOccurrence(ValueError):
    """The rule has no occurrence, more than 52, or one outside the calendar."""


class Frequency(StrEnum):
    """How often it recurs."""

    DAILY = "daily"
    WEEKLY = "weekly"


class Weekday(StrEnum):
    """A day of the week, as iCalendar writes it."""

    MONDAY = "MO"
    TUESDAY = "TU"
    WEDNESDAY = "WE"
    THURSDAY = "TH"
    FRIDAY = "FR"
    SATURDAY = "SA"
    SUNDAY = "SU"


WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule: on which days, and how many occurrences or until when (one of both).

    Without `by_day` daily means each day, weekly the weekday of the start; with it both mean those weekdays.
    """

    frequency: Frequency
    by_day: frozenset[Weekday] = frozenset()
    count: int | None = None
    until: datetime | None = None


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


def time_zone(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name.

    Raises:
        UnknownTimeZone: There is none of that name.
    """
    if name not in _known_zones():
        raise UnknownTimeZone(name)
    return ZoneInfo(name)


def occurrences(start: datetime, zone: ZoneInfo, rule: Recurrence) -> tuple[datetime, ...]:
    """List the starts of all occurrences.

    The wall time of `start` in `zone` is kept. Where a day has no such wall time, because clocks go forward over it,
    the occurrence lies as much later as they jump; where a day has it twice, the first one counts.

    Args:
        start: The first possible start, with a time zone; it is one itself when its weekday is one of the rule's.
        zone: Where the wall time is kept.
        rule: On which days, and how many or until when (that instant included).

    Returns:
        1 to 52 starts in UTC, ascending.

    Raises:
        NoOccurrence: There is none until `rule.until`, or more than 52, or one outside the calendar.
    """
    until = datetime.max.replace(tzinfo=UTC) if rule.until is None else rule.until
    try:
        starts = takewhile(lambda at: at <= until, _starts(start.astimezone(zone), zone, _days(start, zone, rule)))
        found = tuple(islice(starts, rule.count))
    except OverflowError as error:
        raise NoOccurrence("an occurrence lies outside the calendar") from error
    if not 1 <= len(found) <= MOST_OCCURRENCES:
        raise NoOccurrence(f"a series has 1 to {MOST_OCCURRENCES} occurrences")
    return found


def _days(start: datetime, zone: ZoneInfo, rule: Recurrence) -> frozenset[Weekday]:
    if rule.by_day:
        return rule.by_day
    return frozenset(WEEK if rule.frequency is Frequency.DAILY else {WEEK[start.astimezone(zone).weekday()]})


def _starts(first: datetime, zone: ZoneInfo, days: frozenset[Weekday]) -> Iterator[datetime]:
    for number in range(_MOST_DAYS):
        day: date = first.date() + timedelta(days=number)
        if WEEK[day.weekday()] in days:
            # The start itself is an instant that the caller named, even the second of two with one wall time.
            wall = datetime.combine(day, first.time().replace(fold=0), zone)
            yield (first if number == 0 else wall).astimezone(UTC)
