"""Look at what operators changed."""

from collections.abc import Sequence

from scheduler.domain.audit_log import AuditEntry, AuditLogFilter
from scheduler.ports.audit_log import AuditLogReader


class AuditLog:
    """Reads only: triggers write."""

    def __init__(self, entries: AuditLogReader) -> None:
        """Take where entries are looked up."""
        self._entries = entries

    def page(self, wanted: AuditLogFilter) -> tuple[Sequence[AuditEntry], bool]:
        """List entries newest first, and tell whether more follow."""
        found = self._entries.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit
