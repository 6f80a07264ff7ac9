"""What a look at operators' acts needs of where they are kept."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.audit_log import AuditEntry, AuditLogFilter


class AuditLogReader(Protocol):
    """Where operators' acts are looked up."""

    def page(self, wanted: AuditLogFilter) -> Sequence[AuditEntry]:
        """List one more than `wanted.limit`, newest first, so that the caller knows whether more follow."""
