"""What each piece of evidence speaks of: by this it is put together with others, and found for a violation."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from tests.fault.checker.requests import kept_answer, user_of
from tests.fault.history import (
    AllocationRow,
    Effect,
    EntryRow,
    EventRow,
    KeyRow,
    LockUse,
    Operation,
    Received,
    RenewalRow,
    ReservationRow,
    UsageRow,
)

type Name = tuple[str, str]
"""Kind and name, as in `Violation.about`."""


def subjects(item: Any) -> Iterator[Name]:
    """Name all that an item is about."""
    yield from bonds(item)
    yield from _views(item)


@singledispatch
def bonds(item: Any) -> Iterator[Name]:
    """Name what an item cannot be told without: all that share one of these stand and fall together."""
    yield from ()


@singledispatch
def _views(item: Any) -> Iterator[Name]:
    yield from ()


@bonds.register
def _(item: Operation) -> Iterator[Name]:
    if item.key:
        yield "key", f"{item.tenant}|{item.key}"
    for allocation in (item.data.get("allocationId"), item.body.get("allocationId")):
        if allocation:
            yield "allocation", allocation
    told = item.data.get("id"), item.data.get("reservationId")
    for promise in (*told, item.body.get("reservationId"), item.body.get("entryId")):
        if promise:
            yield "promise", promise


@_views.register
def _(item: Operation) -> Iterator[Name]:
    yield "operation", str(item.id)
    yield "user", user_of(item.tenant, item.user)
    yield "device", str(item.data.get("deviceId") or item.body.get("deviceId"))


@bonds.register
def _(item: KeyRow) -> Iterator[Name]:
    yield "key", f"{item.tenant}|{item.key}"
    names = {"allocationId": "allocation", "reservationId": "promise", "entryId": "promise"}
    answer = kept_answer(item) or {}
    for name, kind in names.items():
        if answer.get(name):
            yield kind, answer[name]


@bonds.register
def _(item: AllocationRow) -> Iterator[Name]:
    yield "allocation", item.id
    if item.reservation_id:
        yield "promise", item.reservation_id


@bonds.register
def _(item: RenewalRow) -> Iterator[Name]:
    yield "allocation", item.allocation_id


@bonds.register(ReservationRow)
@bonds.register(EntryRow)
def _(item: ReservationRow | EntryRow) -> Iterator[Name]:
    yield "promise", item.id
    if item.allocation_id:
        yield "allocation", item.allocation_id


@_views.register(ReservationRow)
@_views.register(EntryRow)
def _(item: ReservationRow | EntryRow) -> Iterator[Name]:
    yield "user", user_of(item.tenant, item.user)
    yield "device", str(item.device_id)


@_views.register
def _(item: AllocationRow) -> Iterator[Name]:
    yield "device", item.device_id
    yield "user", user_of(item.tenant, item.user)


@bonds.register(EventRow)
@bonds.register(Received)
def _(item: EventRow | Received) -> Iterator[Name]:
    yield "event", item.event_id
    if item.data.get("allocationId"):
        yield "allocation", item.data["allocationId"]
    if isinstance(item, EventRow) and item.type.startswith(("scheduler.reservation.", "scheduler.queue.")):
        yield "promise", item.subject


@_views.register
def _(item: EventRow) -> Iterator[Name]:
    yield "group", item.group
    yield "device", str(item.data.get("deviceId"))


@bonds.register
def _(item: Effect) -> Iterator[Name]:
    yield "event", item.key


@_views.register(Effect)
@_views.register(UsageRow)
def _(item: Effect | UsageRow) -> Iterator[Name]:
    yield "user", user_of(item.tenant, item.user)


@_views.register
def _(item: LockUse) -> Iterator[Name]:
    yield "lock", item.key


@bonds.register(str)
def _(item: str) -> Iterator[Name]:
    """Name a parked event."""
    yield "event", item
