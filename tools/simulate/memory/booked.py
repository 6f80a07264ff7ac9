"""Reservations in memory, found by device, by owner and by time, and the devices that can be promised."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from scheduler.domain.model import User
from scheduler.domain.reservation import Booking, ReservationStatus
from tools.simulate.memory.fleet import Fleet, MemoryDevice, SpecClass
from tools.simulate.memory.quotas import Usage
from tools.simulate.memory.records import wire

BY_PLACE = attrgetter("place")


@dataclass(slots=True, eq=False)
class MemoryReservation:
    """A reservation, live or ended: one window of a booking."""

    id: str
    booking: Booking
    device: MemoryDevice
    starts_at: datetime
    created_at: datetime
    series_id: str | None = None
    status: ReservationStatus = ReservationStatus.PENDING
    allocation_id: str | None = None
    executed_at: datetime | None = None
    reason: str | None = None

    ends_at: datetime = field(init=False)
    place: tuple[datetime, str] = field(init=False)
    """What lists are ordered by."""

    def __post_init__(self) -> None:
        """Find its end and its place."""
        self.ends_at = self.starts_at + timedelta(minutes=self.booking.minutes)
        self.place = self.starts_at, self.id

    @property
    def user(self) -> User:
        """Whose it is."""
        return self.booking.user

    @property
    def is_still_served(self) -> bool:
        """Tell whether its device works and still is what it asks for."""
        return self.device.status == "running" and self.device.kind.fits(self.user.tenant_id, self.booking.wants)

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Tell whether it is in the way of another window."""
        return self.starts_at < ends_at and self.ends_at > starts_at

    @property
    def facts(self) -> dict[str, Any]:
        """As answers have it."""
        wants = self.booking.wants
        return {
            "reservationId": self.id,
            "userId": self.user.user_id,
            "tenantId": self.user.tenant_id,
            "deviceId": self.device.id,
            "status": str(self.status),
            "startTime": wire(self.starts_at),
            "endTime": wire(self.ends_at),
            "durationMinutes": self.booking.minutes,
            "deviceType": wants.device_type,
            "minCpu": wants.min_cpu,
            "minMemory": wants.min_memory_mb,
            "minStorage": wants.min_storage_mb,
            "remindBeforeMinutes": self.booking.remind_before_minutes,
            "timeZone": self.booking.time_zone,
            "seriesId": self.series_id,
            "allocationId": self.allocation_id,
            "executedAt": wire(self.executed_at) if self.executed_at else None,
            "reason": self.reason,
            "metadata": self.booking.metadata,
            "createdAt": wire(self.created_at),
        }


