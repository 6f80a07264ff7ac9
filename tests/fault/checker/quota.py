"""A user's usage is the sum over her active allocations, and she never held more than her limit."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.fault.checker.requests import user_of
from tests.fault.history import Evidence, Violation

PROMISE = "quota"

_NONE = (0, 0, 0, 0)


def check(evidence: Evidence) -> list[Violation]:
    """Compare the ledger with the rows, then sweep the rows in the order of the database's time."""
    return [*_drift(evidence), *_excess(evidence)]


def _drift(evidence: Evidence) -> Iterator[Violation]:
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in evidence.allocations:
        if row.status == "allocated":
            held[user_of(row.tenant, row.user)].update(
                devices=1, cpu=row.cpu_cores, memory=row.memory_mb, storage=row.storage_mb
            )
    used = {
        user_of(row.tenant, row.user): (row.devices, row.cpu_cores, row.memory_mb, row.storage_mb)
        for row in evidence.usage
    }
    for user in sorted(held.keys() | used.keys()):
        sums = held[user]
        wanted = (sums["devices"], sums["cpu"], sums["memory"], sums["storage"])
        if used.get(user, _NONE) != wanted:
            what = f"the usage of {user} is {used.get(user, _NONE)}, her active allocations sum to {wanted}"
            yield Violation(PROMISE, what, {"user": user})


def _excess(evidence: Evidence) -> Iterator[Violation]:
    users: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for row in evidence.allocations:
        changes = users[user_of(row.tenant, row.user)]
        changes.append((row.allocated_at, 1))
        if row.released_at is not None:
            changes.append((row.released_at, -1))
    for user, changes in users.items():
        limit = evidence.limits.get(user, evidence.limit)
        holding = 0
        for at, change in sorted(changes):  # at one instant, what ended goes first
            holding += change
            if holding > limit:
                yield Violation(PROMISE, f"{user} held {holding} devices at {at}; her limit is {limit}", {"user": user})
                break
