"""A reservation holds its window, becomes one allocation of its owner at most, and is told as what became of it."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.fault.checker import promised
from tests.fault.checker.requests import user_of
from tests.fault.history import AllocationRow, Evidence, Kind, ReservationRow, Violation

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


def _windows(evidence: Evidence) -> Iterator[Violation]:
    """No two live windows of a device overlap, and while one is promised nothing is lent into it."""
    windows: defaultdict[str, list[ReservationRow]] = defaultdict(list)
    for row in evidence.reservations:
        windows[row.device_id].append(row)
    lent: defaultdict[str, list[AllocationRow]] = defaultdict(list)
    for allocation in evidence.allocations:
        lent[allocation.device_id].append(allocation)
    for device, rows in windows.items():
        live = sorted((row for row in rows if row.status in _LIVE), key=lambda row: row.starts_at)
        for before, after in pairwise(live):
            if before.ends_at > after.starts_at:
                yield _broken(f"{before.id} and {after.id} are promised {device} at the same time", after)
        for row in rows:
            if row.status in _LIVE | _SERVED:
                yield from _lent_into(row, lent[device])


def _lent_into(row: ReservationRow, lent: list[AllocationRow]) -> Iterator[Violation]:
    """Another's time ends before the window, if both were there at one time: the one pending, the other active."""
    for other in lent:
        if other.id == row.allocation_id or other.expires_at <= row.starts_at or other.allocated_at >= row.ends_at:
            continue
        was_pending = row.executed_at is None or other.allocated_at < row.executed_at
        was_active = other.released_at is None or other.released_at > row.created_at
        if was_pending and was_active:
            what = f"{other.id} is lent {row.device_id} until {other.expires_at}, into {row.id} from {row.starts_at}"
            yield Violation(PROMISE, what, {"device": row.device_id, "promise": row.id, "allocation": other.id})


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
