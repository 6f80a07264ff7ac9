"""Batches: each one call of a routine, whatever its size. The routines settle the races; see routines/*_batch.sql."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.allocations import terms_row, wants_row
from scheduler.adapters.postgres.caps import cap_parameters, under_cap
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import key_row
from scheduler.adapters.postgres.renewals import renewal_terms_row
from scheduler.domain.batch import Batch, Claim, Extension, LaterEnd, Refused
from scheduler.domain.caps import NO_CAPS, Capped, Caps
from scheduler.domain.errors import PayloadTooLarge
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts

MAX_TEXT_BYTES = 15 * 1024
"""With the rest of the statement below 16 KB: a pooling proxy keeps a session for the client that sends more."""

type _Terms = dict[tuple[Any, ...], int]
"""Distinct terms and their numbers from 1: many items share them."""


class PostgresBatches:
    """Decides batches, in one round trip each."""

    def __init__(self, database: Database, caps: Caps = NO_CAPS) -> None:
        """Work on one connection."""
        self._database = database
        self._cap = caps.allocations

    def claim(self, batch: Batch[Claim | Refused]) -> Facts:
        """Claim a device for each; the facts tell what happened to each, and what was overdue and is ended."""
        terms: _Terms = {}
        items = [_claim_item(item, batch.tenant_id, terms) for item in batch.items]
        claim = "claim_batch(%(tenant)s, %(items)s, %(terms)s::quota_terms[], %(mode)s, %(key)s::request_key)"
        facts: Facts = self._database.call(
            f"SELECT {under_cap(Capped.ALLOCATIONS, self._cap, claim)}",
            cap_parameters(self._cap, len(items))
            | {
                "tenant": batch.tenant_id,
                "user": None,
                "items": _bounded_json(items, terms),
                "terms": list(terms),
                "mode": batch.mode,
                "key": key_row(batch.key),
            },
        )
        return facts

    def release(self, batch: Batch[str]) -> Facts:
        """Release each."""
        facts: Facts = self._database.call(
            "SELECT release_batch(%(tenant)s, %(ids)s::uuid[], %(mode)s, %(key)s::request_key)",
            {"tenant": batch.tenant_id, "ids": list(batch.items), "mode": batch.mode, "key": key_row(batch.key)},
        )
        return facts

    def holders(self, tenant_id: str | None, allocation_ids: Sequence[str]) -> Mapping[str, User]:
        """Look the holders up by primary key; the ids come back as they were given."""
        rows = self._database.rows(
            "SELECT given.id AS given, a.tenant_id, a.user_id"
            " FROM unnest(%(ids)s::text[]) given (id) JOIN device_allocations a ON a.id = given.id::uuid"
            " WHERE %(tenant)s::text IS NULL OR a.tenant_id = %(tenant)s",
            {"ids": list(allocation_ids), "tenant": tenant_id},
        )
        return {row["given"]: User(row["tenant_id"], row["user_id"]) for row in rows}

    def renew(self, batch: Batch[Extension | Refused], later: LaterEnd) -> Facts:
        """Renew each."""
        terms: _Terms = {}
        items = [_renew_item(item, terms) for item in batch.items]
        facts: Facts = self._database.call(
            "SELECT renew_batch(%(tenant)s, %(items)s, %(terms)s::renewal_terms[], %(minutes)s, %(reason)s, %(mode)s,"
            " %(key)s::request_key)",
            {
                "tenant": batch.tenant_id,
                "items": _bounded_json(items, terms),
                "terms": list(terms),
                "minutes": later.minutes,
                "reason": later.reason,
                "mode": batch.mode,
                "key": key_row(batch.key),
            },
        )
        return facts

    def active(self, batch: Batch[str], limit: int) -> Facts:
        """List what each holds: for each user the newest rows that are active, from an index."""
        results = self._database.call(
            "SELECT jsonb_agg(jsonb_build_object('outcome', 'read', 'userId', asked.user_id,"
            " 'allocations', coalesce(held.listed, '[]'), 'more', coalesce(held.number, 0) > %(limit)s)"
            " ORDER BY asked.position)"
            " FROM jsonb_array_elements_text(%(users)s) WITH ORDINALITY asked (user_id, position)"
            " CROSS JOIN LATERAL ("
            " SELECT count(*) AS number, jsonb_agg(jsonb_build_object("
            " 'allocationId', a.id, 'deviceId', a.device_id, 'allocatedAt', wire_time(a.allocated_at),"
            " 'expiresAt', wire_time(a.expires_at), 'durationMinutes', a.duration_minutes,"
            " 'fencingToken', a.fencing_token) ORDER BY a.place) FILTER (WHERE a.place <= %(limit)s) AS listed"
            " FROM (SELECT row_number() OVER (ORDER BY allocated_at DESC, id DESC) AS place, o.*"
            " FROM device_allocations o WHERE o.user_id = asked.user_id AND o.tenant_id = %(tenant)s"
            " AND o.status = 'allocated' ORDER BY o.allocated_at DESC, o.id DESC LIMIT %(limit)s + 1) a) held",
            {"tenant": batch.tenant_id, "users": _bounded_json(list(batch.items)), "limit": limit},
        )
        return {"outcome": "done", "results": results}


def _claim_item(item: Claim | Refused, tenant_id: str | None, terms: _Terms) -> dict[str, Any]:
    """Give what the routine needs of an item; what is not given is null there."""
    if isinstance(item, Refused):
        return {"refusal": item.facts}
    request = item.request
    given: dict[str, Any] = {"user": request.user.user_id, "minutes": request.minutes}
    given["terms"] = terms.setdefault(terms_row(item.terms), len(terms) + 1)
    if request.user.tenant_id != tenant_id:
        given["tenant"] = request.user.tenant_id
    wants = dict(zip(_WANTS, wants_row(request.wants), strict=True))
    if any(value is not None for value in wants.values()):
        given["wants"] = {name: value for name, value in wants.items() if value is not None}
    if request.metadata is not None:
        given["metadata"] = request.metadata
    return given


_WANTS = ("device_type", "min_cpu", "min_memory_mb", "min_storage_mb")


def _renew_item(item: Extension | Refused, terms: _Terms) -> dict[str, Any]:
    if isinstance(item, Refused):
        return {"refusal": item.facts}
    row = renewal_terms_row(item.terms)
    return {"id": item.allocation_id, "terms": terms.setdefault(row, len(terms) + 1)}


def _bounded_json(value: Any, terms: _Terms | None = None) -> Json:
    """Adapt a value as compact JSON.

    Raises:
        PayloadTooLarge: With the terms beside it, and quotes and backslashes doubled, it is too long for a statement.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    beside = len(repr(list(terms or ())))
    if len(text.encode()) + text.count("'") + text.count("\\") + beside > MAX_TEXT_BYTES:
        raise PayloadTooLarge("The batch is too large for one call; send it in parts")
    return Json(value, dumps=lambda _: text)
