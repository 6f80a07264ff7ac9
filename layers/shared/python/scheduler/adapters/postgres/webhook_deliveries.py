"""webhook_deliveries: events that wait for webhooks, and what came of them."""

from collections.abc import Sequence

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.outcome import Facts
from scheduler.domain.webhooks import (
    DISABLE_AFTER_FAILURES,
    DISABLE_AFTER_HOURS,
    GONE,
    MOST_WAITING,
    Delivery,
    Reply,
)


class PostgresDeliveries:
    """Keeps deliveries. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def spread(self, tenant_id: str, event_id: str, event_type: str, body: str) -> Facts:
        """Keep one delivery for each webhook of the tenant that wants the event; tell how many."""
        facts: Facts = self._database.call(
            "SELECT spread_event(%(tenant)s, %(event)s::uuid, %(type)s, %(body)s, %(most)s)",
            {"tenant": tenant_id, "event": event_id, "type": event_type, "body": body, "most": MOST_WAITING},
        )
        return facts

    def claim(self, limit: int, lease_seconds: float) -> Sequence[Delivery]:
        """Begin up to `limit` attempts, those first that have been due longest."""
        rows = self._database.rows(
            "SELECT webhook_id::text, event_id::text, attempt, at, url, secret, body"
            " FROM claim_deliveries(%(limit)s, %(lease)s)",
            {"limit": limit, "lease": lease_seconds},
        )
        return [Delivery(**row) for row in rows]

    def settle(self, delivery: Delivery, reply: Reply, retry_seconds: float | None) -> Facts:
        """Keep what came of an attempt."""
        facts: Facts = self._database.call(
            "SELECT settle_delivery(%(webhook)s::uuid, %(event)s::uuid, %(attempt)s, %(status)s, %(reason)s,"
            " %(success)s, %(gone)s, %(retry)s, %(failures)s, %(hours)s)",
            {
                "webhook": delivery.webhook_id,
                "event": delivery.event_id,
                "attempt": delivery.attempt,
                "status": reply.status,
                "reason": reply.reason,
                "success": reply.is_success,
                "gone": reply.status == GONE,
                "retry": retry_seconds,
                "failures": DISABLE_AFTER_FAILURES,
                "hours": DISABLE_AFTER_HOURS,
            },
        )
        return facts
