"""Every release that was told ended what it named, and every allocation ended by release has one that named it.

Two one-sided matchings suffice: where releases can be given rows, and rows releases, one matching does both
(N. S. Mendelsohn and A. L. Dulmage, Canad. J. Math. 10, 1958, pp. 517-534).
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.fault.checker.matching import uncovered
from tests.fault.checker.requests import Request, requests_of, user_of
from tests.fault.history import AllocationRow, Evidence, Kind, Violation

PROMISE = "releases"


@dataclass(frozen=True, slots=True)
class Ended:
    """A row with the instants, by the clients' clock, before and after which it cannot have ended."""

    row: AllocationRow
    earliest_ns: float
    latest_ns: float


def check(evidence: Evidence) -> list[Violation]:
    """Match releases and ends in both directions."""
    windows = _windows(evidence)
    ended = [window for window in windows if window.row.status in {"released", "expired"}]
    named = _Named(ended)
    releases = [request for request in requests_of(evidence, Kind.RELEASE) if request.success or request.open]
    choices = [named.by(release) for release in releases]
    return [*_without_row(releases, choices), *_without_release(ended, releases, choices)]


def _without_row(releases: Sequence[Request], choices: Sequence[Sequence[int]]) -> Iterator[Violation]:
    told = [number for number, release in enumerate(releases) if release.success is not None]
    for number in uncovered([choices[number] for number in told]):
        asked = releases[told[number]].first
        what = f"operation {asked.id} released {dict(asked.body)}: no allocation that it names was ended by it"
        yield Violation(PROMISE, what, {"operation": str(asked.id), "device": str(asked.body.get("deviceId"))})


def _without_release(
    ended: Sequence[Ended], releases: Sequence[Request], choices: Sequence[Sequence[int]]
) -> Iterator[Violation]:
    reverse: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(len(releases)):
        for place in choices[number]:
            reverse[place].append(number)
    released = [place for place, window in enumerate(ended) if window.row.status == "released"]
    for number in uncovered([reverse[place] for place in released]):
        row = ended[released[number]].row
        what = (
            f"{row.id} of {user_of(row.tenant, row.user)} (token {row.fencing_token}) ended as released: nobody asked"
        )
        yield Violation(PROMISE, what, {"allocation": row.id, "device": row.device_id})


def _windows(evidence: Evidence) -> list[Ended]:
    """Bound each row's end: not before it was asked for, nor after a successor on its device was told."""
    asked, told = _instants(evidence)
    devices: defaultdict[str, list[AllocationRow]] = defaultdict(list)
    for row in evidence.allocations:
        devices[row.device_id].append(row)
    found = []
    for rows in devices.values():
        rows.sort(key=lambda row: row.fencing_token)
        latest: list[float] = [math.inf] * len(rows)
        for place in range(len(rows) - 1, 0, -1):
            latest[place - 1] = min(latest[place], told.get(rows[place].id, math.inf))
        earliest = -math.inf
        for row, bound in zip(rows, latest, strict=True):
            earliest = max(earliest, asked.get(row.id, -math.inf))
            found.append(Ended(row, earliest, bound))
    return found


def _instants(evidence: Evidence) -> tuple[dict[str, float], dict[str, float]]:
    """Give when each allocation was asked for first and told first."""
    asked: dict[str, float] = {}
    told: dict[str, float] = {}
    for request in requests_of(evidence, Kind.ALLOCATE):
        if request.success is not None:
            allocation = str(request.success.data.get("allocationId"))
            asked[allocation] = min(asked.get(allocation, math.inf), request.started_ns)
            told[allocation] = min(told.get(allocation, math.inf), request.done_ns)
        elif request.open and request.kept_allocation is not None:
            asked[request.kept_allocation] = request.started_ns
    return asked, told


class _Named:
    """Finds the ended rows that a release may have meant."""

    def __init__(self, ended: Sequence[Ended]) -> None:
        self._ended = ended
        self._by_id = {window.row.id: place for place, window in enumerate(ended)}
        self._by_device: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place, window in enumerate(ended):  # in the order of tokens: both bounds only grow
            self._by_device[window.row.tenant, window.row.device_id].append(place)

    def by(self, release: Request) -> list[int]:
        """Give their places."""
        named = release.kept_allocation or release.first.body.get("allocationId")
        if release.kept is not None and release.kept_allocation is None:
            return []  # it was refused, and its key keeps the refusal
        if named is not None:
            candidates = [self._by_id[named]] if named in self._by_id else []
        else:
            candidates = self._in_time(release)
        return [place for place in candidates if self._fits(self._ended[place], release)]

    def _in_time(self, release: Request) -> list[int]:
        places = self._by_device[release.first.tenant, str(release.first.body.get("deviceId"))]
        first = bisect_left(places, float(release.started_ns), key=lambda place: self._ended[place].latest_ns)
        last = bisect_right(places, release.done_ns, key=lambda place: self._ended[place].earliest_ns)
        return places[first:last]

    def _fits(self, window: Ended, release: Request) -> bool:
        row, asked = window.row, release.first
        wanted = asked.body
        holder = wanted.get("userId") or asked.user
        return (
            (asked.tenant, wanted.get("deviceId")) == (row.tenant, row.device_id)
            and holder in {"", row.user}
            and wanted.get("allocationId", row.id) == row.id
            and wanted.get("fencingToken", row.fencing_token) == row.fencing_token
            and window.earliest_ns <= release.done_ns
            and release.started_ns <= window.latest_ns
            and (release.success is None or _seconds(row) == release.success.data.get("durationSeconds"))
        )


def _seconds(row: AllocationRow) -> int:
    """Give the billed seconds, as a release tells them."""
    if row.released_at is None:
        return -1
    return max((min(row.released_at, row.expires_at) - row.allocated_at) // timedelta(seconds=1), 0)
