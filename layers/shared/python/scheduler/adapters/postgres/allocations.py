"""device_allocations: the hot calls, and how allocations are looked up."""

import uuid
from collections.abc import Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.caps import cap_parameters, under_cap
from scheduler.adapters.postgres.connection import Database, Row
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.caps import NO_CAPS, Capped, Caps
from scheduler.domain.model import (
    Allocation,
    AllocationFilter,
    AllocationRequest,
    AllocationStatus,
    AllocationTotals,
    DeviceWants,
    EndedAllocation,
    ReleaseRequest,
    User,
)
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms


class PostgresAllocations:
    """Lends, ends and finds allocations. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database, caps: Caps = NO_CAPS) -> None:
        """Work on one connection."""
        self._database = database
        self._cap = caps.allocations

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Claim a device in one round trip; the facts tell what happened, `outcome` says what they mean."""
        claim = (
            "claim_device(%(tenant)s, %(user)s, %(wants)s::device_wants, %(terms)s::quota_terms, %(minutes)s,"
            " %(metadata)s, %(key)s::request_key, %(last_attempt)s, %(waits)s)"
        )
        facts: Facts = self._database.call(
            f"SELECT {under_cap(Capped.ALLOCATIONS, self._cap, claim)}{'' if terms.may_explore else _UNEXPLORING}",
            cap_parameters(self._cap)
            | {
                "tenant": request.user.tenant_id,
                "user": request.user.user_id,
                "wants": wants_row(request.wants),
                "terms": terms_row(terms),
                "minutes": request.minutes,
                "metadata": None if request.metadata is None else Json(request.metadata),
                "key": key_row(request.key),
                "last_attempt": last_attempt,
                "waits": request.waits,
            },
        )
        return facts

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """End overdue allocations of the user, and of devices that would serve the request; at most 20."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS} FROM reap_overdue(%(tenant)s, %(user)s, %(wants)s::device_wants)",
            {
                "tenant": request.user.tenant_id,
                "user": request.user.user_id,
                "wants": wants_row(request.wants),
            },
        )
        return [ended_from(row) for row in rows]

    def release(self, request: ReleaseRequest) -> Facts:
        """Release in one round trip; a late release is stopped by allocation id and fencing token."""
        facts: Facts = self._database.call(
            "SELECT release_device(%(tenant)s, %(user)s, %(device)s, %(allocation)s::uuid, %(fence)s,"
            " %(key)s::request_key)",
            {
                "tenant": request.tenant_id,
                "user": request.user_id,
                "device": request.device_id,
                "allocation": request.allocation_id,
                "fence": request.fencing_token,
                "key": key_row(request.key),
            },
        )
        return facts

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` overdue allocations; each is decided again under its locks."""
        rows = self._database.rows(f"SELECT {ENDED_COLUMNS} FROM expire_due(%(limit)s)", {"limit": limit})
        return [ended_from(row) for row in rows]

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Delete up to `limit` allocations that ended before the retention; active ones are never touched."""
        deleted: int = self._database.call(
            "SELECT delete_ended(%(days)s, %(limit)s)", {"days": retention_days, "limit": limit}
        )
        return deleted

    def find(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> Allocation | None:
        """Find one allocation; the device's address only while it is active."""
        canonical = canonical_uuid(allocation_id)
        if canonical is None:
            return None
        rows = self._database.rows(
            f"SELECT {_COLUMNS}, d.adb_host, d.adb_port"
            " FROM device_allocations a LEFT JOIN devices d ON d.id = a.device_id"
            " WHERE a.id = %(id)s::uuid AND (%(tenant)s::text IS NULL OR a.tenant_id = %(tenant)s)"
            " AND (%(user)s::text IS NULL OR a.user_id = %(user)s)",
            {"id": canonical, "tenant": tenant_id, "user": user_id},
        )
        return _allocation(rows[0]) if rows else None

    def page(self, wanted: AllocationFilter) -> Sequence[Allocation]:
        """List newest first by keyset: the order is an index's, whichever filter leads; only the page joins devices."""
        by_status = wanted.user_id is None and wanted.device_id is None
        conditions, parameters = _page_conditions(wanted, by_status=by_status)
        newest = (
            f"SELECT a.* FROM device_allocations a WHERE {' AND '.join(conditions) or 'true'}"
            " ORDER BY a.allocated_at DESC, a.id DESC LIMIT %(limit)s"
        )
        if by_status:
            newest = _NEWEST_BY_STATUS.format(newest=newest)
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM ({newest}) a LEFT JOIN devices d ON d.id = a.device_id"
            " ORDER BY a.allocated_at DESC, a.id DESC",
            parameters,
        )
        return [_allocation(row) for row in rows]

    def totals(self, tenant_id: str | None) -> AllocationTotals:
        """Sum the sharded counters; the allocations themselves are not counted."""
        (row,) = self._database.rows(
            "SELECT coalesce(sum(granted), 0)::bigint AS granted, coalesce(sum(released), 0)::bigint AS released,"
            " coalesce(sum(expired), 0)::bigint AS expired, coalesce(sum(revoked), 0)::bigint AS revoked,"
            " (SELECT count(*) FROM devices WHERE status = 'running' AND life = 'in_service') AS running_devices,"
            " (SELECT name FROM placement_strategy) AS strategy"
            " FROM allocation_counters WHERE %(tenant)s::text IS NULL OR tenant_id = %(tenant)s",
            {"tenant": tenant_id},
        )
        return AllocationTotals(**row)


