"""Small histories made by hand: each call adds what a correct system would have left, for a test to spoil."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fault.history import (
    AllocationRow,
    Effect,
    EventRow,
    Evidence,
    KeyRow,
    Kind,
    Operation,
    Received,
    UsageRow,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TENANT = "acme"
HALF_HOUR = timedelta(minutes=30)
_ENDS = {
    "released": "device.released",
    "expired": "scheduler.allocation.expired",
    "revoked": "scheduler.allocation.revoked",
}


@dataclass
class Story:
    """Tells of users and phones, one thing after another, a second each."""

    evidence: Evidence = field(default_factory=Evidence)
    seconds: int = 0
    _tokens: Counter[str] = field(default_factory=Counter)
    _usage: dict[str, int] = field(default_factory=dict)

    def granted(self, user: str, device: str, **changes: Any) -> AllocationRow:
        """A user was lent a device, and the row, the event and the ledger say so."""
        at = self._tick()
        self._tokens[device] += 1
        token = self._tokens[device]
        number = len(self.evidence.allocations)
        row = AllocationRow(
            f"allocation-{number}", device, TENANT, user, "allocated", at, at + HALF_HOUR, None, token, 2, 2048, 16384
        )
        row = replace(row, **changes)
        self.evidence.allocations.append(row)
        self._event("device.allocated", row)
        self._count(row, 1)
        return row

    def ended(self, row: AllocationRow, status: str = "released") -> AllocationRow:
        """It ended."""
        at = self._tick()
        if status == "expired":
            self.seconds += 1800
            at = self._tick()
        row = self.change(row, status=status, released_at=at)
        self._event(_ENDS[status], row)
        self._count(row, -1)
        return row

    def allocate(self, user: str, device: str, **changes: Any) -> AllocationRow:
        """A user asked, was lent a device, and was told."""
        row = self.granted(user, device)
        self.asked(Kind.ALLOCATE, user, {"userId": user}, status=201, answer={"data": told(row)}, **changes)
        return row

    def release(self, row: AllocationRow, body: Mapping[str, Any] | None = None, **changes: Any) -> AllocationRow:
        """Its holder gave it back, and was told."""
        started = self._clock_ns()
        row = self.ended(row)
        given = {"deviceId": row.device_id, "userId": row.user, "allocationId": row.id} if body is None else body
        seconds = int((row.released_at - row.allocated_at).total_seconds())  # type: ignore[operator]  # it has ended
        answer = {"data": {"deviceId": row.device_id, "durationSeconds": seconds}}
        self.asked(
            Kind.RELEASE, row.user, given, **({"status": 200, "answer": answer, "started_ns": started} | changes)
        )
        return row

    def asked(self, kind: Kind, user: str, body: Mapping[str, Any], **fields: Any) -> Operation:
        """A client asked; without a status it was never answered."""
        ended = self._clock_ns()
        number, times = len(self.evidence.operations), {"started_ns": ended - 900_000_000, "ended_ns": ended}
        operation = Operation(number, 0, kind, TENANT, user, body=body, **times | fields)
        self.evidence.operations.append(operation)
        return operation

    def refused(self, kind: Kind, user: str, status: int, code: str, **fields: Any) -> Operation:
        """A client asked and was refused."""
        answer = {"code": code, "retryable": fields.pop("retryable", False)}
        self._tick()
        return self.asked(kind, user, {"userId": user}, status=status, answer=answer, **fields)

    def kept(self, key: str, answer: Mapping[str, Any]) -> None:
        """The database kept an answer."""
        self.evidence.keys.append(KeyRow(TENANT, key, answer))

    def delivered(self) -> None:
        """Every event was published, received and applied."""
        evidence = self.evidence
        evidence.events = [replace(event, published=True) for event in evidence.events]
        evidence.received = [
            Received(place, event.event_id, event.type, event.group, event.data)
            for place, event in enumerate(evidence.events)
        ]
        evidence.effects = [
            Effect(
                event.event_id,
                event.data["tenantId"],
                event.data["userId"],
                "increment" if event.type == "device.allocated" else "decrement",
                event.data["deviceId"],
            )
            for event in evidence.events
        ]

    def change(self, row: AllocationRow, **changes: Any) -> AllocationRow:
        """Change a row, here and in the evidence."""
        changed = replace(row, **changes)
        self.evidence.allocations[int(row.id.removeprefix("allocation-"))] = changed
        return changed

    def forget(self, field_name: str, unwanted: Callable[[Any], bool]) -> None:
        """Take pieces of evidence away."""
        kept = [item for item in getattr(self.evidence, field_name) if not unwanted(item)]
        setattr(self.evidence, field_name, kept)

    def _tick(self) -> datetime:
        self.seconds += 1
        return NOON + timedelta(seconds=self.seconds)

    def _clock_ns(self) -> int:
        return self.seconds * 1_000_000_000 + 500_000_000

    def _event(self, type_: str, row: AllocationRow) -> None:
        data: dict[str, Any] = {
            "allocationId": row.id,
            "deviceId": row.device_id,
            "userId": row.user,
            "tenantId": row.tenant,
        }
        number = len(self.evidence.events)
        if type_ == "device.allocated":
            data |= {"fencingToken": row.fencing_token}
        event = EventRow(number, f"event-{number}", type_, row.device_id, row.tenant, data, published=False)
        self.evidence.events.append(event)

    def _count(self, row: AllocationRow, by: int) -> None:
        place = self._usage.setdefault(row.user, len(self._usage))
        if place == len(self.evidence.usage):
            self.evidence.usage.append(UsageRow(TENANT, row.user, 0, 0, 0, 0))
        used = self.evidence.usage[place]
        self.evidence.usage[place] = replace(
            used,
            devices=used.devices + by,
            cpu_cores=used.cpu_cores + by * row.cpu_cores,
            memory_mb=used.memory_mb + by * row.memory_mb,
            storage_mb=used.storage_mb + by * row.storage_mb,
        )


def told(row: AllocationRow) -> dict[str, Any]:
    """Give what the client of a grant is told."""
    return {
        "allocationId": row.id,
        "deviceId": row.device_id,
        "tenantId": row.tenant,
        "userId": row.user,
        "fencingToken": row.fencing_token,
        "expiresAt": row.expires_at.isoformat().replace("+00:00", "Z"),
        "adbHost": "127.0.0.1",
    }
