"""A wait ends once: with one allocation of the waiter, by its time, or because she gave it up."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.fault.checker import promised
from tests.fault.checker.requests import requests_of, user_of
from tests.fault.history import FOREVER, EntryRow, Evidence, Kind, Violation

PROMISE = "waits"


def check(evidence: Evidence) -> list[Violation]:
    """Look at who asked, at what each wait ended with, at what was told, and at the order of service."""
    rows, holdings = evidence.entries, _Holdings(evidence)
    return [
        *promised.made(PROMISE, evidence, Kind.JOIN, rows),
        *promised.given_up(PROMISE, evidence, Kind.CANCEL_WAIT, "entryId", rows),
        *promised.told(PROMISE, evidence, [(row, _chain(row)) for row in rows]),
        *_served(evidence),
        *_one_at_a_time(evidence),
        *_overtaken_by_newcomers(evidence, holdings),
        *(_overtaken_by_waiters(evidence, holdings) if evidence.orderly else ()),
    ]


def _chain(row: EntryRow) -> promised.Chain:
    wanted = {"joined": 1} | {state: int(row.status == state) for state in ("fulfilled", "expired", "cancelled")}
    return {f"scheduler.queue.{what}": count for what, count in wanted.items()}


def _served(evidence: Evidence) -> Iterator[Violation]:
    allocations = {row.id: row for row in evidence.allocations}
    taken: dict[str, EntryRow] = {}
    for row in evidence.entries:
        if (row.status == "fulfilled") != (row.allocation_id is not None):
            yield _broken(f"{row.id} is {row.status}, and names the allocation {row.allocation_id}", row)
        if row.allocation_id is None:
            continue
        if taken.setdefault(row.allocation_id, row) is not row:
            yield _broken(f"{row.allocation_id} ended the waits {taken[row.allocation_id].id} and {row.id}", row)
        allocation = allocations.get(row.allocation_id)
        if allocation is None or (allocation.tenant, allocation.user, allocation.device_id) != (
            (row.tenant, row.user, row.device_id)
        ):
            yield _broken(f"{row.id} ended with {row.allocation_id}, which is {allocation}", row)
        elif not row.joined_at <= allocation.allocated_at < row.expires_at:
            yield _broken(f"{row.id} was served at {allocation.allocated_at}, outside its time", row)


def _one_at_a_time(evidence: Evidence) -> Iterator[Violation]:
    waits: defaultdict[tuple[str, str], list[EntryRow]] = defaultdict(list)
    for row in evidence.entries:
        waits[row.tenant, row.user].append(row)
    for rows in waits.values():
        rows.sort(key=lambda row: row.joined_at)
        for before, after in pairwise(rows):
            if before.ended_at is None or before.ended_at > after.joined_at:
                yield _broken(f"{before.id} and {after.id} of one user wait at the same time", after)


class _Holdings:
    """Tells whether a waiter may have held one more device, by what she held."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._holds: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        for row in evidence.allocations:
            self._holds[user_of(row.tenant, row.user)].append((row.allocated_at, row.released_at or FOREVER))

    def room(self, row: EntryRow, at: datetime) -> bool:
        """Tell whether all that she held since she waits, taken together, left room for one more."""
        user = user_of(row.tenant, row.user)
        held = sum(start <= at and end >= row.joined_at for start, end in self._holds[user])
        return held < self._evidence.limits.get(user, self._evidence.limit)


def _overtaken_by_waiters(evidence: Evidence, holdings: _Holdings) -> Iterator[Violation]:
    """Nobody who wants as little time, and may hold one more device, waits while one behind her is served."""
    for behind in evidence.entries:
        if behind.status != "fulfilled" or behind.ended_at is None:
            continue
        for ahead in evidence.entries:
            in_front = (ahead.rank, ahead.id) < (behind.rank, behind.id) and ahead.joined_at < behind.joined_at
            if in_front and _could_have_had(ahead, behind.ended_at, behind.duration_minutes, holdings):
                yield _broken(f"{behind.id} was served at {behind.ended_at}, before {ahead.id} ahead of it", ahead)


def _overtaken_by_newcomers(evidence: Evidence, holdings: _Holdings) -> Iterator[Violation]:
    """Nobody whose wait had been told before another asked stands by while that one gets a device at once."""
    known: dict[str, float] = {}
    for request in requests_of(evidence, Kind.JOIN):
        if request.success is not None and request.made is not None:
            known[request.made] = request.done_ns
    waiting = sorted((row for row in evidence.entries if row.id in known), key=lambda row: known[row.id])
    times = [known[row.id] for row in waiting]
    rows = {row.id: row for row in evidence.allocations}
    for request in requests_of(evidence, Kind.ALLOCATE):
        lent = rows.get(request.made or "")
        if lent is None or request.success is None:
            continue
        for row in waiting[: bisect_left(times, request.started_ns)]:
            others = (row.tenant, row.user) != (lent.tenant, lent.user)
            if others and _could_have_had(row, lent.allocated_at, lent.duration_minutes, holdings):
                yield _broken(f"{lent.id} was lent to a newcomer at {lent.allocated_at}, while {row.id} waited", row)


def _could_have_had(row: EntryRow, at: datetime, minutes: int, holdings: _Holdings) -> bool:
    """Tell whether she waited at that instant, and a device that was free for so many minutes would have done."""
    waits = row.joined_at < at < min(row.ended_at or FOREVER, row.expires_at)
    return waits and row.duration_minutes <= minutes and holdings.room(row, at)


def _broken(what: str, row: EntryRow) -> Violation:
    return Violation(PROMISE, what, {"promise": row.id, "user": user_of(row.tenant, row.user)})
