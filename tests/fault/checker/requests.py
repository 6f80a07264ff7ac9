"""Operations as requests: what was asked once, however often it was sent under its idempotency key."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.fault.history import Evidence, KeyRow, Kind, Operation

type Owner = tuple[str, str]
"""Tenant and user."""

NAMES: Mapping[Kind, tuple[str, str]] = {
    Kind.ALLOCATE: ("allocationId", "allocationId"),
    Kind.RESERVE: ("reservationId", "reservationId"),
    Kind.JOIN: ("id", "entryId"),
}
"""What the row that a request makes is called in its answer, and in the answer that its key keeps."""

_NOTHING_DONE = "quota_service_unavailable"
"""The one server error that is told before the database is asked for anything."""


def may_have_happened(operation: Operation) -> bool:
    """Tell whether the effect may be there though no success was told: no answer came, or an error that cannot know."""
    if operation.status is None:
        return True
    return operation.status >= 500 and operation.answer.get("code") != _NOTHING_DONE


def user_of(tenant: str, user: str) -> str:
    """Name a user as violations do."""
    return f"{tenant}|{user}"


@dataclass(frozen=True)
class Request:
    """One wish: an operation, or all that were sent under one key; and the answer that the database kept for it."""

    operations: tuple[Operation, ...]
    kept: Mapping[str, Any] | None

    @property
    def first(self) -> Operation:
        """The operation that was sent first."""
        return self.operations[0]

    @cached_property
    def success(self) -> Operation | None:
        """The first answer that tells of the effect."""
        told = [operation for operation in self.operations if operation.status in {200, 201, 202}]
        return min(told, key=lambda operation: operation.ended_ns, default=None)

    @cached_property
    def open(self) -> bool:
        """Whether the effect may be there though nobody was told. A refusal that its key keeps leaves no room."""
        if self.success is not None or any(map(self._settles, self.operations)):
            return False
        return any(map(may_have_happened, self.operations))

    @cached_property
    def started_ns(self) -> int:
        """The earliest instant at which the effect can have been made."""
        return min(operation.started_ns for operation in self.operations)

    @cached_property
    def done_ns(self) -> float:
        """The latest instant at which the effect can have been made."""
        return math.inf if self.success is None else self.success.ended_ns

    @property
    def kept_allocation(self) -> str | None:
        """The allocation that the kept answer names, if it is one of a success."""
        return None if self.kept is None else self.kept.get("allocationId")

    @property
    def made(self) -> str | None:
        """The row that it surely made, whether anybody was told or only its key keeps it."""
        if self.first.kind not in NAMES:
            return None
        told, kept = NAMES[self.first.kind]
        if self.success is not None:
            return str(self.success.data.get(told))
        return self.kept.get(kept) if self.open and self.kept is not None else None

    def _settles(self, operation: Operation) -> bool:
        final = operation.status is not None and operation.status < 500 and operation.answer.get("retryable") is False
        return final and operation.key is not None


def requests_of(evidence: Evidence, kind: Kind) -> list[Request]:
    """Group the operations of a kind, in the order in which they were sent first."""
    kept = kept_answers(evidence.keys)
    groups: dict[tuple[str, str | int], list[Operation]] = {}
    for operation in sorted(evidence.operations, key=lambda operation: operation.started_ns):
        if operation.kind is kind:
            groups.setdefault((operation.tenant, operation.key or operation.id), []).append(operation)
    return [
        Request(tuple(group), kept.get((group[0].tenant, group[0].key)) if group[0].key else None)
        for group in groups.values()
    ]


def told_twice(requests: Iterable[Request]) -> Iterator[tuple[str, Request, Request]]:
    """Give what was told to two requests as made by each."""
    owners: dict[str, Request] = {}
    for request in requests:
        if request.success is not None and request.made is not None:
            first = owners.setdefault(request.made, request)
            if first is not request:
                yield request.made, first, request


def unasked(rows: Mapping[str, Owner], requests: Sequence[Request]) -> Iterator[tuple[Owner, list[str], int]]:
    """Give users with more rows that nobody was told of than requests that may have made one each."""
    explained = {request.made for request in requests}
    spare = Counter(
        (request.first.tenant, request.first.user) for request in requests if request.open and request.kept is None
    )
    left: defaultdict[Owner, list[str]] = defaultdict(list)
    for row, owner in rows.items():
        if row not in explained:
            left[owner].append(row)
    for owner, ids in left.items():
        if len(ids) > spare[owner]:
            yield owner, sorted(ids), spare[owner]


def kept_answers(keys: Iterable[KeyRow]) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    """Give the kept answers by tenant and key."""
    kept = {(row.tenant, row.key): kept_answer(row) for row in keys}
    return {key: answer for key, answer in kept.items() if answer is not None}


def kept_answer(row: KeyRow) -> Mapping[str, Any] | None:
    """Give what a key keeps; what stands there of one reservation is read as a part of it."""
    if row.answer is None:
        return None
    inner = row.answer.get("reservation") or next(iter(row.answer.get("reservations") or ()), {})
    return {**inner, **row.answer}
