"""notifications and notification_preferences: what users were told, and how they wish to be told."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.allocations import canonical_uuid
from scheduler.adapters.postgres.connection import Database, Row
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.model import Language, RequestKey, User
from scheduler.domain.notices import (
    Channel,
    Notice,
    Notification,
    NotificationFilter,
    Preferences,
    Priority,
    Text,
)
from scheduler.domain.outcome import Facts


class PostgresNotifications:
    """Keeps each fact once; see routines/write_notice.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def write(self, notice: Notice, language: Language) -> Notification | None:
        """Keep a notice, in the language of its user, in one round trip; the one that was first stays."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM write_notice(%(fact)s, %(type)s, %(tenant)s, %(user)s, %(texts)s, %(language)s,"
            " %(data)s, %(channels)s, %(priority)s, %(grant)s::uuid)",
            {
                "fact": notice.fact,
                "type": notice.type,
                "tenant": notice.user.tenant_id,
                "user": notice.user.user_id,
                "texts": Json({spoken: asdict(text) for spoken, text in notice.texts.items()}),
                "language": language,
                "data": Json(dict(notice.data)),
                "channels": list(notice.channels),
                "priority": notice.priority,
                "grant": notice.grant,
            },
        )
        return _notification(rows[0]) if rows else None

    def mark_told(self, notification_id: str) -> None:
        """Remember the first acknowledgement."""
        self._database.call(
            "UPDATE notifications SET told_at = (SELECT scheduler_clock()) WHERE id = %(id)s::uuid AND told_at IS NULL",
            {"id": notification_id},
        )

    def page(self, wanted: NotificationFilter) -> Sequence[Notification]:
        """List newest first by keyset."""
        after_at, after_id = wanted.after or (None, None)
        unread = " AND read_at IS NULL" if wanted.unread else ""
        after = " AND (created_at, id) < (%(after_at)s, %(after_id)s::uuid)" if wanted.after else ""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM notifications WHERE tenant_id = %(tenant)s AND user_id = %(user)s{unread}{after}"
            " ORDER BY created_at DESC, notifications.id DESC LIMIT %(limit)s",
            {
                "tenant": wanted.user.tenant_id,
                "user": wanted.user.user_id,
                "after_at": after_at,
                "after_id": after_id,
                "limit": wanted.limit + 1,
            },
        )
        return [_notification(row) for row in rows]

    def count_unread(self, user: User, most: int) -> int:
        """Count by the index of what is unread, no further than `most`."""
        unread: int = self._database.call(
            "SELECT count(*) FROM (SELECT FROM notifications WHERE tenant_id = %(tenant)s AND user_id = %(user)s"
            " AND read_at IS NULL LIMIT %(most)s) unread",
            {"tenant": user.tenant_id, "user": user.user_id, "most": most},
        )
        return unread

    def find(self, notification_id: str, tenant_id: str | None, user_id: str | None) -> Notification | None:
        """Find one by its id."""
        canonical = canonical_uuid(notification_id)
        if canonical is None:
            return None
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM notifications WHERE id = %(id)s::uuid"
            " AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)"
            " AND (%(user)s::text IS NULL OR user_id = %(user)s)",
            {"id": canonical, "tenant": tenant_id, "user": user_id},
        )
        return _notification(rows[0]) if rows else None

    def read(self, notification_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """Mark one as read."""
        canonical = canonical_uuid(notification_id)
        if canonical is None:
            return {"outcome": "notification_not_found"}
        facts: Facts = self._database.call(
            "SELECT read_notice(%(tenant)s, %(user)s, %(id)s::uuid, %(key)s::request_key)",
            {"tenant": tenant_id, "user": user_id, "id": canonical, "key": key_row(key)},
        )
        return facts

    def preferences(self, user: User) -> Preferences | None:
        """Look a user up."""
        rows = self._database.rows(
            "SELECT language, channels::text[] AS channels FROM notification_preferences"
            " WHERE (tenant_id, user_id) = (%(tenant)s, %(user)s)",
            {"tenant": user.tenant_id, "user": user.user_id},
        )
        return _preferences(user, rows[0]) if rows else None

    def prefer(self, preferences: Preferences) -> None:
        """Insert or replace; the last one who asks wins."""
        self._database.call(
            "INSERT INTO notification_preferences (tenant_id, user_id, language, channels, updated_at)"
            " VALUES (%(tenant)s, %(user)s, %(language)s, %(channels)s, scheduler_clock())"
            " ON CONFLICT (tenant_id, user_id) DO UPDATE SET language = excluded.language,"
            " channels = excluded.channels, updated_at = excluded.updated_at",
            {
                "tenant": preferences.user.tenant_id,
                "user": preferences.user.user_id,
                "language": preferences.language,
                "channels": None if preferences.channels is None else list(preferences.channels),
            },
        )


class PostgresWarnings:
    """Finds ends that are near."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def warn_expiring(self, limit: int) -> int:
        """Mark and tell in one transaction."""
        warned: int = self._database.call("SELECT warn_expiring(%(limit)s)", {"limit": limit})
        return warned


_COLUMNS = (
    "id::text, type, tenant_id, user_id, language, title, message, data, channels::text[] AS channels, priority,"
    " created_at, read_at, told_at"
)


def _notification(row: Row) -> Notification:
    return Notification(
        id=row["id"],
        type=row["type"],
        user=User(row["tenant_id"], row["user_id"]),
        language=Language(row["language"]),
        text=Text(row["title"], row["message"]),
        data=row["data"],
        channels=_channels(row["channels"]),
        priority=Priority(row["priority"]),
        created_at=row["created_at"],
        read_at=row["read_at"],
        told_at=row["told_at"],
    )


def _preferences(user: User, row: Row) -> Preferences:
    channels: Any = row["channels"]
    return Preferences(user, Language(row["language"]), None if channels is None else _channels(channels))


def _channels(names: Sequence[str]) -> Sequence[Channel]:
    return [Channel(name) for name in names]
