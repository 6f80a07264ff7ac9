"""Every grant that was told has its row, and every row one thing that it is the grant of.

That is a request for a device, a reservation that was executed, or a wait that was fulfilled.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from tests.fault.checker.requests import Request, requests_of, told_twice, unasked, user_of
from tests.fault.history import AllocationRow, Evidence, Kind, Operation, Violation

PROMISE = "grants"


def check(evidence: Evidence) -> list[Violation]:
    """Match rows and requests in both directions."""
    rows = {row.id: row for row in evidence.allocations}
    requests = requests_of(evidence, Kind.ALLOCATE)
    return [*_told(evidence, requests, rows), *_unasked(evidence, requests, rows)]


def granted_until(evidence: Evidence) -> Mapping[str, datetime]:
    """Give each allocation's end as it was granted: before its first renewal."""
    ends = {row.id: row.expires_at for row in evidence.allocations}
    return ends | {
        renewal.allocation_id: renewal.old_expires_at for renewal in evidence.renewals if renewal.number == 1
    }


def _told(evidence: Evidence, requests: list[Request], rows: Mapping[str, AllocationRow]) -> Iterator[Violation]:
    ends = granted_until(evidence)
    for request in requests:
        for operation in request.operations:
            if operation.status == 201:
                yield from _of_one(operation, rows, ends)
    for allocation, first, again in told_twice(requests):
        what = f"{allocation} was told to operation {first.first.id} and to {again.first.id}"
        yield Violation(PROMISE, what, _about(allocation, again.first.tenant, again.first.user))


def _of_one(
    operation: Operation, rows: Mapping[str, AllocationRow], ends: Mapping[str, datetime]
) -> Iterator[Violation]:
    data = operation.data
    allocation = str(data.get("allocationId"))
    row = rows.get(allocation)
    about = _about(allocation, operation.tenant, operation.user)
    if row is None:
        yield Violation(PROMISE, f"{allocation} was told to operation {operation.id}, but has no row", about)
        return
    told = (data.get("deviceId"), data.get("tenantId"), data.get("userId"), data.get("fencingToken"))
    stored = (row.device_id, row.tenant, row.user, row.fencing_token)
    if told != stored or (row.tenant, row.user) != (operation.tenant, operation.user):
        yield Violation(
            PROMISE, f"operation {operation.id} was told {told}; the row of {allocation} is {stored}", about
        )
    elif datetime.fromisoformat(str(data.get("expiresAt"))) != ends[allocation]:
        what = (
            f"operation {operation.id} was told that {allocation} expires {data.get('expiresAt')},"
            f" not {ends[allocation]}"
        )
        yield Violation(PROMISE, what, about)


def _unasked(evidence: Evidence, requests: list[Request], rows: Mapping[str, AllocationRow]) -> Iterator[Violation]:
    """A row that nobody was told of needs something that may have made it, and each makes one."""
    promised = {found.allocation_id for found in (*evidence.reservations, *evidence.entries)}
    asked_for = {row.id: (row.tenant, row.user) for row in rows.values() if row.id not in promised}
    for owner, ids, spare in unasked(asked_for, requests):
        what = f"{len(ids)} allocations nobody was told of, and {spare} requests that may have made one each"
        yield Violation(PROMISE, f"{what}: {', '.join(ids[:5])}", {"user": user_of(*owner)})


def _about(allocation: str, tenant: str, user: str) -> dict[str, str]:
    return {"allocation": allocation, "user": user_of(tenant, user)}
