"""A device has one holder at a time, and its fencing tokens increase: by the database's clock and by the clients'."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.fault.checker.requests import may_have_happened, requests_of
from tests.fault.history import AllocationRow, Evidence, Kind, Operation, Violation

PROMISE = "holds"


class Told(NamedTuple):
    """A grant as its client knows it: asked, told, and when the earliest release may have ended it."""

    asked_ns: int
    told_ns: int
    released_ns: float
    fence: int
    allocation: str
    device: str


def check(evidence: Evidence) -> list[Violation]:
    """Look at each device's rows, and at what the clients were told of it."""
    return [*_by_the_database(evidence.allocations), *_by_the_clients(evidence)]


def _by_the_database(allocations: Iterable[AllocationRow]) -> Iterator[Violation]:
    devices: defaultdict[str, list[AllocationRow]] = defaultdict(list)
    for row in allocations:
        devices[row.device_id].append(row)
        yield from _of_one_row(row)
    for device, rows in devices.items():
        rows.sort(key=lambda row: (row.allocated_at, row.fencing_token))
        for before, after in pairwise(rows):
            both = f"{before.id} (token {before.fencing_token}) and {after.id} (token {after.fencing_token})"
            if before.released_at is None or before.released_at > after.allocated_at:
                yield _broken(f"{both} hold {device} at the same time", device, after.id)
            if before.fencing_token >= after.fencing_token:
                yield _broken(f"tokens do not increase: {both}", device, after.id)


def _of_one_row(row: AllocationRow) -> Iterator[Violation]:
    active = row.status == "allocated"
    if active != (row.released_at is None):
        yield _broken(f"{row.id} is {row.status}, and ended at {row.released_at}", row.device_id, row.id)
    elif row.released_at is not None and row.released_at < row.allocated_at:
        yield _broken(f"{row.id} ended before it began", row.device_id, row.id)
    elif row.status == "expired" and row.released_at is not None and row.released_at < row.expires_at:
        yield _broken(f"{row.id} expired at {row.released_at}, before its time", row.device_id, row.id)
    elif row.status == "released" and row.released_at is not None and row.released_at >= row.expires_at:
        yield _broken(f"{row.id} was overdue, yet ended as released", row.device_id, row.id)


def _by_the_clients(evidence: Evidence) -> Iterator[Violation]:
    devices: defaultdict[str, list[Told]] = defaultdict(list)
    for told in _grants(evidence):
        devices[told.device].append(told)
    status = {row.id: row.status for row in evidence.allocations}
    for device, grants in devices.items():
        sure = [grant for grant in grants if status.get(grant.allocation) not in {"expired", "revoked"}]
        yield from _surely_overlapping(device, sure)
        yield from _surely_out_of_order(device, grants)


def _grants(evidence: Evidence) -> Iterator[Told]:
    releases = _Releases(evidence.operations)
    seen: set[str] = set()
    for request in requests_of(evidence, Kind.ALLOCATE):
        if request.success is None:
            continue
        data = request.success.data
        allocation, device = str(data.get("allocationId")), str(data.get("deviceId"))
        if allocation not in seen:  # told to two requests: `grants` complains
            seen.add(allocation)
            ends = releases.earliest(allocation, device, request.first.user, request.started_ns)
            fence = int(data.get("fencingToken", 0))
            yield Told(request.started_ns, request.success.ended_ns, ends, fence, allocation, device)


def _surely_overlapping(device: str, grants: list[Told]) -> Iterator[Violation]:
    holds = sorted((grant for grant in grants if grant.released_ns > grant.told_ns), key=lambda grant: grant.told_ns)
    last: Told | None = None
    for hold in holds:
        if last is not None and hold.told_ns < last.released_ns:
            yield _broken(
                f"by the clients' clock {last.allocation} surely held {device} when {hold.allocation} was told",
                device,
                hold.allocation,
            )
        if last is None or hold.released_ns > last.released_ns:
            last = hold


def _surely_out_of_order(device: str, grants: list[Told]) -> Iterator[Violation]:
    by_told = sorted(grants, key=lambda grant: grant.told_ns)
    at, highest = 0, -1
    for grant in sorted(grants):
        while at < len(by_told) and by_told[at].told_ns <= grant.asked_ns:
            highest = max(highest, by_told[at].fence)
            at += 1
        if grant.fence <= highest:
            yield _broken(
                f"{grant.allocation} was asked for after token {highest} of {device} was told, and got {grant.fence}",
                device,
                grant.allocation,
            )


class _Releases:
    """Finds the earliest release that may have ended a grant."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._named: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        self._by_device: defaultdict[tuple[str, str | None], list[tuple[float, int]]] = defaultdict(list)
        for operation in operations:
            if operation.kind is Kind.RELEASE and (operation.status == 200 or may_have_happened(operation)):
                self._add(operation)
        for found in (*self._named.values(), *self._by_device.values()):
            found.sort(reverse=True)
            earliest = math.inf
            for place, (done, started) in enumerate(found):
                earliest = min(earliest, started)
                found[place] = (-done, int(earliest))  # negated, so that bisect finds those done late enough

    def _add(self, operation: Operation) -> None:
        window = (math.inf if may_have_happened(operation) else operation.ended_ns, operation.started_ns)
        named, body = operation.body.get("allocationId"), operation.body
        if named is None:
            self._by_device[str(body.get("deviceId")), body.get("userId")].append(window)
        else:
            self._named[named].append(window)

    def earliest(self, allocation: str, device: str, user: str, not_before_ns: int) -> float:
        """Give when the earliest one began that was not over before the grant was asked for."""
        candidates = (
            self._named.get(allocation),
            self._by_device.get((device, user)),
            self._by_device.get((device, None)),
        )
        return min((_earliest(found, not_before_ns) for found in candidates if found), default=math.inf)


def _earliest(found: list[tuple[float, int]], not_before_ns: int) -> float:
    """`found`: (-done, earliest start of those done as late or later), the latest first."""
    place = bisect_left(found, (-not_before_ns + 1,)) - 1
    return found[place][1] if place >= 0 else math.inf


def _broken(what: str, device: str, allocation: str) -> Violation:
    return Violation(PROMISE, what, {"device": device, "allocation": allocation})
