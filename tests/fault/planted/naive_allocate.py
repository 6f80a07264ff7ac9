"""Read what is free, take the first, insert: nothing is locked in between."""

from functools import partial
from typing import Any

from scheduler.adapters.postgres import allocations
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import Bug
from tests.fault.planted.drama import Drama


def claim_naively() -> None:
    """Make workers do so."""
    PostgresAllocations.claim = _claim  # type: ignore[method-assign]


def _claim(self: PostgresAllocations, request: Any, terms: Any, *, last_attempt: bool) -> Any:
    free = self._database.rows("SELECT id FROM devices WHERE is_free ORDER BY id LIMIT 1", {})
    if not free:
        return {"outcome": "none_free"}
    return self._database.call(
        "SELECT lend_device(d, u, %(terms)s::quota_terms, %(minutes)s, NULL, NULL)"
        " FROM devices d, lock_usage(%(tenant)s, %(user)s) u, count_allocations(%(tenant)s, 1, 0, 0, 0)"
        " WHERE d.id = %(device)s",
        {
            "terms": allocations.terms_row(terms),
            "minutes": request.minutes,
            "tenant": request.user.tenant_id,
            "user": request.user.user_id,
            "device": free[0]["id"],
        },
    )


def without_last_defence(database: Database) -> None:
    """Take away the index that would turn a double hold into an error."""
    database.call("DROP INDEX device_allocations_active_device", {})


def two_ask_at_once(drama: Drama) -> None:
    """Both have chosen before either has written."""
    with drama.holding("LOCK TABLE device_allocations IN EXCLUSIVE MODE"):
        asking = [drama.later(partial(drama.allocate, who)) for who in (drama.ana, drama.cat)]
        drama.wait_for(lambda: drama.blocked() == 2)
    assert [done.result().status for done in asking] == [201, 201]


BUG = Bug("the naive allocate", "holds", two_ask_at_once, in_workers=claim_naively, in_database=without_last_defence)
