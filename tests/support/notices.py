"""Events that users are told of, as they come from the queue, and what was kept of them."""

import itertools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.notifications import PostgresNotifications
from scheduler.domain.model import Language
from scheduler.ports.notices import NotificationSender
from scheduler.service.notifier import Notifier
from tests.support.fake_meter import FakeMeter

NO_ID = "00000000-0000-4000-8000-000000000000"
QUARTER_PAST = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
_apart = itertools.count()


def refused(user_id: str = "alice", tenant_id: str = "acme", at: datetime | None = None) -> dict[str, Any]:
    """Give the event of a refusal: of all that users are told of, the one with the least around it.

    Each is ten minutes after the last, so that its user is told of each, but for those that are given a time.
    """
    at = at or QUARTER_PAST + next(_apart) * timedelta(minutes=10)
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "type": "scheduler.allocation.failed",
        "source": "/scheduler",
        "data": {
            "userId": user_id,
            "tenantId": tenant_id,
            "reason": "no_available_devices",
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
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
