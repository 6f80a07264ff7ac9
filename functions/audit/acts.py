"""GET /scheduler/audit-log: what operators changed, for operators."""

from typing import Annotated

from scheduler.domain.audit_log import AuditLogFilter, EntityKind
from scheduler.edge.answers import Page, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize, Time
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.audit_log import AuditEntryView
from scheduler.runtime.audit_log import get_audit_log
from scheduler.service.audit_log import AuditLog

routes = Routes()


@routes.get("/scheduler/audit-log", summary="List what operators changed", tags=["operations"])
def list_acts(
    log: Annotated[AuditLog, Given(get_audit_log)],
    operator: Annotated[Id | None, Query(description="the subject of her token")] = None,
    entity: Annotated[EntityKind | None, Query()] = None,
    entity_id: Annotated[Id | None, Query(alias="entityId")] = None,
    since: Annotated[Time | None, Query(alias="from")] = None,
    until: Annotated[Time | None, Query(alias="to")] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[AuditEntryView]]:
    """List changed rows newest first, each with its changed columns before and after. `from` and `to` bound `at`."""
    found, more = log.page(AuditLogFilter(operator, entity, entity_id, since, until, read_time_cursor(cursor), limit))
    follows = write_cursor(found[-1].at.isoformat(), found[-1].id) if more else None
    return ok(Page(data=[AuditEntryView.of(entry) for entry in found], meta=PageMeta(limit=limit, nextCursor=follows)))
