"""Every grant that was told has its row, and every row has exactly one request that it is the grant of."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.fault.checker.requests import Request, requests_of, user_of
from tests.fault.history import AllocationRow, Evidence, Kind, Operation, Violation

PROMISE = "grants"


def check(evidence: Evidence) -> list[Violation]:
    """Match rows and requests in both directions."""
    rows = {row.id: row for row in evidence.allocations}
    requests = requests_of(evidence, Kind.ALLOCATE)
    return [*_told(requests, rows), *_unasked(requests, rows)]


def _told(requests: list[Request], rows: dict[str, AllocationRow]) -> Iterator[Violation]:
    owners: dict[str, Request] = {}
    for request in requests:
        for operation in request.operations:
            if operation.status == 201:
                yield from _of_one(operation, rows)
        if request.success is not None:
            allocation = str(request.success.data.get("allocationId"))
            if owners.setdefault(allocation, request) is not request:
                what = f"{allocation} was told to operation {owners[allocation].first.id} and to {request.first.id}"
                yield Violation(PROMISE, what, _about(allocation, request.first.tenant, request.first.user))


def _of_one(operation: Operation, rows: dict[str, AllocationRow]) -> Iterator[Violation]:
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
    elif datetime.fromisoformat(str(data.get("expiresAt"))) != row.expires_at:
        what = (
            f"operation {operation.id} was told that {allocation} expires {data.get('expiresAt')}, not {row.expires_at}"
        )
        yield Violation(PROMISE, what, about)


def _unasked(requests: list[Request], rows: dict[str, AllocationRow]) -> Iterator[Violation]:
    """A row that nobody was told of needs a request that may have made it: one of that user's, and each makes one."""
    explained = set(filter(None, map(_made, requests)))
    spare = Counter(
        (request.first.tenant, request.first.user) for request in requests if request.open and request.kept is None
    )
    unasked: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows.values():
        if row.id not in explained:
            unasked[row.tenant, row.user].append(row.id)
    for owner, ids in unasked.items():
        if len(ids) > spare[owner]:
            what = f"{len(ids)} allocations nobody was told of, and {spare[owner]} requests that may have made one each"
            yield Violation(PROMISE, f"{what}: {', '.join(sorted(ids)[:5])}", {"user": user_of(*owner)})


def _made(request: Request) -> str | None:
    """Name the allocation that a request surely made."""
    if request.success is not None:
        return str(request.success.data.get("allocationId"))
    return request.kept_allocation if request.open else None


def _about(allocation: str, tenant: str, user: str) -> dict[str, str]:
    return {"allocation": allocation, "user": user_of(tenant, user)}
