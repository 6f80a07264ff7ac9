"""Proves that devices, allocations, quotas, events and counters tell one story: by the audit, and three things more."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.connection import Database
from tests.support.auditing import everything_found

ABOUT_TIME = {
    *("allocation overdue", "reservation waits", "wait overdue", "waiter passed over"),
    *("event waits", "transaction lasts", "too many sessions", "key without an answer"),
}
"""What tests that move the clock, hold locks or run no relay or dispatch break on purpose."""

BEYOND_THE_AUDIT = {
    "records are not what ended": """
        SELECT a.id::text, billing_fault(a) AS fault FROM device_allocations a
         WHERE a.status <> 'allocated' AND a.fencing_token > 0 AND billing_fault(a) IS NOT NULL""",
    "counters are not the count of rows": """
        SELECT 1 AS differs FROM
            (SELECT coalesce(sum(granted), 0) AS granted, coalesce(sum(released), 0) AS released,
                    coalesce(sum(expired), 0) AS expired FROM allocation_counters) c,
            (SELECT count(*) AS granted, count(*) FILTER (WHERE status = 'released') AS released,
                    count(*) FILTER (WHERE status = 'expired') AS expired FROM device_allocations) a
         WHERE (c.granted, c.released, c.expired) <> (a.granted, a.released, a.expired)""",
    "an import of an unknown device without its events": """
        SELECT a.id::text FROM device_allocations a JOIN outbox o ON o.data ->> 'allocationId' = a.id::text
         WHERE a.fencing_token = 0 GROUP BY a.id HAVING count(*) <> CASE a.status WHEN 'allocated' THEN 1 ELSE 2 END""",
}
"""True only of rows that no import and no cleanup has touched."""


def audited(database: Database) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Name what the audit finds, with the offending rows; empty when all is well."""
    found = everything_found(PostgresAudit(database, expire_rate_minutes=1))
    return {check: finding.rows for check, finding in found.items() if check not in ABOUT_TIME}


def disagreements(database: Database) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Name what does not agree, with the offending rows; empty when all does."""
    more = {what: database.rows(query, {}) for what, query in BEYOND_THE_AUDIT.items()}
    return {what: rows for what, rows in {**audited(database), **more}.items() if rows}


def assert_ledger_agrees(database: Database) -> None:
    """Fail with what does not agree."""
    assert disagreements(database) == {}
