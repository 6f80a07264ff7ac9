"""webhooks: where tenants want to be told of events."""

from collections.abc import Sequence
from typing import Any

from scheduler.adapters.postgres.allocations import canonical_uuid
from scheduler.adapters.postgres.connection import Database, Row
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts
from scheduler.domain.webhooks import MOST_WEBHOOKS, Webhook, WebhookFilter, WebhookRequest, WebhookStatus

_NOT_FOUND: Facts = {"outcome": "webhook_not_found"}
_COLUMNS = (
    "id::text, tenant_id, url, types, description, status, failures_in_row, last_delivered_at, created_at, disabled_at,"
    " disabled_reason"
)


class PostgresWebhooks:
    """Keeps webhooks. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def add(self, request: WebhookRequest, secret: str) -> Facts:
        """Keep a new webhook, unless the tenant has as many as it may."""
        facts: Facts = self._database.call(
            "SELECT add_webhook(%(tenant)s, %(url)s, %(secret)s, %(types)s, %(description)s, %(most)s,"
            " %(key)s::request_key)",
            {
                "tenant": request.tenant_id,
                "url": request.url,
                "secret": secret,
                "types": list(request.types),
                "description": request.description,
                "most": MOST_WEBHOOKS,
                "key": key_row(request.key),
            },
        )
        return facts

    def secret(self, webhook_id: str) -> str | None:
        """Give what a webhook's events are signed with."""
        secret: str | None = self._database.call(
            "SELECT secret FROM webhooks WHERE id = %(id)s::uuid", {"id": webhook_id}
        )
        return secret

    def find(self, webhook_id: str, tenant_id: str | None) -> Webhook | None:
        """Find one webhook of the tenant (None: any)."""
        canonical = canonical_uuid(webhook_id)
        if canonical is None:
            return None
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM webhooks"
            " WHERE id = %(id)s::uuid AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)",
            {"id": canonical, "tenant": tenant_id},
        )
        return _webhook(rows[0]) if rows else None

    def page(self, wanted: WebhookFilter) -> Sequence[Webhook]:
        """List newest first by keyset."""
        after_at, after_id = wanted.after or (None, None)
        filters: list[tuple[str, Any]] = [
            ("tenant_id = %(tenant)s", wanted.tenant_id),
            ("(created_at, id) < (%(after_at)s, %(after_id)s::uuid)", after_at),
        ]
        conditions = " AND ".join(condition for condition, value in filters if value) or "true"
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM webhooks WHERE {conditions}"
            " ORDER BY webhooks.created_at DESC, webhooks.id DESC LIMIT %(limit)s",
            {"tenant": wanted.tenant_id, "after_at": after_at, "after_id": after_id, "limit": wanted.limit + 1},
        )
        return [_webhook(row) for row in rows]

    def remove(self, webhook_id: str, tenant_id: str | None) -> Facts:
        """Forget one, with what waits for it."""
        return self._change("SELECT remove_webhook(%(id)s::uuid, %(tenant)s)", webhook_id, tenant_id, None)

    def enable(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Facts:
        """Let events be kept for one again."""
        statement = "SELECT enable_webhook(%(id)s::uuid, %(tenant)s, %(key)s::request_key)"
        return self._change(statement, webhook_id, tenant_id, key)

    def ping(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Facts:
        """Keep a delivery of nothing but a greeting."""
        statement = "SELECT ping_webhook(%(id)s::uuid, %(tenant)s, %(key)s::request_key)"
        return self._change(statement, webhook_id, tenant_id, key)

    def _change(self, statement: str, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Facts:
        canonical = canonical_uuid(webhook_id)
        if canonical is None:
            return _NOT_FOUND
        facts: Facts = self._database.call(statement, {"id": canonical, "tenant": tenant_id, "key": key_row(key)})
        return facts


def _webhook(row: Row) -> Webhook:
    return Webhook(**row | {"status": WebhookStatus(row["status"])})
