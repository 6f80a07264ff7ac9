"""Wires the look at what operators did."""

from functools import lru_cache

from scheduler.adapters.postgres.audit_log import PostgresAuditLog
from scheduler.runtime import database
from scheduler.service.audit_log import AuditLog


@lru_cache(maxsize=1)
def get_audit_log() -> AuditLog:
    """Wire GET /audit-log."""
    return AuditLog(PostgresAuditLog(database()))
