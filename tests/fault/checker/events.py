"""Every change has its one event; each event arrives, and those of one group arrive in their order."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from tests.fault.history import AllocationRow, EventRow, Evidence, Violation

PROMISE = "events"

GRANT = "device.allocated"
ENDS = {
    "device.released": "released",
    "scheduler.allocation.expired": "expired",
    "scheduler.allocation.revoked": "revoked",
}
RENEWAL = "scheduler.allocation.renewed"
_PLAIN_GROUP = re.compile(r"[!-~]{1,128}")


def check(evidence: Evidence) -> list[Violation]:
    """Compare events with rows, then receptions with events."""
    rows = {row.id: row for row in evidence.allocations}
    return [
        *_against_rows(rows, evidence),
        *_told_in_order(rows, evidence.events),
        *_foreign(evidence),
        *_received_in_order(evidence),
        *(_lost(evidence) if evidence.complete else ()),
    ]


def _against_rows(rows: Mapping[str, AllocationRow], evidence: Evidence) -> Iterator[Violation]:
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    renewals = Counter(renewal.allocation_id for renewal in evidence.renewals)
    for event in evidence.events:
        if event.type in {GRANT, RENEWAL, *ENDS}:
            row = rows.get(str(event.data.get("allocationId")))
            told[str(event.data.get("allocationId"))][event.type] += 1
            if row is None or not _agrees(event, row):
                yield _broken(f"{event.type} {event.event_id} tells {dict(event.data)}, which no row bears out", event)
    for row in rows.values():
        wanted = Counter({GRANT: 1}) + Counter({type_: 1 for type_, status in ENDS.items() if status == row.status})
        wanted += Counter({RENEWAL: renewals[row.id]})
        if told[row.id] != wanted:
            what = f"{row.id}, {row.status}, has the events {dict(told[row.id])} instead of {dict(wanted)}"
            yield Violation(PROMISE, what, {"allocation": row.id})


def _agrees(event: EventRow, row: AllocationRow) -> bool:
    data = event.data
    told = (data.get("deviceId"), data.get("tenantId"), data.get("userId"), event.group)
    fence = data.get("fencingToken", row.fencing_token)
    return told == (row.device_id, row.tenant, row.user, row.device_id) and fence == row.fencing_token


def _told_in_order(rows: Mapping[str, AllocationRow], events: Iterable[EventRow]) -> Iterator[Violation]:
    """Per device the order of positions is that of what they tell."""
    latest: dict[str, tuple[datetime, int, EventRow]] = {}
    for event in sorted(events, key=lambda event: event.position):
        row = rows.get(str(event.data.get("allocationId")))
        if row is None or not (event.type == GRANT or event.type in ENDS):
            continue
        at = row.allocated_at if event.type == GRANT else row.released_at
        if at is None:
            continue
        before = latest.get(event.group)
        if before is not None and (at, row.fencing_token) < before[:2]:
            yield _broken(
                f"{event.type} of {row.id} stands behind {before[2].type} of {before[2].data.get('allocationId')}, "
                "which happened later",
                event,
            )
        else:
            latest[event.group] = (at, row.fencing_token, event)


def _foreign(evidence: Evidence) -> Iterator[Violation]:
    known = {event.event_id: event for event in evidence.events}
    for message in evidence.received:
        event = known.get(message.event_id)
        if event is None:
            what = f"{message.type} {message.event_id} was received, but is not in the outbox"
            yield Violation(PROMISE, what, {"event": message.event_id})
        elif (message.type, dict(message.data)) != (event.type, dict(event.data)) or not _same_group(
            message.group, event
        ):
            yield _broken(f"{event.type} {event.event_id} was received with other contents", event)


def _received_in_order(evidence: Evidence) -> Iterator[Violation]:
    """The first receptions of a group come in the order of positions; what comes again may come late."""
    known = {event.event_id: event for event in evidence.events}
    seen: set[str] = set()
    latest: dict[str, EventRow] = {}
    for message in sorted(evidence.received, key=lambda message: message.place):
        event = known.get(message.event_id)
        if event is None or message.event_id in seen:
            continue
        seen.add(message.event_id)
        before = latest.get(event.group)
        if before is not None and event.position < before.position:
            yield _broken(
                f"{event.event_id} was received after {before.event_id}, which came later on {event.group}", event
            )
        else:
            latest[event.group] = event


def _lost(evidence: Evidence) -> Iterator[Violation]:
    arrived = {message.event_id for message in evidence.received}
    for event in evidence.events:
        if not event.published:
            yield _broken(f"{event.type} {event.event_id} was never published", event)
        elif event.event_id not in arrived:
            yield _broken(f"{event.type} {event.event_id} was lost on the way", event)


def _same_group(group: str, event: EventRow) -> bool:
    """SNS takes plain groups only; others travel as their digest."""
    if _PLAIN_GROUP.fullmatch(event.group):
        return group == event.group
    return group == hashlib.sha256(event.group.encode()).hexdigest()


def _broken(what: str, event: EventRow) -> Violation:
    about = {"event": event.event_id, "group": event.group}
    if "allocationId" in event.data:
        about["allocation"] = str(event.data["allocationId"])
    return Violation(PROMISE, what, about)
