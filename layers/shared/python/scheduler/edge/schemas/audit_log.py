"""What operators did, on the wire."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.audit_log import AuditEntry, Change, EntityKind
from scheduler.edge.fields import Instant, View


class AuditEntryView(View):
    """One row that an operator's request changed; several of one request share its `correlationId`."""

    id: str
    at: Instant
    operator: Annotated[str, Meta(description="subject of the operator's token")]
    route: Annotated[str | None, Meta(description="method and path of the request")]
    correlationId: str | None
    entity: EntityKind
    entityId: str
    tenantId: Annotated[str | None, Meta(description="whose it is; null: the platform's")]
    act: Change
    before: Annotated[dict[str, Any] | None, Meta(description="the changed columns, by their names in the database")]
    after: Annotated[dict[str, Any] | None, Meta(description="as `before`; secrets are in neither")]

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Show an entry."""
        return cls(
            id=entry.id,
            at=entry.at,
            operator=entry.operator,
            route=entry.route,
            correlationId=entry.correlation_id,
            entity=entry.kind,
            entityId=entry.entity_id,
            tenantId=entry.tenant_id,
            act=entry.change,
            before=None if entry.before is None else dict(entry.before),
            after=None if entry.after is None else dict(entry.after),
        )
