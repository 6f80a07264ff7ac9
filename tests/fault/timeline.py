"""A history in lines, for people: what clients saw, what Redis lent, what the database and the others hold."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.fault.checker.requests import user_of
from tests.fault.history import AllocationRow, EntryRow, Evidence, Operation, ReservationRow, Violation

MOST_LINES = 25
"""Of each part."""
LONGEST_LINE = 160


def timeline(evidence: Evidence, violation: Violation) -> str:
    """Write it down. Clients and database have clocks of their own: only the order within a part can be compared."""
    parts = {
        "clients (ms)": _clients(evidence.operations),
        "locks (ms)": _locks(evidence),
        "allocations (ms, database)": _rows(evidence.allocations),
        **_promised(evidence),
        "usage": (
            f"{user_of(row.tenant, row.user)}: {row.devices} devices, {row.cpu_cores} cores, {row.memory_mb} MB memory,"
            f" {row.storage_mb} MB storage"
            for row in evidence.usage
        ),
        "keys": (f"{row.tenant}|{row.key}: {_short(row.answer)}" for row in evidence.keys),
        "outbox (by position)": (
            f"{event.position} {event.type} {event.event_id[:8]} of {event.group}, allocation"
            f" {str(event.data.get('allocationId'))[:8]}{'' if event.published else ', not published'}"
            for event in sorted(evidence.events, key=lambda event: event.position)
        ),
        "received (in order)": (
            f"{message.place} {message.type} {message.event_id[:8]} of {message.group}"
            for message in sorted(evidence.received, key=lambda message: message.place)
        ),
        "applied by the user service": (
            f"{effect.operation} {user_of(effect.tenant, effect.user)} {effect.device_id}, key {effect.key[:8]}"
            for effect in evidence.effects
        ),
        "parked": (event_id[:8] for event_id in evidence.parked),
    }
    lines = [f"{violation.promise}: {violation.what}", f"seed {evidence.seed}"]
    for title, part in parts.items():
        lines += _part(title, list(part))
    return "\n".join(line[:LONGEST_LINE] for line in lines)


def _promised(evidence: Evidence) -> dict[str, Iterable[str]]:
    return {
        "renewals": (
            f"{row.allocation_id[:8]} number {row.number}: {row.additional_minutes} min, to {_time(row.new_expires_at)}"
            for row in evidence.renewals
        ),
        "reservations": (
            f"{_promise(row)}, {row.device_id} from {_time(row.starts_at)} to {_time(row.ends_at)},"
            f" made {_time(row.created_at)}"
            for row in evidence.reservations
        ),
        "waits": (
            f"{_promise(row)}, rank {row.rank:.3f}, {row.duration_minutes} min,"
            f" {_time(row.joined_at)} to {_time(row.ended_at or row.expires_at)}"
            for row in evidence.entries
        ),
    }


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"-- {title}"
        yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"… and {len(lines) - MOST_LINES} more"


def _clients(operations: Iterable[Operation]) -> Iterator[str]:
    ordered = sorted(operations, key=lambda operation: operation.started_ns)
    for operation in ordered:
        start, end = ((at - ordered[0].started_ns) / 1e6 for at in (operation.started_ns, operation.ended_ns))
        yield (
            f"{start:9.1f} to {end:9.1f}  {operation.id} by client {operation.client}: {operation.kind}"
            f" {user_of(operation.tenant, operation.user)} {_asked(operation)} → {_answered(operation)}"
        )


def _asked(operation: Operation) -> str:
    body = operation.body
    names = {"deviceId": "", "allocationId": "allocation ", "fencingToken": "token "}
    told = [f"{word}{str(body[name])[:8] if word else body[name]}" for name, word in names.items() if name in body]
    return ", ".join(told + ([f"key {operation.key}"] if operation.key else []))


def _answered(operation: Operation) -> str:
    if operation.status is None:
        return "no answer"
    data = operation.data
    told = (
        f"{str(data['allocationId'])[:8]} on {data.get('deviceId')}, token {data.get('fencingToken')}"
        if "allocationId" in data
        else ""
    )
    return f"{operation.status} {operation.answer.get('code') or told}".rstrip()


def _locks(evidence: Evidence) -> Iterator[str]:
    ordered = sorted(evidence.locks, key=lambda use: use.taken_ns)
    for use in ordered:
        taken = (use.taken_ns - ordered[0].taken_ns) / 1e6
        left = "never let go" if use.left_ns is None else f"{(use.left_ns - ordered[0].taken_ns) / 1e6:.1f}"
        yield f"{taken:9.1f} to {left}  worker {use.worker} held {use.key} (lasts {use.ttl_ms})"


def _rows(rows: Iterable[AllocationRow]) -> Iterator[str]:
    ordered = sorted(rows, key=lambda row: row.allocated_at)
    for row in ordered:
        end = "…" if row.released_at is None else f"{_ms(row.released_at, ordered[0]):.1f}"
        yield (
            f"{_ms(row.allocated_at, ordered[0]):9.1f} to {end}  {row.id[:8]} on {row.device_id},"
            f" token {row.fencing_token}: {user_of(row.tenant, row.user)}, {row.status}"
        )


def _promise(row: ReservationRow | EntryRow) -> str:
    lent = f", allocation {row.allocation_id[:8]}" if row.allocation_id else ""
    return f"{row.id[:8]} of {user_of(row.tenant, row.user)}: {row.status}{lent}"


def _time(at: datetime) -> str:
    return f"{at:%H:%M:%S.%f}"[:-3]


def _ms(at: datetime, first: AllocationRow) -> float:
    return (at - first.allocated_at) / timedelta(milliseconds=1)


def _short(answer: Mapping[str, Any] | None) -> str:
    told = {name: value for name, value in (answer or {}).items() if name in {"outcome", "allocationId", "deviceId"}}
    return json.dumps(told)
