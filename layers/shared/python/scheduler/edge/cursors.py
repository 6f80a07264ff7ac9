"""Cursors of keyset pages: opaque to callers, signed, and good for the one list that they came with.

A cursor reads `key.signature.place`: the number of the key that signed it, an HMAC-SHA256 cut to 128 bits, and the
place in the list. The signature covers the route, the query, and whose rows the caller sees: a cursor is good for no
other list, filter, tenant or user. So it never leads where its first page did not.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Annotated, Protocol

from msgspec import Meta

from scheduler.domain.errors import ValidationFailed
from scheduler.edge.identity import Caller

MAX_CURSOR_LENGTH = 1000
Cursor = Annotated[str, Meta(max_length=MAX_CURSOR_LENGTH)]
SIGNATURE_BYTES = 16
NO_FILTERS = frozenset({"cursor", "limit"})
CARRIED = {"GET /scheduler/usage": frozenset({"from", "to", "groupBy"})}
"""Parameters that a list's cursors carry themselves, so that they need not be repeated."""
_FORM = re.compile(r"([0-9]{1,9})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_=-]+)")


class KeyRing(Protocol):
    """The keys that sign."""

    def current(self) -> tuple[int, bytes]:
        """Give number and secret of the newest key."""

    def find(self, number: int) -> bytes | None:
        """Give the secret of a key that still counts; None: there is none of this number."""


def _no_ring() -> KeyRing:
    raise RuntimeError("nobody said which keys sign cursors")


_ring: Callable[[], KeyRing] = _no_ring
_list: ContextVar[tuple[str, Mapping[str, str], Caller]] = ContextVar("list")


def sign_with(ring: Callable[[], KeyRing]) -> None:
    """Say which keys sign, from now on."""
    global _ring  # noqa: PLW0603
    _ring = ring


def bind_cursors(route: str, query: Mapping[str, str], who: Caller) -> None:
    """Have the cursors of this request belong to its list: the route, the filters, and whose rows the caller sees."""
    _list.set((route, query, who))


def write_cursor(*key: str) -> str:
    """Give the cursor that follows the row with this key."""
    number, secret = _ring().current()
    place = base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")
    return f"{number}.{_signature(secret, place)}.{place}"


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


def _list_text() -> str:
    route, query, who = _list.get()
    left_out = NO_FILTERS | CARRIED.get(route, frozenset())
    filters = sorted((name, value) for name, value in query.items() if name not in left_out)
    return json.dumps([route, filters, who.role, who.tenant_id, who.seen_user])


def _signature(secret: bytes, place: str) -> str:
    whole = hmac.digest(secret, f"{_list_text()}\n{place}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(whole[:SIGNATURE_BYTES]).decode().rstrip("=")


def _signed_place(cursor: str) -> str:
    """Give what a cursor says, once it is proved that we said it of this list."""
    parts = _FORM.fullmatch(cursor)
    secret = _ring().find(int(parts[1])) if parts else None
    if parts is None or secret is None or not hmac.compare_digest(_signature(secret, parts[3]), parts[2]):
        raise not_a_cursor()
    return parts[3]


def _key(cursor: str, length: int) -> list[str]:
    place = _signed_place(cursor)
    try:
        key = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
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
