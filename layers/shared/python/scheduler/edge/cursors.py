"""Cursors of keyset pages: opaque to callers."""

import base64
import binascii
import json
import uuid
from datetime import datetime

from scheduler.domain.errors import ValidationFailed

MAX_CURSOR_LENGTH = 1000


def write_cursor(*key: str) -> str:
    """Give the cursor that follows the row with this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_id_cursor(cursor: str | None) -> str | None:
    """Read the cursor of a list ordered by id.

    Raises:
        ValidationFailed: It is none of ours.
    """
    return None if cursor is None else _key(cursor, 1)[0]


def read_time_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Read the cursor of a list ordered by time and id.

    Raises:
        ValidationFailed: It is none of ours.
    """
    if cursor is None:
        return None
    at, row_id = _key(cursor, 2)
    try:
        when = datetime.fromisoformat(at)
        if when.tzinfo is None:
            raise _invalid()
        return when, str(uuid.UUID(row_id))
    except ValueError as error:
        raise _invalid() from error


def _key(cursor: str, length: int) -> list[str]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(key, list) or len(key) != length or not all(_storable(part) for part in key):
        raise _invalid()
    return key


def _storable(part: object) -> bool:
    """No NUL, and no lone surrogate: Postgres takes neither."""
    return isinstance(part, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in part)


def _invalid() -> ValidationFailed:
    return ValidationFailed(members={"errors": [{"field": "cursor", "detail": "not a cursor of this list"}]})
