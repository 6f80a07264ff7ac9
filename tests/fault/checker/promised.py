"""What a reservation and a wait have in common: who asked for it, who gave it up, and what was told of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.fault.checker.requests import requests_of, told_twice, unasked, user_of
from tests.fault.history import EntryRow, Evidence, Kind, ReservationRow, Violation

type Row = ReservationRow | EntryRow
type Chain = Mapping[str, int]
"""How many events of each type there are; what is not named is not counted."""


def made(promise: str, evidence: Evidence, kind: Kind, rows: Sequence[Row]) -> Iterator[Violation]:
    """Match rows with the requests that made them, in both directions."""
    requests, known = requests_of(evidence, kind), {row.id: row for row in rows}
    for request in requests:
        if request.success is None or request.made is None:
            continue
        row, asked = known.get(request.made), request.first
        if row is None or (row.tenant, row.user) != (asked.tenant, asked.user):
            what = f"{request.made} was told to operation {request.success.id}, but its row is {row}"
            yield Violation(promise, what, _about(request.made, asked.tenant, asked.user))
    for told, first, again in told_twice(requests):
        what = f"{told} was told to operation {first.first.id} and to {again.first.id}"
        yield Violation(promise, what, _about(told, again.first.tenant, again.first.user))
    for owner, ids, spare in unasked({row.id: (row.tenant, row.user) for row in rows}, requests):
        what = f"{', '.join(ids[:5])}: nobody was told of them, and {spare} requests may have made one each"
        yield Violation(promise, what, {"user": user_of(*owner)})


def given_up(promise: str, evidence: Evidence, kind: Kind, name: str, rows: Sequence[Row]) -> Iterator[Violation]:
    """Match what was cancelled with the requests for it, which name it by `name`."""
    asked: defaultdict[str, list[bool]] = defaultdict(list)
    for request in requests_of(evidence, kind):
        if request.success is not None or request.open:
            asked[str(request.first.body.get(name))].append(request.success is not None)
    for row in rows:
        if any(asked[row.id]) and row.status != "cancelled":
            yield _broken(promise, f"{row.id} was told to be cancelled, and is {row.status}", row)
        elif row.status == "cancelled" and not asked[row.id]:
            yield _broken(promise, f"{row.id} is cancelled, and nobody asked for it", row)


def told(promise: str, evidence: Evidence, rows: Iterable[tuple[Row, Chain]]) -> Iterator[Violation]:
    """Compare the events of each row with the chain that its state asks for."""
    events: defaultdict[str, Counter[str]] = defaultdict(Counter)
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for event in evidence.events:
        events[event.subject][event.type] += 1
        groups[event.subject].add(event.group)
    for row, chain in rows:
        seen = {type_: events[row.id][type_] for type_ in chain}
        if seen != dict(chain):
            yield _broken(promise, f"{row.id}, {row.status}, has the events {seen} instead of {dict(chain)}", row)
        if groups[row.id] - {user_of(row.tenant, row.user)}:
            yield _broken(promise, f"the events of {row.id} are in the groups {sorted(groups[row.id])}", row)


def _broken(promise: str, what: str, row: Row) -> Violation:
    return Violation(promise, what, _about(row.id, row.tenant, row.user))


def _about(row: str, tenant: str, user: str) -> dict[str, str]:
    return {"promise": row, "user": user_of(tenant, user)}
