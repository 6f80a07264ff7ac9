"""Events that users are told of, as they come from the queue, and what was kept of them."""

import uuid
from collections.abc import Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.notifications import PostgresNotifications
from scheduler.domain.model import Language
from scheduler.ports.notices import NotificationSender
from scheduler.service.notifier import Notifier
from tests.support.fake_meter import FakeMeter

NO_ID = "00000000-0000-4000-8000-000000000000"


def refused(user_id: str = "alice", event_id: str | None = None, tenant_id: str = "acme") -> dict[str, Any]:
    """Give the event of a refusal: of all that users are told of, the one with the least around it."""
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "type": "scheduler.allocation.failed",
        "source": "/scheduler",
        "data": {
            "userId": user_id,
            "tenantId": tenant_id,
            "reason": "no_available_devices",
            "timestamp": "2026-03-02T09:15:00.000000Z",
        },
    }


def published(database: Database) -> list[Mapping[str, Any]]:
    """Give every event of the outbox in its order, as its envelope carries it, times apart."""
    rows = database.rows("SELECT event_id::text AS id, type, subject, data FROM outbox ORDER BY outbox.id", {})
    return [{"specversion": "1.0", "source": "/scheduler", **row} for row in rows]


def notifier_on(
    database: Database, sender: NotificationSender | None = None, language: Language = Language.EN
) -> Notifier:
    """Wire a consumer on a connection."""
    return Notifier(PostgresNotifications(database), sender, FakeMeter(), language)


def kept(database: Database, user_id: str = "alice") -> list[str]:
    """Name the types of a user's notices, oldest first."""
    rows = database.rows(
        "SELECT type FROM notifications WHERE user_id = %(user)s ORDER BY created_at, type", {"user": user_id}
    )
    return [row["type"] for row in rows]
