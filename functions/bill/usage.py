"""GET /scheduler/usage: what was billed, by user, device or day, as JSON or CSV."""

from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta
from msgspec.structs import asdict

from scheduler.domain.billing import GroupBy, UsageFilter, UsageLine, period_of
from scheduler.edge.answers import Page, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import not_a_cursor, read_key, read_time, write_cursor
from scheduler.edge.fields import Id, PageSize, Time
from scheduler.edge.http import caller
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.usage import UsageView, columns_of, view_line
from scheduler.edge.tables import CSV, wants_csv, write_csv
from scheduler.runtime.billing import get_usage_report
from scheduler.service.usage_report import UsageReport

PATH = "/scheduler/usage"
LongCursor = Annotated[str, Meta(max_length=3000)]
"""Tenant and user may have 255 characters of four bytes each."""

routes = Routes()


@routes.get(
    PATH,
    summary="Report what was billed",
    tags=["billing"],
    responses={
        200: {
            "description": "The sums, by tenant and then by user, device or day",
            "content": {
                "application/json": {"model": Page[UsageView]},
                CSV: {"schema": {"type": "string", "description": "a header row, then a row a line"}},
            },
        }
    },
)
def report(
    who: Annotated[Caller, Given(caller)],
    usage: Annotated[UsageReport, Given(get_usage_report)],
    as_csv: Annotated[bool, Given(wants_csv)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    since: Annotated[Time | None, Query(alias="from", description="30 days before `to`")] = None,
    until: Annotated[Time | None, Query(alias="to", description="now; at most 366 days after `from`")] = None,
    group_by: Annotated[GroupBy, Query(alias="groupBy")] = GroupBy.USER,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[LongCursor | None, Query()] = None,
) -> Response[Page[UsageView] | str]:
    """Add up segments by when they ended; a service sees its tenant's, an operator a tenant's or all. A cursor carries
    the period of its first page."""
    tenant = who.tenant(tenant_id)
    if cursor is None:
        wanted = UsageFilter(tenant, group_by, usage.period(since, until), None, limit)
    else:
        wanted = _following(cursor, tenant, group_by, limit)
    lines, more = usage.page(wanted)
    follows = _cursor_after(lines[-1], wanted) if more else None
    views = [view_line(line, group_by) for line in lines]
    if not as_csv:
        return ok(Page(data=views, meta=PageMeta(limit=limit, nextCursor=follows)))
    return _table(views, wanted, follows, {"tenantId": tenant_id} if tenant_id else {})


def _table(views: list[UsageView], wanted: UsageFilter, follows: str | None, named: dict[str, str]) -> Response[str]:
    headers = {}
    if follows:
        query = urlencode({"groupBy": wanted.group_by, "limit": wanted.limit, **named, "cursor": follows})
        headers = {"X-Next-Cursor": follows, "Link": f'<{PATH}?{query}>; rel="next"'}
    body = write_csv(columns_of(wanted.group_by), (asdict(view) for view in views))
    return Response(200, body, f"{CSV}; charset=utf-8", headers)


def _cursor_after(last: UsageLine, wanted: UsageFilter) -> str:
    period = wanted.period
    return write_cursor(wanted.group_by, period.since.isoformat(), period.until.isoformat(), last.tenant_id, last.key)


def _following(cursor: str, tenant: str | None, group_by: GroupBy, limit: int) -> UsageFilter:
    kind, since, until, after_tenant, after_key = read_key(cursor, 5)
    if kind != group_by:
        raise not_a_cursor()
    ends_at = read_time(until)
    period = period_of(read_time(since), ends_at, ends_at)
    return UsageFilter(tenant, group_by, period, (after_tenant, after_key), limit)
