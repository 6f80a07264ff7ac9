"""What is wrong after a run: bills against allocations, credits against incidents, notices against events."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import floor
from typing import Any

from scheduler.adapters.postgres.connection import Database, Row
from scheduler.domain.notices import CATALOGUE, notice_of
from tests.lifecycles.life import Incident


def bill_findings(allocations: Iterable[Row], records: Iterable[Row]) -> list[str]:
    """Each ended allocation has one record for each device that served it, one after the other, exact to the second."""
    found = []
    by_allocation: dict[str, list[Row]] = {}
    for record in records:
        if record["kind"] == "usage":
            by_allocation.setdefault(record["allocation_id"], []).append(record)
    for allocation in allocations:
        parts = sorted(by_allocation.pop(allocation["id"], []), key=lambda part: part["segment"])
        if allocation["status"] == "allocated":
            continue
        name = f"allocation {allocation['id']}"
        if [part["segment"] for part in parts] != list(range(1, allocation["segment"] + 1)):
            found.append(f"{name}: records {[part['segment'] for part in parts]} of {allocation['segment']} segments")
            continue
        total = sum(part["seconds"] for part in parts)
        end = min(allocation["released_at"], allocation["expires_at"])
        if not total == allocation["duration_seconds"] == floor((end - allocation["allocated_at"]).total_seconds()):
            found.append(f"{name}: billed {total} s, lasted {allocation['duration_seconds']} s")
        borders = [allocation["allocated_at"], *(part["ended_at"] for part in parts)]
        if borders[:-1] != [part["started_at"] for part in parts] or borders[-1] != end:
            found.append(f"{name}: its records leave gaps")
    return found + [f"record of no ended allocation {name}" for name in by_allocation]


def credit_findings(allocations: Sequence[Row], records: Sequence[Row], incidents: Sequence[Incident]) -> list[str]:
    """Each segment that an incident ended is credited from there on, and no other is credited."""
    times: dict[str, list[datetime]] = {}
    for incident in incidents:
        times.setdefault(incident.device_id, []).append(incident.at)
    usage = {(row["allocation_id"], row["segment"]): row for row in records if row["kind"] == "usage"}
    given = {(row["allocation_id"], row["segment"]): row for row in records if row["kind"] == "credit"}
    reasons = {key: segment["reason"] for key, segment in usage.items()}
    reasons |= {(row["id"], row["segment"]): row["end_reason"] for row in allocations if row["end_reason"]}
    found = [f"credit {key}: of no usage" for key in given.keys() - usage.keys()]
    for key, segment in usage.items():
        credit, by_device = given.get(key), (reasons[key] or "").startswith("Device ")
        since = {max(at, segment["started_at"]) for at in times.get(segment["device_id"], [])}
        exact = {floor((segment["ended_at"] - at) / timedelta(seconds=1)) for at in since if at <= segment["ended_at"]}
        if credit is None:
            if by_device and 0 not in exact:
                found.append(f"usage {key}: not credited")
        elif not by_device:
            found.append(f"credit {key}: no device was to blame")
        elif credit["started_at"] not in since or credit["seconds"] not in exact:
            found.append(f"credit {key}: {credit['seconds']} s since {credit['started_at']}, not one of {exact}")
    return found


def told_findings(records: Sequence[Row], told: Sequence[Mapping[str, Any]]) -> list[str]:
    """The billing service was told each record once: usage as it is, a credit negative."""
    wanted = {
        f"{row['allocation_id']}:{row['segment']}:{row['kind']}": (-1 if row["kind"] == "credit" else 1)
        * row["seconds"]
        for row in records
    }
    given = {str(entry["key"]): entry["duration"] for entry in told}
    found = [f"told twice: {key}" for key, times in Counter(entry["key"] for entry in told).items() if times > 1]
    found += [
        f"told {given.get(key)} s of {key}, not {seconds}"
        for key, seconds in wanted.items()
        if given.get(key) != seconds
    ]
    found += [f"told of no record: {key}" for key in given.keys() - wanted.keys()]
    return found + [f"not marked as told: {row['allocation_id']}" for row in records if row["delivered_at"] is None]


def notice_findings(
    events: Iterable[Row], kept: Sequence[Row], granted_otherwise: Collection[str], sent: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Each fact that a user is told is kept once and sent once.

    Args:
        events: Rows of the outbox.
        kept: Rows of notifications.
        granted_otherwise: Allocations that came of a wait or a reservation, whose own notices tell them.
        sent: What the notification service sent, with the notification's id as key.
    """
    told_types = {entry.event for entry in CATALOGUE.values()}
    wanted: set[tuple[str, str]] = set()
    for event in events:
        if event["type"] not in told_types:
            continue
        notice = notice_of({"id": event["event_id"], "type": event["type"], "data": event["data"]})
        if notice.grant is None or notice.grant not in granted_otherwise:
            wanted.add((notice.fact, notice.type))
    got = Counter((row["fact"], row["type"]) for row in kept)
    found = [f"kept {got[fact]} times: {fact}" for fact in wanted if got[fact] != 1]
    found += [f"kept for no event: {fact}" for fact in got.keys() - wanted]
    sends = Counter(str(entry["key"]) for entry in sent)
    ids = {row["id"] for row in kept}
    found += [f"sent {sends[one]} times: {one}" for one in ids if sends[one] != 1]
    found += [f"sent and not kept: {one}" for one in sends.keys() - ids]
    return found + [f"not marked as told: {row['id']}" for row in kept if row["told_at"] is None]


def everything(
    database: Database,
    incidents: Sequence[Incident],
    billed: Sequence[Mapping[str, Any]],
    sent: Sequence[Mapping[str, Any]],
) -> dict[str, list[str]]:
    """Read the rows, and name what is wrong, by what it concerns."""
    records = database.rows("SELECT u.*, u.allocation_id::text AS allocation_id FROM usage_records u", {})
    allocations = database.rows("SELECT a.*, a.id::text AS id FROM device_allocations a", {})
    kept = database.rows("SELECT n.*, n.id::text AS id FROM notifications n", {})
    events = database.rows("SELECT event_id::text AS event_id, type, data FROM outbox ORDER BY id", {})
    otherwise = {row["id"] for row in allocations if row["reservation_id"] is not None}
    return {
        "bills": bill_findings(allocations, records),
        "credits": credit_findings(allocations, records, incidents),
        "billing service": told_findings(records, billed),
        "notices": notice_findings(events, kept, otherwise, sent),
    }
