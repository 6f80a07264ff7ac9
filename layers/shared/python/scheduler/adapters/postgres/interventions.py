"""device_allocations taken from their holders: moved to another device, or revoked; and what is told of devices."""

from collections.abc import Sequence
from typing import Any

from scheduler.adapters.postgres.allocations import ENDED_COLUMNS, canonical_uuid, ended_from, terms_row, wants_row
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.incoming import EventMark
from scheduler.domain.model import DeviceStatus, DeviceWants, EndedAllocation, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.ports.interventions import FailoverOrder, Holder


class PostgresInterventions:
    """The routines settle the races; see routines/fail_over.sql, revoke_user.sql and note_device_status.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def holder(self, allocation_id: str) -> Holder | None:
        """Tell who holds an active allocation, and what she asked of the device."""
        rows = self._database.rows(
            "SELECT tenant_id, user_id, (wants).device_type, (wants).min_cpu, (wants).min_memory_mb,"
            " (wants).min_storage_mb FROM device_allocations WHERE id = %(id)s::uuid AND status = 'allocated'",
            {"id": canonical_uuid(allocation_id)},
        )
        if not rows:
            return None
        row = rows[0]
        wants = DeviceWants(row["device_type"], row["min_cpu"], row["min_memory_mb"], row["min_storage_mb"])
        return Holder(User(row["tenant_id"], row["user_id"]), wants)

    def holder_of_device(self, device_id: str) -> str | None:
        """Give the id of the active allocation of a device."""
        found: str | None = self._database.call(
            "SELECT id::text FROM device_allocations WHERE device_id = %(device)s AND status = 'allocated'",
            {"device": device_id},
        )
        return found

    def fail_over(self, order: FailoverOrder, terms: QuotaTerms, *, may_move: bool, last_attempt: bool) -> Facts:
        """Move the allocation to another device in one round trip, or end it; an event is closed with it."""
        facts: Facts = self._database.call(
            "SELECT fail_over(%(id)s::uuid, %(reason)s, %(lost_since)s::timestamptz, %(is_failure)s,"
            " %(terms)s::quota_terms, %(may_move)s, %(last_attempt)s, %(key)s::request_key, %(event)s::incoming_event)",
            {
                "id": canonical_uuid(order.allocation_id),
                "reason": order.reason,
                "lost_since": order.lost_since,
                "is_failure": order.is_failure,
                "terms": terms_row(terms),
                "may_move": may_move,
                "last_attempt": last_attempt,
                "key": key_row(order.key),
                "event": mark_row(order.mark) or (None, None, order.device_id, None),
            },
        )
        return facts

    def reap(self, holder: Holder) -> Sequence[EndedAllocation]:
        """End overdue allocations of devices that would serve the holder; at most 20."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS} FROM reap_overdue(%(tenant)s, %(user)s, %(wants)s::device_wants)",
            {
                "tenant": holder.user.tenant_id,
                "user": holder.user.user_id,
                "wants": wants_row(holder.wants),
            },
        )
        return [ended_from(row) for row in rows]

    def revoke(self, allocation_id: str, reason: str, key: RequestKey | None) -> Facts:
        """End one active allocation for an operator."""
        facts: Facts = self._database.call(
            "SELECT revoke_allocation(%(id)s::uuid, %(reason)s, %(key)s::request_key)",
            {"id": canonical_uuid(allocation_id), "reason": reason, "key": key_row(key)},
        )
        return facts

    def note_status(self, mark: EventMark, device_id: str, status: DeviceStatus) -> Facts:
        """Take over the status that is told of a device, and name the allocation that it can serve no longer."""
        return self._note(mark, device_id, status, None, None)

    def note_deleted(self, mark: EventMark, device_id: str, reason: str) -> Facts:
        """Take a device off the fleet, and name the allocation that it served."""
        return self._note(mark, device_id, DeviceStatus.STOPPED, "deleted", reason)

    def _note(
        self, mark: EventMark, device_id: str, status: DeviceStatus, life: str | None, reason: str | None
    ) -> Facts:
        facts: Facts = self._database.call(
            "SELECT note_device_status(%(event)s::incoming_event, %(device)s, %(status)s, %(life)s, %(reason)s)",
            {"event": mark_row(mark), "device": device_id, "status": status, "life": life, "reason": reason},
        )
        return facts


def mark_row(mark: EventMark | None) -> tuple[Any, ...] | None:
    """Give the incoming_event argument of a routine."""
    return None if mark is None else (mark.id, mark.family, mark.subject, mark.at)
