"""usage_records: what is billed, and what the billing service knows of it."""

from collections.abc import Sequence
from datetime import datetime

from psycopg2 import errors

from scheduler.adapters.postgres.connection import Database, Row
from scheduler.domain.billing import GroupBy, RecordKind, UsageFilter, UsageLine, UsageRecord
from scheduler.domain.errors import Unavailable, ValidationFailed
from scheduler.domain.model import User

_KEYS = {
    GroupBy.USER: "user_id",
    GroupBy.DEVICE: "device_id",
    GroupBy.DAY: "to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}
_NET = "CASE kind WHEN 'usage' THEN seconds ELSE - seconds END"


class PostgresUsageRecords:
    """Records on their way to the billing service, and their sums."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def untold(self, allocation_id: str) -> Sequence[UsageRecord]:
        """List records of an allocation that nobody acknowledged, each credit after what it takes from."""
        rows = self._database.rows(
            "SELECT allocation_id::text, segment, kind, tenant_id, user_id, device_id, device_name, cpu_cores,"
            " memory_mb, storage_mb, started_at, ended_at, seconds FROM usage_records"
            " WHERE allocation_id = %(allocation)s::uuid AND delivered_at IS NULL"
            " ORDER BY segment, kind DESC LIMIT 100",
            {"allocation": allocation_id},
        )
        return [_record(row) for row in rows]

    def mark_told(self, record: UsageRecord) -> None:
        """Note that a record was acknowledged; the first time counts."""
        self._database.call(
            "UPDATE usage_records SET delivered_at = (SELECT scheduler_clock())"
            " WHERE (allocation_id, segment, kind) = (%(allocation)s::uuid, %(segment)s, %(kind)s)"
            " AND delivered_at IS NULL",
            {"allocation": record.allocation_id, "segment": record.segment, "kind": record.kind},
        )

    def now(self) -> datetime:
        """Tell what time it is for the database."""
        now: datetime = self._database.call("SELECT scheduler_clock()", {})
        return now

    def page(self, wanted: UsageFilter) -> Sequence[UsageLine]:
        """Add up by an index on tenant and time, or on time for all tenants; one line more than asked for.

        Raises:
            ValidationFailed: The period holds more than can be added up within a statement's time.
        """
        after_tenant, after_key = wanted.after or (None, None)
        parameters = {
            "tenant": wanted.tenant_id,
            "since": wanted.period.since,
            "until": wanted.period.until,
            "after_tenant": after_tenant,
            "after_key": after_key,
            "limit": wanted.limit + 1,
        }
        try:
            rows = self._database.rows(_sums(wanted), parameters)
        except Unavailable as error:
            if isinstance(error.__cause__, errors.QueryCanceled):
                raise ValidationFailed(members={"errors": [_TOO_MUCH]}) from error
            raise
        return [UsageLine(**row | {"memory_mb_seconds": int(row["memory_mb_seconds"])}) for row in rows]


_TOO_MUCH = {"field": "from", "detail": "too many records to add up at once; ask for a shorter period"}


def _sums(wanted: UsageFilter) -> str:
    key = _KEYS[wanted.group_by]
    name = "max(device_name)" if wanted.group_by is GroupBy.DEVICE else "''"
    tenant = "" if wanted.tenant_id is None else "tenant_id = %(tenant)s AND "
    after = "" if wanted.after is None else f" AND (tenant_id, {key}) > (%(after_tenant)s, %(after_key)s)"
    return (
        f"SELECT tenant_id, {key} AS key, {name} AS device_name, count(DISTINCT allocation_id)::int AS allocations,"
        " coalesce(sum(seconds) FILTER (WHERE kind = 'usage'), 0)::bigint AS seconds,"
        " coalesce(sum(seconds) FILTER (WHERE kind = 'credit'), 0)::bigint AS credited_seconds,"
        f" sum(({_NET})::bigint * cpu_cores)::bigint AS cpu_core_seconds,"
        f" sum(({_NET})::bigint * memory_mb) AS memory_mb_seconds"
        f" FROM usage_records WHERE {tenant}ended_at >= %(since)s AND ended_at < %(until)s{after}"
        f" GROUP BY tenant_id, {key} ORDER BY tenant_id, {key} LIMIT %(limit)s"
    )


def _record(row: Row) -> UsageRecord:
    owner = User(row.pop("tenant_id"), row.pop("user_id"))
    return UsageRecord(**row | {"kind": RecordKind(row["kind"])}, user=owner)
