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
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


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
        return read_time(at), str(uuid.UUID(row_id))
    except ValueError as error:
        raise not_a_cursor() from error


def read_key(cursor: str, length: int) -> tuple[str, ...]:
    """Read a cursor of another order: the texts of its key.

    Raises:
        ValidationFailed: It is none of ours.
    """
    return tuple(_key(cursor, length))


def read_time(text: str) -> datetime:
    """Read a time of a cursor's key.

    Raises:
        ValidationFailed: It is none.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise not_a_cursor() from error
    if when.tzinfo is None:
        raise not_a_cursor()
    return when


def _key(cursor: str, length: int) -> list[str]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise not_a_cursor() from error
    if not isinstance(key, list) or len(key) != length or not all(_storable(part) for part in key):
        raise not_a_cursor()
    return key


def _storable(part: object) -> bool:
    """No NUL, and no lone surrogate: Postgres takes neither."""
    return isinstance(part, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in part)


def not_a_cursor() -> ValidationFailed:
    """Tell that a cursor is none of this list."""
    return ValidationFailed(members={"errors": [{"field": "cursor", "detail": "not a cursor of this list"}]})
