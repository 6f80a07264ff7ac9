"""Every renewal that was told is in the history once, none merge, and each end follows from the one before it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from tests.fault.checker.requests import Request, requests_of
from tests.fault.history import AllocationRow, Evidence, Kind, RenewalRow, Violation

PROMISE = "renewals"

type Renewals = Mapping[str, list[RenewalRow]]


def check(evidence: Evidence) -> list[Violation]:
    """Look at each history by itself, then at what the clients were told of it."""
    histories: defaultdict[str, list[RenewalRow]] = defaultdict(list)
    for renewal in sorted(evidence.renewals, key=lambda renewal: renewal.number):
        histories[renewal.allocation_id].append(renewal)
    requests: defaultdict[str, list[Request]] = defaultdict(list)
    for request in requests_of(evidence, Kind.RENEW):
        requests[str(request.first.body.get("allocationId"))].append(request)
    found = []
    for row in evidence.allocations:
        found += _of_one_history(row, histories[row.id])
    for allocation in requests.keys() | histories.keys():
        found += _told(allocation, histories[allocation], requests[allocation])
        found += _unasked(allocation, histories[allocation], requests[allocation])
    return found


def _of_one_history(row: AllocationRow, history: list[RenewalRow]) -> Iterator[Violation]:
    if not history:
        return
    if [renewal.number for renewal in history] != list(range(1, len(history) + 1)):
        yield _broken(f"the renewals of {row.id} are numbered {[renewal.number for renewal in history]}", row.id)
    for before, after in pairwise(history):
        if before.new_expires_at != after.old_expires_at:
            yield _broken(f"renewal {after.number} of {row.id} does not begin where {before.number} ended", row.id)
    for renewal in history:
        if renewal.new_expires_at - renewal.old_expires_at != timedelta(minutes=renewal.additional_minutes):
            yield _broken(f"renewal {renewal.number} of {row.id} does not add {renewal.additional_minutes} min", row.id)
    if history[-1].new_expires_at != row.expires_at:
        yield _broken(
            f"{row.id} ends at {row.expires_at}, after its last renewal at {history[-1].new_expires_at}", row.id
        )


def _told(allocation: str, history: list[RenewalRow], requests: list[Request]) -> Iterator[Violation]:
    by_number = {renewal.number: renewal for renewal in history}
    owners: dict[int, Request] = {}
    for request in requests:
        told = request.success
        if told is None:
            continue
        number = int(told.data.get("renewalCount", 0))
        renewal = by_number.get(number)
        if owners.setdefault(number, request) is not request:
            what = f"operations {owners[number].first.id} and {told.id} were both told renewal {number} of {allocation}"
            yield _broken(what, allocation)
        elif renewal is None or _of(told.data) != (renewal.old_expires_at, renewal.new_expires_at):
            yield _broken(f"operation {told.id} was told {dict(told.data)}; renewal {number} is {renewal}", allocation)
        elif renewal.additional_minutes != request.first.body.get("additionalMinutes"):
            yield _broken(f"operation {told.id} asked for {dict(request.first.body)} and got {renewal}", allocation)


def _unasked(allocation: str, history: list[RenewalRow], requests: list[Request]) -> Iterator[Violation]:
    """A renewal that nobody was told of needs a request that may have made it."""
    told = {int(request.success.data.get("renewalCount", 0)) for request in requests if request.success is not None}
    spare = sum(request.open and (request.kept is None or "renewalCount" in request.kept) for request in requests)
    left = [renewal.number for renewal in history if renewal.number not in told]
    if len(left) > spare:
        what = f"renewals {left} of {allocation} nobody was told of, and {spare} requests that may have made one each"
        yield _broken(what, allocation)


def _of(data: Mapping[str, object]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(str(data["oldExpiresAt"])), datetime.fromisoformat(str(data["newExpiresAt"]))


def _broken(what: str, allocation: str) -> Violation:
    return Violation(PROMISE, what, {"allocation": allocation})
