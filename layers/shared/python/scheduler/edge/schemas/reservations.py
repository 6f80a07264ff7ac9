"""Book, change and check reservations: what callers send."""

# ruff: noqa: N815  wire names
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from scheduler.domain.model import DeviceWants, RequestKey, Role, User
from scheduler.domain.recurrence import (
    MOST_OCCURRENCES,
    Frequency,
    NoOccurrence,
    Recurrence,
    UnknownTimeZone,
    Weekday,
    occurrences,
    time_zone,
)
from scheduler.domain.reservation import Booking, Window, WindowCheck
from scheduler.edge.fields import BookedMinutes, Id, Metadata, RemindMinutes, ShortText, Time, WireModel
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import PreferredSpecs
from scheduler.edge.validation import wrong

SHORTEST, LONGEST = timedelta(minutes=15), timedelta(minutes=1440)
_WINDOW = {"startTime": "2026-11-24T09:00:00Z", "endTime": "2026-11-24T10:00:00Z"}


class RecurrenceBody(WireModel):
    """On which days the wall time recurs, and how many times or until when: one of both."""

    freq: Frequency
    byDay: Annotated[list[Weekday], Meta(min_length=1, max_length=7)] | None = None
    count: Annotated[int, Meta(ge=1, le=MOST_OCCURRENCES)] | None = None
    until: Time | None = None

    def __post_init__(self) -> None:
        """Refuse what ends in no way, or in two."""
        if (self.count is None) == (self.until is None):
            raise ValueError("either count or until says how it ends")

    def rule(self) -> Recurrence:
        """Give the rule."""
        return Recurrence(self.freq, frozenset(self.byDay or ()), self.count, self.until)


class ReserveBody(WireModel):
    """Who wants a device, when, for how long, of what kind; a user that names nobody acts for itself."""

    EXAMPLES = (
        {"startTime": "2026-11-24T09:00:00Z", "durationMinutes": 60, "preferredSpecs": {"minCpu": 2}},
        {
            "startTime": "2026-11-24T09:00:00+01:00",
            "durationMinutes": 30,
            "timeZone": "Europe/Berlin",
            "recurrence": {"freq": "weekly", "byDay": ["MO", "WE"], "count": 8},
        },
    )

    startTime: Time
    durationMinutes: BookedMinutes
    userId: Id | None = None
    tenantId: Id | None = None
    preferredSpecs: PreferredSpecs | None = None
    deviceType: ShortText | None = None
    remindBeforeMinutes: RemindMinutes = 15
    timeZone: Annotated[ShortText, Meta(description="IANA name; where a recurrence keeps its wall time")] | None = None
    recurrence: RecurrenceBody | None = None
    metadata: Metadata | None = None

    def to_booking(self, who: Caller, key: RequestKey | None) -> Booking:
        """Read it as the caller's wish.

        Raises:
            Forbidden: It names a user or tenant that the caller may not act for.
            ValidationFailed: There is no such time zone, or no occurrence, or more than 52.
        """
        return Booking(
            user=_owner(who, self.userId, self.tenantId),
            starts=self._starts(),
            minutes=self.durationMinutes,
            wants=_wants(self.preferredSpecs, self.deviceType),
            remind_before_minutes=self.remindBeforeMinutes,
            time_zone=self.timeZone,
            metadata=self.metadata,
            key=key,
        )

    def _starts(self) -> tuple[datetime, ...]:
        try:
            zone = time_zone(self.timeZone or "UTC")
            return occurrences(self.startTime, zone, self.recurrence.rule()) if self.recurrence else (self.startTime,)
        except UnknownTimeZone as error:
            raise wrong("timeZone", "not a time zone of the IANA database") from error
        except NoOccurrence as error:
            raise wrong("recurrence", str(error)) from error


class ChangeReservationBody(WireModel):
    """What to change; what is not named stays. `preferredSpecs` are replaced as a whole; null: any device."""

    EXAMPLES = ({"startTime": "2026-11-24T10:00:00Z", "durationMinutes": 90},)

    startTime: Time | UnsetType = UNSET
    durationMinutes: BookedMinutes | UnsetType = UNSET
    preferredSpecs: PreferredSpecs | UnsetType | None = UNSET
    deviceType: ShortText | UnsetType | None = UNSET
    remindBeforeMinutes: RemindMinutes | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what asks for nothing."""
        if not self.changes():
            raise ValueError("nothing to change")

    def changes(self) -> dict[str, Any]:
        """Name the columns to change, with their values."""
        columns: dict[str, Any] = {
            "starts_at": self.startTime and self.startTime.isoformat(),
            "duration_minutes": self.durationMinutes,
            "device_type": self.deviceType,
            "remind_before_minutes": self.remindBeforeMinutes,
        }
        if self.preferredSpecs is not UNSET:
            specs = self.preferredSpecs or PreferredSpecs()
            columns |= {
                "min_cpu": specs.minCpu,
                "min_memory_mb": specs.minMemory,
                "min_storage_mb": specs.minStorage,
            }
        return {column: value for column, value in columns.items() if value is not UNSET}

    def wants(self, before: DeviceWants) -> DeviceWants:
        """Give what the reservation asks for after the change."""
        device_type = before.device_type if self.deviceType is UNSET else self.deviceType
        if self.preferredSpecs is UNSET:
            return DeviceWants(device_type, before.min_cpu, before.min_memory_mb, before.min_storage_mb)
        return _wants(self.preferredSpecs, device_type)


class CheckConflictBody(WireModel):
    """The window in question, of 15 to 1440 minutes, and the kind of device."""

    EXAMPLES = (_WINDOW | {"preferredSpecs": {"minCpu": 2}},)

    startTime: Time
    endTime: Time
    userId: Id | None = None
    tenantId: Id | None = None
    preferredSpecs: PreferredSpecs | None = None
    deviceType: ShortText | None = None

    def __post_init__(self) -> None:
        """Refuse what is no window."""
        if not SHORTEST <= self.endTime - self.startTime <= LONGEST:
            raise wrong("endTime", "a window lasts 15 to 1440 minutes")

    def to_check(self, who: Caller) -> WindowCheck:
        """Read it as the caller's question.

        Raises:
            Forbidden: It names a user or tenant that the caller may not act for.
        """
        owner = _owner(who, self.userId or who.subject, self.tenantId)
        return WindowCheck(
            pool=owner.tenant_id,
            tenant_id=who.seen_tenant,
            user_id=self.userId or who.seen_user,
            window=Window(self.startTime, self.endTime),
            wants=_wants(self.preferredSpecs, self.deviceType),
        )


def _owner(who: Caller, user_id: str | None, tenant_id: str | None) -> User:
    if user_id is None and who.role is not Role.USER:
        raise wrong("userId", "a service says whom it acts for")
    return who.acting_for(user_id or who.subject, tenant_id)


def _wants(specs: PreferredSpecs | None, device_type: str | None) -> DeviceWants:
    asked = specs or PreferredSpecs()
    return DeviceWants(device_type, asked.minCpu, asked.minMemory, asked.minStorage)
