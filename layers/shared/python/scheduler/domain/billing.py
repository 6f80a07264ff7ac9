"""What is billed: a record for each segment of an allocation, credits beside, and the lines of a report."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.errors import ValidationFailed
from scheduler.domain.model import User

USUAL_PERIOD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=366)


class RecordKind(StrEnum):
    """Time of a segment, or the part of it that is given back."""

    USAGE = "usage"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What one device's part of an allocation is billed, or credited."""

    allocation_id: str
    segment: int
    kind: RecordKind
    user: User
    device_id: str
    device_name: str
    cpu_cores: int
    memory_mb: int
    storage_mb: int
    started_at: datetime
    ended_at: datetime
    seconds: int

    @property
    def key(self) -> str:
        """Its name everywhere, and the key under which it is told: whoever is told twice applies it once."""
        return f"{self.allocation_id}:{self.segment}:{self.kind}"

    @property
    def billed_seconds(self) -> int:
        """What it adds to the bill; a credit takes away."""
        return -self.seconds if self.kind is RecordKind.CREDIT else self.seconds


class GroupBy(StrEnum):
    """What a line of a report is about."""

    USER = "user"
    DEVICE = "device"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on and before `until`; a segment counts when it ended."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which lines of a report are wanted. Tenant None: all. `after`: tenant and key of the line before."""

    tenant_id: str | None
    group_by: GroupBy
    period: Period
    after: tuple[str, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class UsageLine:
    """The sums of one user, device or day (UTC) of a tenant; `key` is its id or date."""

    tenant_id: str
    key: str
    device_name: str
    allocations: int
    seconds: int
    credited_seconds: int
    cpu_core_seconds: int
    memory_mb_seconds: int


def period_of(since: datetime | None, until: datetime | None, now: datetime) -> Period:
    """Complete a period: up to now, and 30 days long.

    Raises:
        ValidationFailed: It is longer than 366 days, or ends before it begins.
    """
    try:
        until = until or now
        since = since or until - USUAL_PERIOD
    except OverflowError:
        raise _bad_period("to", "too early") from None
    if since >= until:
        raise _bad_period("from", "must be before `to`")
    if until - since > LONGEST_PERIOD:
        raise _bad_period("from", f"at most {LONGEST_PERIOD.days} days before `to`")
    return Period(since, until)


def _bad_period(field: str, detail: str) -> ValidationFailed:
    return ValidationFailed(members={"errors": [{"field": field, "detail": detail}]})
