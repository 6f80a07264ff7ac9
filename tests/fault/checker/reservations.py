"""A reservation holds its window, becomes one allocation of its owner at most, and is told as what became of it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise, zip_longest
from typing import NamedTuple

from tests.fault.checker import promised
from tests.fault.checker.grants import granted_until
from tests.fault.checker.requests import user_of
from tests.fault.history import FOREVER, AllocationRow, EventRow, Evidence, Kind, RenewalRow, ReservationRow, Violation

PROMISE = "reservations"

_LIVE = {"pending", "executing"}
_SERVED = {"executing", "completed"}


def check(evidence: Evidence) -> list[Violation]:
    """Look at who asked, at the windows, at what was made of each, and at what was told."""
    rows = evidence.reservations
    return [
        *promised.made(PROMISE, evidence, Kind.RESERVE, rows),
        *promised.given_up(PROMISE, evidence, Kind.CANCEL_RESERVATION, "reservationId", rows),
        *promised.told(PROMISE, evidence, [(row, _chain(row)) for row in rows]),
        *_windows(evidence),
        *_allocations(evidence),
    ]


def _chain(row: ReservationRow) -> promised.Chain:
    ends = {state: int(row.status == state) for state in ("cancelled", "failed", "expired")}
    wanted = {"created": 1, "executed": int(row.executed_at is not None)} | ends
    return {f"scheduler.reservation.{what}": count for what, count in wanted.items()}


class Promise(NamedTuple):
    """A device that was bound for a window, from when until when."""

    reservation: str
    device: str
    starts_at: datetime
    ends_at: datetime
    since: datetime
    until: datetime


def promises(evidence: Evidence) -> Iterator[Promise]:
    """Read from the events of each reservation what was bound: each event holds until the next one."""
    told: defaultdict[str, list[EventRow]] = defaultdict(list)
    for event in sorted(evidence.events, key=lambda event: event.position):
        if event.type.startswith("scheduler.reservation."):
            told[event.subject].append(event)
    for reservation, events in told.items():
        for event, following in zip_longest(events, events[1:]):
            if event.type.endswith((".created", ".updated", ".reminder")) and event.occurred_at is not None:
                data = event.data
                window = (datetime.fromisoformat(str(data[name])) for name in ("startTime", "endTime"))
                until = following.occurred_at if following is not None and following.occurred_at else FOREVER
                yield Promise(reservation, str(data["deviceId"]), *window, event.occurred_at, until)


def _windows(evidence: Evidence) -> Iterator[Violation]:
    """No two live windows of a device overlap, and while one is promised nothing is lent into it."""
    windows: defaultdict[str, list[ReservationRow]] = defaultdict(list)
    for row in evidence.reservations:
        if row.status in _LIVE:
            windows[row.device_id].append(row)
    for device, rows in windows.items():
        rows.sort(key=lambda row: row.starts_at)
        for before, after in pairwise(rows):
            if before.ends_at > after.starts_at:
                yield _broken(f"{before.id} and {after.id} are promised {device} at the same time", after)
    lent: defaultdict[str, list[AllocationRow]] = defaultdict(list)
    for allocation in evidence.allocations:
        lent[allocation.device_id].append(allocation)
    ends = _Ends(evidence)
    for promise in promises(evidence):
        yield from _lent_into(promise, lent[promise.device], ends)


def _lent_into(promise: Promise, lent: list[AllocationRow], ends: "_Ends") -> Iterator[Violation]:
    """While it was promised, what others held was to end before the window."""
    for other in lent:
        held_meanwhile = other.allocated_at < promise.until and (
            other.released_at is None or other.released_at > promise.since
        )
        if other.reservation_id == promise.reservation or not held_meanwhile:
            continue
        end = ends.known_at(other, promise.until)
        if end > promise.starts_at and other.allocated_at < promise.ends_at:
            what = f"{other.id} is lent {promise.device} until {end}, into {promise.reservation} at {promise.starts_at}"
            about = {"device": promise.device, "promise": promise.reservation, "allocation": other.id}
            yield Violation(PROMISE, what, about)


class _Ends:
    """Tells until when an allocation was lent, as of an instant: renewals come later."""

    def __init__(self, evidence: Evidence) -> None:
        self._granted = granted_until(evidence)
        self._renewals: defaultdict[str, list[RenewalRow]] = defaultdict(list)
        for renewal in evidence.renewals:
            self._renewals[renewal.allocation_id].append(renewal)

    def known_at(self, row: AllocationRow, at: datetime) -> datetime:
        renewed = (renewal.new_expires_at for renewal in self._renewals[row.id] if renewal.renewed_at < at)
        return max(renewed, default=self._granted[row.id])


def _allocations(evidence: Evidence) -> Iterator[Violation]:
    made: defaultdict[str, list[AllocationRow]] = defaultdict(list)
    for allocation in evidence.allocations:
        if allocation.reservation_id is not None:
            made[allocation.reservation_id].append(allocation)
    for row in evidence.reservations:
        ids = [allocation.id for allocation in made[row.id]]
        if ids != ([] if row.allocation_id is None else [row.allocation_id]) or (row.status in _SERVED) > bool(ids):
            yield _broken(f"{row.id}, {row.status}, names {row.allocation_id}; made from it were {ids}", row)
        for allocation in made[row.id]:
            owner = (allocation.tenant, allocation.user, allocation.device_id)
            if owner != (row.tenant, row.user, row.device_id):
                yield _broken(f"{allocation.id} was made from {row.id} for {owner}", row)
            if (row.status == "executing") != (allocation.status == "allocated"):
                yield _broken(f"{row.id} is {row.status}, and its allocation {allocation.status}", row)


def _broken(what: str, row: ReservationRow) -> Violation:
    about = {"promise": row.id, "user": user_of(row.tenant, row.user), "device": row.device_id}
    return Violation(PROMISE, what, about)