class Booked:
    """All reservations of a store. A device's own `next_reserved_at` follows each change."""

    def __init__(self, fleet: Fleet, *, remembers: bool) -> None:
        """Start with none; what has ended is remembered, or forgotten to save room."""
        self.by_id: dict[str, MemoryReservation] = {}
        self.pending: list[MemoryReservation] = []
        """In the order of their starts."""
        self.unclaimed: dict[str, MemoryReservation] = {}
        """Executing ones that nobody came for, in the order in which they began."""
        self._fleet = fleet
        self._remembers = remembers
        self._by_device: defaultdict[str, list[MemoryReservation]] = defaultdict(list)
        self._by_user: defaultdict[User, dict[str, MemoryReservation]] = defaultdict(dict)
        self._executing: dict[str, MemoryReservation] = {}
        self._doubted: dict[str, MemoryDevice] = {}

    def add(self, reservation: MemoryReservation) -> None:
        """Promise its device for its window."""
        self.by_id[reservation.id] = self._by_user[reservation.user][reservation.id] = reservation
        insort(self.pending, reservation, key=BY_PLACE)
        self._bind(reservation, reservation.device)

    def undo(self, reservations: Iterable[MemoryReservation]) -> None:
        """Take back what was just added."""
        for reservation in reservations:
            self._leave_pending(reservation)
            self._end(reservation)
            self.by_id.pop(reservation.id, None)

    def rebind(self, reservation: MemoryReservation, device: MemoryDevice) -> None:
        """Promise another device in place of its own."""
        self._unbind(reservation)
        self._bind(reservation, device)

    def end(self, reservation: MemoryReservation, status: ReservationStatus, reason: str | None = None) -> None:
        """End a pending one."""
        self._leave_pending(reservation)
        reservation.status, reservation.reason = status, reason
        self._end(reservation)

    def begin(self, reservation: MemoryReservation, device: MemoryDevice, allocation_id: str, at: datetime) -> None:
        """Have its allocation live, on its own device or on another."""
        self._leave_pending(reservation)
        reservation.status, reservation.device = ReservationStatus.EXECUTING, device
        reservation.allocation_id, reservation.executed_at = allocation_id, at
        self._executing[allocation_id] = self.unclaimed[reservation.id] = reservation

    def complete(self, allocation_id: str) -> None:
        """See that an allocation has ended; if it was a reservation's, so has that."""
        if reservation := self._executing.pop(allocation_id, None):
            self.unclaimed.pop(reservation.id, None)
            reservation.status = ReservationStatus.COMPLETED
            self._end(reservation)

    def attend(self, user: User) -> None:
        """Note that a user came for whatever has begun."""
        for reservation in self._by_user.get(user, {}).values():
            self.unclaimed.pop(reservation.id, None)

    def usage(self, user: User, starts_at: datetime, ends_at: datetime, without: str | None = None) -> Usage:
        """Count what a user has reserved within a window as a booking counts it: the most devices at one time."""
        own = self._by_user.get(user, {}).values()
        mine = [one for one in own if one.id != without and one.overlaps(starts_at, ends_at)]
        begins = [max(one.starts_at, starts_at) for one in mine]
        return max((sum(one.starts_at <= at < one.ends_at for one in mine) for at in begins), default=0), 0, 0, 0

    def is_reservable(self, device: MemoryDevice, starts_at: datetime, ends_at: datetime) -> bool:
        """Tell whether a device can be promised: it works, is kept for nobody, and free by then until the end."""
        return (
            device.status == "running"
            and device.held_for is None
            and (device.active is None or device.active.expires_at <= starts_at)
            and (
                device.is_unreserved_until(ends_at)
                or not any(one.overlaps(starts_at, ends_at) for one in self._by_device[device.id])
            )
        )

    def reservable(self, classes: Iterable[SpecClass], starts_at: datetime, ends_at: datetime) -> MemoryDevice | None:
        """Give a device for a window, of the first class that has one: a free one, else the soonest back, by id."""
        for spec in classes:
            lent: MemoryDevice | None = None
            for device in map(self._fleet.devices.__getitem__, spec.ids):
                if not self.is_reservable(device, starts_at, ends_at):
                    continue
                if device.active is None:
                    return device
                if lent is None or lent.active is None or device.active.expires_at < lent.active.expires_at:
                    lent = device
            if lent:
                return lent
        return None

    def doubt(self, device: MemoryDevice) -> None:
        """See that a device has changed: it may no longer serve what it was promised for."""
        if self._by_device.get(device.id):
            self._doubted[device.id] = device

    def endangered(self) -> Sequence[MemoryReservation]:
        """Give pending ones that their devices cannot serve, in the order of their starts."""
        found = list[MemoryReservation]()
        for device_id in list(self._doubted):
            broken = [one for one in self._by_device[device_id] if not one.is_still_served]
            if not broken:
                del self._doubted[device_id]
            found += broken
        return sorted(found, key=BY_PLACE)

    def first_start_after(self, at: datetime) -> datetime | None:
        """Tell when the next one begins."""
        index = bisect_left(self.pending, (at, "~"), key=BY_PLACE)
        return self.pending[index].starts_at if index < len(self.pending) else None

    def _bind(self, reservation: MemoryReservation, device: MemoryDevice) -> None:
        reservation.device = device
        insort(self._by_device[device.id], reservation, key=BY_PLACE)
        self._repeat_next(device)

    def _unbind(self, reservation: MemoryReservation) -> None:
        _remove(self._by_device[reservation.device.id], reservation)
        self._repeat_next(reservation.device)

    def _repeat_next(self, device: MemoryDevice) -> None:
        coming = self._by_device[device.id]
        device.next_reserved_at = coming[0].starts_at if coming else None
        self._fleet.place(device)

    def _leave_pending(self, reservation: MemoryReservation) -> None:
        _remove(self.pending, reservation)
        self._unbind(reservation)

    def _end(self, reservation: MemoryReservation) -> None:
        del self._by_user[reservation.user][reservation.id]
        if not self._remembers:
            del self.by_id[reservation.id]


def _remove(reservations: list[MemoryReservation], reservation: MemoryReservation) -> None:
    del reservations[bisect_left(reservations, reservation.place, key=BY_PLACE)]
