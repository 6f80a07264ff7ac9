"""audit_log: what operators changed. Triggers write it; see the migration."""

from collections.abc import Sequence
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.audit_log import AuditEntry, AuditLogFilter, Change, EntityKind

_COLUMNS = "id::text, at, operator, route, correlation_id, kind, entity_id, tenant_id, change, before, after"


class PostgresAuditLog:
    """Lists entries."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def page(self, wanted: AuditLogFilter) -> Sequence[AuditEntry]:
        """List newest first by keyset."""
        after_at, after_id = wanted.after or (None, None)
        filters: list[tuple[str, Any]] = [
            ("operator = %(operator)s", wanted.operator),
            ("kind = %(kind)s", wanted.kind),
            ("entity_id = %(entity)s", wanted.entity_id),
            ("at >= %(since)s", wanted.since),
            ("at < %(until)s", wanted.until),
            ("(at, id) < (%(after_at)s, %(after_id)s::uuid)", after_at),
        ]
        conditions = " AND ".join(condition for condition, value in filters if value) or "true"
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM audit_log WHERE {conditions}"
            " ORDER BY audit_log.at DESC, audit_log.id DESC LIMIT %(limit)s",
            {
                "operator": wanted.operator,
                "kind": wanted.kind,
                "entity": wanted.entity_id,
                "since": wanted.since,
                "until": wanted.until,
                "after_at": after_at,
                "after_id": after_id,
                "limit": wanted.limit + 1,
            },
        )
        return [AuditEntry(**row | {"kind": EntityKind(row["kind"]), "change": Change(row["change"])}) for row in rows]
