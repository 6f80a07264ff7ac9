"""The audit log: what operators changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EntityKind(StrEnum):
    """What an operator can change."""

    DEVICE = "device"
    ALLOCATION = "allocation"
    QUEUE_ENTRY = "queue_entry"
    RESERVATION = "reservation"
    WEBHOOK = "webhook"
    NOTIFICATION = "notification"
    NOTIFICATION_PREFERENCES = "notification_preferences"
    QUOTA = "quota"
    QUOTA_PLAN = "quota_plan"
    PLACEMENT_STRATEGY = "placement_strategy"
    PLACEMENT_MODEL = "placement_model"
    DEAD_LETTERS = "dead_letters"


class Change(StrEnum):
    """What became of a row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row that an operator's request changed. `before` and `after`: the changed columns only; None: no row."""

    id: str
    at: datetime
    operator: str
    route: str | None
    correlation_id: str | None
    kind: EntityKind
    entity_id: str
    tenant_id: str | None
    change: Change
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditLogFilter:
    """Which entries are listed, newest first; `after` is the last one of the page before."""

    operator: str | None = None
    kind: EntityKind | None = None
    entity_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50