ENDED_COLUMNS = "id::text, device_id, tenant_id, user_id, status, duration_seconds"
_COLUMNS = (
    "a.id::text, a.device_id, a.tenant_id, a.user_id, a.status, a.allocated_at, a.expires_at, a.released_at,"
    " a.duration_minutes, a.duration_seconds, a.fencing_token, a.metadata,"
    " a.renewal_count, a.last_renewed_at,"
    " coalesce(d.name, a.device_id) AS device_name, coalesce(d.status, 'deleted') AS device_status"
)

# Evaluated before what is selected, and for this transaction only; others pay nothing for it.
_UNEXPLORING = " FROM set_config('app.explores', 'no', true)"

# Where only tenant and time lead, indexes begin with the status: the newest of each status, then the newest of those.
_NEWEST_BY_STATUS = (
    "SELECT a.* FROM unnest(%(statuses)s) kind (status) CROSS JOIN LATERAL ({newest}) a"
    " ORDER BY a.allocated_at DESC, a.id DESC LIMIT %(limit)s"
)


def canonical_uuid(text: str) -> str | None:
    """Give the one form that Postgres reads too: Python also takes URNs, and dashes anywhere."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _page_conditions(wanted: AllocationFilter, *, by_status: bool) -> tuple[list[str], dict[str, Any]]:
    after_at, after_id = wanted.after or (None, None)
    filters: list[tuple[str, Any]] = [
        ("a.tenant_id = %(tenant)s", wanted.tenant_id),
        ("a.user_id = %(user)s", wanted.user_id),
        ("a.device_id = %(device)s", wanted.device_id),
        ("a.status = kind.status" if by_status else "a.status = %(status)s", True if by_status else wanted.status),
        ("a.allocated_at >= %(since)s", wanted.since),
        ("a.allocated_at < %(until)s", wanted.until),
        ("(a.allocated_at, a.id) < (%(after_at)s, %(after_id)s::uuid)", after_at),
    ]
    parameters = {
        "tenant": wanted.tenant_id,
        "user": wanted.user_id,
        "device": wanted.device_id,
        "status": wanted.status,
        "statuses": [wanted.status] if wanted.status else list(AllocationStatus),
        "since": wanted.since,
        "until": wanted.until,
        "after_at": after_at,
        "after_id": after_id,
        "limit": wanted.limit + 1,
    }
    return [condition for condition, value in filters if value is not None], parameters


def wants_row(wants: DeviceWants) -> tuple[Any, ...]:
    """Give the device_wants argument of a routine."""
    return (wants.device_type, wants.min_cpu, wants.min_memory_mb, wants.min_storage_mb)


def terms_row(terms: QuotaTerms) -> tuple[Any, ...]:
    """Give the quota_terms argument of a routine."""
    limits = terms.limits
    return (
        terms.refusal,
        terms.valid_until,
        limits.devices,
        limits.device_cpu_cores,
        limits.device_memory_mb,
        limits.device_storage_mb,
        limits.cpu_cores,
        limits.memory_mb,
        limits.storage_mb,
    )


def ended_from(row: Row) -> EndedAllocation:
    """Read what an end gave back, from a row of `ENDED_COLUMNS`."""
    return EndedAllocation(
        id=row["id"],
        device_id=row["device_id"],
        user=User(row["tenant_id"], row["user_id"]),
        status=AllocationStatus(row["status"]),
        duration_seconds=row["duration_seconds"],
    )


def _allocation(row: Row) -> Allocation:
    status = AllocationStatus(row["status"])
    active = status is AllocationStatus.ALLOCATED
    return Allocation(
        id=row["id"],
        device_id=row["device_id"],
        device_name=row["device_name"],
        device_status=row["device_status"],
        user=User(row["tenant_id"], row["user_id"]),
        status=status,
        allocated_at=row["allocated_at"],
        expires_at=row["expires_at"],
        duration_minutes=row["duration_minutes"],
        fencing_token=row["fencing_token"],
        adb_host=row.get("adb_host") if active else None,
        adb_port=row.get("adb_port") if active else None,
        released_at=row["released_at"],
        duration_seconds=row["duration_seconds"],
        metadata=row["metadata"],
        renewal_count=row["renewal_count"],
        last_renewed_at=row["last_renewed_at"],
    )
