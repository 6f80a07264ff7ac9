"""queue_entries: who waits for a device, how waits end, and who is served next."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.allocations import canonical_uuid, terms_row, wants_row
from scheduler.adapters.postgres.caps import cap_parameters, under_cap
from scheduler.adapters.postgres.connection import Database, Row
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.caps import NO_CAPS, Capped, Caps
from scheduler.domain.model import DeviceWants, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import (
    EndedWait,
    EntryStatus,
    QueueEntry,
    QueueFilter,
    QueueRequest,
    Tier,
    WaitFigures,
)
from scheduler.domain.quota import QuotaTerms


class PostgresQueue:
    """Keeps the line. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database, caps: Caps = NO_CAPS) -> None:
        """Work on one connection."""
        self._database = database
        self._cap = caps.waits

    def join(self, request: QueueRequest, terms: QuotaTerms, tier: Tier, head_start_seconds: int) -> Facts:
        """Put a user in line in one round trip; her place follows from the database's clock and her tier."""
        join = (
            "join_queue(%(tenant)s, %(user)s, %(wants)s::device_wants, %(terms)s::quota_terms, %(minutes)s,"
            " %(max_wait)s, %(tier)s, %(head_start)s, %(metadata)s, %(key)s::request_key)"
        )
        facts: Facts = self._database.call(
            f"SELECT {under_cap(Capped.WAITS, self._cap, join)}",
            cap_parameters(self._cap)
            | {
                "tenant": request.user.tenant_id,
                "user": request.user.user_id,
                "wants": wants_row(request.wants),
                "terms": terms_row(terms),
                "minutes": request.minutes,
                "max_wait": request.max_wait_minutes,
                "tier": tier,
                "head_start": head_start_seconds,
                "metadata": None if request.metadata is None else Json(dict(request.metadata)),
                "key": key_row(request.key),
            },
        )
        return facts

    def cancel(self, entry_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """End a wait, unless it has ended."""
        canonical = canonical_uuid(entry_id)
        if canonical is None:
            return {"outcome": "entry_not_found"}
        facts: Facts = self._database.call(
            "SELECT cancel_wait(%(tenant)s, %(user)s, %(entry)s::uuid, %(key)s::request_key)",
            {"tenant": tenant_id, "user": user_id, "entry": canonical, "key": key_row(key)},
        )
        return facts

    def find(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> QueueEntry | None:
        """Find one entry, with its place while it waits."""
        canonical = canonical_uuid(entry_id)
        if canonical is None:
            return None
        rows = self._database.rows(
            f"SELECT {_COLUMNS}, CASE e.status WHEN 'waiting' THEN"
            " (SELECT place FROM line_places(ARRAY[e.id])) END AS position"
            " FROM queue_entries e WHERE e.id = %(id)s::uuid AND (%(tenant)s::text IS NULL OR e.tenant_id = %(tenant)s)"
            " AND (%(user)s::text IS NULL OR e.user_id = %(user)s)",
            {"id": canonical, "tenant": tenant_id, "user": user_id},
        )
        return _entry(rows[0]) if rows else None

    def page(self, wanted: QueueFilter) -> Sequence[QueueEntry]:
        """List newest first by keyset; places come from one pass over the line, when any of the page waits."""
        after_at, after_id = wanted.after or (None, None)
        by_status = wanted.user_id is None
        filters: list[tuple[str, Any]] = [
            ("e.tenant_id = %(tenant)s", wanted.tenant_id),
            ("e.user_id = %(user)s", wanted.user_id),
            ("e.status = kind.status" if by_status else "e.status = %(status)s", by_status or wanted.status),
            ("(e.joined_at, e.id) < (%(after_at)s, %(after_id)s::uuid)", after_at),
        ]
        conditions = [condition for condition, value in filters if value]
        newest = (
            f"SELECT e.* FROM queue_entries e WHERE {' AND '.join(conditions)}"
            " ORDER BY e.joined_at DESC, e.id DESC LIMIT %(limit)s"
        )
        if by_status:
            newest = _NEWEST_BY_STATUS.format(newest=newest)
        rows = self._database.rows(
            f"WITH page AS ({newest}), line AS (SELECT * FROM"
            " line_places(ARRAY(SELECT id FROM page WHERE status = 'waiting')))"
            f" SELECT {_COLUMNS}, line.place AS position FROM page e LEFT JOIN line ON line.entry_id = e.id"
            " ORDER BY e.joined_at DESC, e.id DESC",
            {
                "tenant": wanted.tenant_id,
                "user": wanted.user_id,
                "status": wanted.status,
                "statuses": [wanted.status] if wanted.status else list(EntryStatus),
                "after_at": after_at,
                "after_id": after_id,
                "limit": wanted.limit + 1,
            },
        )
        return [_entry(row) for row in rows]

    def figures(self, hours: int) -> Sequence[WaitFigures]:
        """Count waits by tier; the row of all comes with tier None."""
        rows = self._database.rows("SELECT * FROM queue_statistics(%(hours)s)", {"hours": hours})
        return [WaitFigures(**row) for row in rows]

    def length(self) -> int:
        """Count who waits, by the index of the line."""
        waiting: int = self._database.call("SELECT line_length()", {})
        return waiting

    def serve_next(self, passed: Collection[str], fresh_seconds: int) -> Facts:
        """Serve one waiter; with her grant come her entry, tier and `waitedSeconds`."""
        facts: Facts = self._database.call(
            "SELECT serve_next(%(passed)s::uuid[], %(fresh)s)", {"passed": list(passed), "fresh": fresh_seconds}
        )
        return facts

    def refresh(self, entry_id: str, terms: QuotaTerms) -> None:
        """Keep fresh terms with a waiting entry."""
        self._database.call(
            "SELECT refresh_terms(%(entry)s::uuid, %(terms)s::quota_terms)",
            {"entry": entry_id, "terms": terms_row(terms)},
        )

    def expire(self, limit: int) -> Sequence[EndedWait]:
        """End waits whose time is over; each is decided again under its locks."""
        rows = self._database.rows(
            "SELECT id::text, tenant_id, user_id, tier,"
            " extract(epoch FROM ended_at - joined_at)::float AS waited_seconds FROM expire_waits(%(limit)s)",
            {"limit": limit},
        )
        return [
            EndedWait(row["id"], User(row["tenant_id"], row["user_id"]), row["tier"], row["waited_seconds"])
            for row in rows
        ]

    def hold(self, after_minutes: int) -> Facts:
        """Keep a device for the first of the line who needs that."""
        facts: Facts = self._database.call("SELECT hold_device(%(minutes)s)", {"minutes": after_minutes})
        return facts

    def drop_holds(self, limit: int) -> int:
        """Free held devices that cannot serve their waiters."""
        dropped: int = self._database.call("SELECT drop_holds(%(limit)s)", {"limit": limit})
        return dropped

    def seconds_until_due(self) -> float | None:
        """Ask the database's clock, the only one that decides what is due."""
        seconds: float | None = self._database.call("SELECT seconds_until_due()", {})
        return seconds


# Where only tenant and time lead, indexes begin with the status: the newest of each status, then the newest of those.
_NEWEST_BY_STATUS = (
    "SELECT e.* FROM unnest(%(statuses)s) kind (status) CROSS JOIN LATERAL ({newest}) e"
    " ORDER BY e.joined_at DESC, e.id DESC LIMIT %(limit)s"
)
_COLUMNS = (
    "e.id::text, e.tenant_id, e.user_id, e.status, e.tier, (e.wants).device_type, (e.wants).min_cpu,"
    " (e.wants).min_memory_mb, (e.wants).min_storage_mb, e.duration_minutes, e.joined_at, e.expires_at, e.ended_at,"
    " e.allocation_id::text, e.device_id, e.metadata"
)


def _entry(row: Row) -> QueueEntry:
    return QueueEntry(
        id=row["id"],
        user=User(row["tenant_id"], row["user_id"]),
        status=EntryStatus(row["status"]),
        tier=row["tier"],
        wants=DeviceWants(row["device_type"], row["min_cpu"], row["min_memory_mb"], row["min_storage_mb"]),
        duration_minutes=row["duration_minutes"],
        joined_at=row["joined_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        position=row["position"],
        allocation_id=row["allocation_id"],
        device_id=row["device_id"],
        metadata=row["metadata"],
    )
