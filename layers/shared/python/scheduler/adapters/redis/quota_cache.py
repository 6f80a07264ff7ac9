"""A quota document as a string in Redis, sound or not there."""

import json
from dataclasses import asdict
from datetime import datetime

import msgspec

from scheduler.domain.model import User
from scheduler.domain.quota import LARGEST_LIMIT, STATUSES, QuotaDocument, QuotaLimits


def write_document(user: User, document: QuotaDocument) -> str:
    """Give the document as JSON, with whose it is: a key could stand for two users when a tenant's name holds a bar."""
    return json.dumps({"user": [user.tenant_id, user.user_id], **asdict(document)}, default=datetime.isoformat)


def read_document(user: User, text: str) -> QuotaDocument | None:
    """Read it back; None when it is not the user's, or none (Redis may lie, and older versions may have written it)."""
    try:
        fields = msgspec.json.decode(text)
        if fields["user"] != [user.tenant_id, user.user_id] or fields["status"] not in STATUSES:
            return None
        return QuotaDocument(
            status=fields["status"],
            valid_until=_time(fields["valid_until"]),
            plan_name=str(fields["plan_name"]),
            limits=QuotaLimits(**{name: _limit(value) for name, value in fields["limits"].items()}),
        )
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _limit(value: object) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= LARGEST_LIMIT):
        return value
    raise ValueError("no limit")


def _time(value: object) -> datetime | None:
    at = None if value is None else datetime.fromisoformat(str(value))
    if at is not None and at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
