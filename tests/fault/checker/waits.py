"""A wait ends once: with one allocation of the waiter, by its time, or because she gave it up."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.fault.checker import promised
from tests.fault.checker.requests import user_of
from tests.fault.history import EntryRow, Evidence, Kind, Violation

PROMISE = "waits"


def check(evidence: Evidence) -> list[Violation]:
    """Look at who asked, at what each wait ended with, at what was told, and at the order of service."""
    rows = evidence.entries
    return [
        *promised.made(PROMISE, evidence, Kind.JOIN, rows),
        *promised.given_up(PROMISE, evidence, Kind.CANCEL_WAIT, "entryId", rows),
        *promised.told(PROMISE, evidence, [(row, _chain(row)) for row in rows]),
        *_served(evidence),
        *_one_at_a_time(evidence),
        *(_overtaken(evidence) if evidence.orderly else ()),
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


def _overtaken(evidence: Evidence) -> Iterator[Violation]:
    """Nobody who wants as little time, and may hold one more device, waits while one behind her is served."""
    holds: defaultdict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for row in evidence.allocations:
        holds[user_of(row.tenant, row.user)].append((row.allocated_at, row.released_at))

    def could_hold_more(row: EntryRow, at: datetime) -> bool:
        user = user_of(row.tenant, row.user)
        held = sum(start <= at and (end is None or end >= at) for start, end in holds[user])
        return held < evidence.limits.get(user, evidence.limit)

    served = [row for row in evidence.entries if row.status == "fulfilled"]
    for behind in served:
        at = behind.ended_at
        for ahead in evidence.entries if at is not None else ():
            waited = ahead.joined_at < behind.joined_at and (ahead.ended_at is None or ahead.ended_at > at)
            if (
                waited
                and (ahead.rank, ahead.id) < (behind.rank, behind.id)
                and ahead.expires_at > at
                and ahead.duration_minutes <= behind.duration_minutes
                and could_hold_more(ahead, at)
            ):
                yield _broken(f"{behind.id} was served at {at}, before {ahead.id} who was ahead of it", ahead)


def _broken(what: str, row: EntryRow) -> Violation:
    return Violation(PROMISE, what, {"promise": row.id, "user": user_of(row.tenant, row.user)})
