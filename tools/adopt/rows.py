"""One row of the other system's device_allocations: what it becomes here, or why it cannot come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from scheduler.domain.errors import PayloadTooLarge
from scheduler.domain.model import AllocationStatus
from scheduler.edge.fields import Metadata

REQUIRED = ("id", "device_id", "user_id", "status", "allocated_at")
OPTIONAL = (
    *("tenant_id", "released_at", "expires_at", "duration_minutes", "duration_seconds"),
    *("metadata", "created_at", "updated_at"),
)
DEFAULT_TENANT = "default"
DEFAULT_MINUTES = 60
MINUTE = timedelta(minutes=1)


class Unfit(Exception):
    """The row cannot come as it is; the text says why."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """A row as this schema has it. `columns`: by column, as JSON; `is_computed`: its billed seconds were missing."""

    id: str
    device_id: str
    is_active: bool
    columns: Mapping[str, Any]
    is_computed: bool


def judged(row: Mapping[str, Any]) -> Allocation:
    """Give the row as it comes in. Instants have a zone; a column that the other table lacks is None.

    Raises:
        Unfit: It contradicts itself, or lacks what nobody can make up.
    """
    began = _present(row, "allocated_at")
    status = _status(row["status"])
    is_active = status is AllocationStatus.ALLOCATED
    expires = row["expires_at"]
    minutes = _minutes(row, began)
    if expires is None:
        expires = began + minutes * MINUTE
    if expires <= began:
        raise Unfit("it expires before it begins")
    ended = None if is_active else _ended(row, status, began)
    seconds = None if ended is None else row["duration_seconds"]
    is_computed = ended is not None and seconds is None
    if ended is not None and seconds is None:
        seconds = (min(ended, expires) - began) // timedelta(seconds=1)
    columns = {
        "id": _uuid(row["id"]),
        "device_id": _text(row, "device_id"),
        "user_id": _text(row, "user_id"),
        "tenant_id": _text(row, "tenant_id") if row["tenant_id"] else DEFAULT_TENANT,
        "status": status.value,
        "allocated_at": began.isoformat(),
        "released_at": ended and ended.isoformat(),
        "expires_at": expires.isoformat(),
        "duration_minutes": minutes,
        "duration_seconds": seconds,
        "metadata": _metadata(row["metadata"]),
        "created_at": (row["created_at"] or began).isoformat(),
        "updated_at": (row["updated_at"] or ended or began).isoformat(),
    }
    return Allocation(columns["id"], columns["device_id"], is_active, columns, is_computed)


def _present(row: Mapping[str, Any], column: str) -> Any:
    if row[column] is None:
        raise Unfit(f"{column} is empty")
    return row[column]


def _text(row: Mapping[str, Any], column: str) -> str:
    text = str(_present(row, column))
    if not 0 < len(text) <= 255:
        raise Unfit(f"{column} has {len(text)} characters, not 1 to 255")
    return text


def _uuid(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise Unfit("id is not a UUID") from None


def _status(value: object) -> AllocationStatus:
    try:
        return AllocationStatus(str(value))
    except ValueError:
        raise Unfit(f"status is none of {', '.join(AllocationStatus)}") from None


def _minutes(row: Mapping[str, Any], began: datetime) -> int:
    minutes = row["duration_minutes"]
    if minutes is None and row["expires_at"] is not None:
        minutes = -((began - row["expires_at"]) // MINUTE)  # rounded up
    if minutes is None:
        return DEFAULT_MINUTES
    if minutes <= 0:
        raise Unfit("duration_minutes is not above 0")
    return int(minutes)


def _ended(row: Mapping[str, Any], status: AllocationStatus, began: datetime) -> datetime:
    ended: datetime | None = row["released_at"]
    if ended is None and status is AllocationStatus.EXPIRED:
        ended = row["expires_at"]
    if ended is None:
        raise Unfit("it ended, but released_at is empty")
    if ended < began:
        raise Unfit("it ended before it began")
    if row["duration_seconds"] is not None and row["duration_seconds"] < 0:
        raise Unfit("duration_seconds is below 0")
    return ended


def _metadata(value: object) -> object:
    if value is None:
        return None
    try:
        return Metadata.read(value)
    except PayloadTooLarge:
        raise Unfit("metadata is larger than 4 KB") from None
    except ValueError as error:
        raise Unfit(f"metadata: {error}") from None
