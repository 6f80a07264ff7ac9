"""Small histories made by hand: each call adds what a correct system would have left, for a test to spoil."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fault.history import (
    AllocationRow,
    Effect,
    EntryRow,
    EventRow,
    Evidence,
    KeyRow,
    Kind,
    Operation,
    Received,
    RenewalRow,
    ReservationRow,
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

    def renewed(self, row: AllocationRow, minutes: int = 10) -> RenewalRow:
        """It has a later end."""
        number = 1 + sum(renewal.allocation_id == row.id for renewal in self.evidence.renewals)
        row = next(found for found in self.evidence.allocations if found.id == row.id)
        until = row.expires_at + timedelta(minutes=minutes)
        renewal = RenewalRow(row.id, number, self._tick(), minutes, row.expires_at, until)
        self.evidence.renewals.append(renewal)
        self._event("scheduler.allocation.renewed", self.change(row, expires_at=renewal.new_expires_at))
        return renewal

    def renew(self, row: AllocationRow, minutes: int = 10, **changes: Any) -> RenewalRow:
        """Its holder asked for a later end, and was told."""
        renewal = self.renewed(row, minutes)
        body = {"allocationId": row.id, "additionalMinutes": minutes}
        self.asked(Kind.RENEW, row.user, body, **{"status": 200, "answer": {"data": renewal_told(renewal)}} | changes)
        return renewal

    def reserved(self, user: str, device: str, **changes: Any) -> ReservationRow:
        """A device was promised for half an hour from an hour on."""
        at, number = self._tick(), len(self.evidence.reservations)
        start = at + timedelta(hours=1)
        row = ReservationRow(
            f"reservation-{number}", TENANT, user, device, "pending", start, start + HALF_HOUR, at, None, None
        )
        row = replace(row, **changes)
        self.evidence.reservations.append(row)
        self._promise_event("reservation.created", row)
        return row

    def reserve(self, user: str, device: str, **changes: Any) -> ReservationRow:
        """A user asked for it, and was told."""
        row = self.reserved(user, device, **changes)
        self.asked(Kind.RESERVE, user, {"userId": user}, status=201, answer={"data": {"reservationId": row.id}})
        return row

    def move(self, row: ReservationRow, device: str) -> ReservationRow:
        """Another device was promised in its place."""
        self._tick()
        row = self.change_promise(row, device_id=device)
        self._promise_event("reservation.updated", row)
        return row

    def executed(self, row: ReservationRow) -> AllocationRow:
        """Its time has come, and its owner was lent the device."""
        self.seconds = max(self.seconds, int((row.starts_at - NOON).total_seconds()))
        lent = self.granted(row.user, row.device_id, expires_at=row.ends_at, reservation_id=row.id)
        row = self.change_promise(row, status="executing", executed_at=lent.allocated_at, allocation_id=lent.id)
        self._promise_event("reservation.executed", row)
        return lent

    def joined(self, user: str, **changes: Any) -> EntryRow:
        """A user got into line."""
        at, number = self._tick(), len(self.evidence.entries)
        row = EntryRow(
            f"entry-{number}", TENANT, user, "waiting", at.timestamp(), 30, at, at + HALF_HOUR, None, None, None
        )
        row = replace(row, **changes)
        self.evidence.entries.append(row)
        self._promise_event("queue.joined", row)
        return row

    def join(self, user: str, **changes: Any) -> EntryRow:
        """A user asked for it, and was told."""
        row = self.joined(user, **changes)
        self.asked(Kind.JOIN, user, {"userId": user}, status=201, answer={"data": {"id": row.id}})
        return row

    def served(self, row: EntryRow, device: str) -> AllocationRow:
        """Her wait ended with a device."""
        lent = self.granted(row.user, device)
        self.change_promise(
            row, status="fulfilled", ended_at=lent.allocated_at, allocation_id=lent.id, device_id=lent.device_id
        )
        self._promise_event("queue.fulfilled", row)
        return lent

    def given_up[Row: (ReservationRow, EntryRow)](self, row: Row, *, status: int | None = 200) -> Row:
        """Its owner cancelled it, and was told if there is a status."""
        ended = {"ended_at": self._tick()} if isinstance(row, EntryRow) else {}
        changed = self.change_promise(row, status="cancelled", **ended)
        self._promise_event(f"{'queue' if ended else 'reservation'}.cancelled", row)
        kind, name = (Kind.CANCEL_WAIT, "entryId") if ended else (Kind.CANCEL_RESERVATION, "reservationId")
        self.asked(
            kind,
            row.user,
            {name: row.id},
            status=status,
            answer={"data": {name.replace("entryId", "id"): row.id}} if status else {},
        )
        return changed

    def change_promise[Row: (ReservationRow, EntryRow)](self, row: Row, **changes: Any) -> Row:
        """Change a reservation or an entry, here and in the evidence."""
        rows: list[Any] = self.evidence.entries if isinstance(row, EntryRow) else self.evidence.reservations
        place = int(row.id.rpartition("-")[2])
        rows[place] = replace(rows[place], **changes)
        changed: Row = rows[place]
        return changed

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
            if "fencingToken" in event.data or event.type in _ENDS.values()
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

    def _promise_event(self, what: str, row: ReservationRow | EntryRow) -> None:
        number, data = len(self.evidence.events), {"userId": row.user, "tenantId": row.tenant}
        if isinstance(row, ReservationRow):
            window = {"startTime": row.starts_at.isoformat(), "endTime": row.ends_at.isoformat()}
            data |= {"reservationId": row.id, "deviceId": row.device_id} | window
        event = EventRow(
            number, f"event-{number}", f"scheduler.{what}", f"{row.tenant}|{row.user}", row.tenant, data,
            published=False, subject=row.id, occurred_at=NOON + timedelta(seconds=self.seconds),
        )  # fmt: skip
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


def renewal_told(renewal: RenewalRow) -> dict[str, Any]:
    """Give what the client of a renewal is told."""
    return {
        "oldExpiresAt": renewal.old_expires_at.isoformat(),
        "newExpiresAt": renewal.new_expires_at.isoformat(),
        "additionalMinutes": renewal.additional_minutes,
        "renewalCount": renewal.number,
    }
