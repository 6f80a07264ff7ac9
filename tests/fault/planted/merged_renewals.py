"""Renew from what was read before the locks: two at once read the same end, and both add to it."""

from dataclasses import replace
from functools import partial

from scheduler.adapters.postgres.connection import Database
from tests.fault.planted.bug import QUIET, Bug, respell
from tests.fault.planted.drama import Drama


def renew_what_was_read(database: Database) -> None:
    """Take no lock, and no key from the history that would turn the second one into an error."""
    respell(
        database,
        "renew_allocation",
        (r"held := lock_usage\(target\.tenant_id, target\.user_id\);\s+SELECT \* INTO target[^;]*;", ""),
        (r"WHERE id = target\.device_id FOR UPDATE", "WHERE id = target.device_id"),
    )
    database.call("ALTER TABLE allocation_renewals DROP CONSTRAINT allocation_renewals_pkey", {})


def two_renew_at_once(drama: Drama) -> None:
    """Both have read the end before either has written one."""
    grant = drama.allocate(drama.ana)
    with drama.holding("LOCK TABLE allocation_renewals IN EXCLUSIVE MODE"):
        asking = [drama.later(partial(drama.renew, drama.ana, grant)) for _ in range(2)]
        drama.wait_for(lambda: drama.blocked() == 2)
    assert 200 in [done.result().status for done in asking]


BUG = Bug(
    "two renewals at once merge",
    "renewals",
    two_renew_at_once,
    setting=replace(QUIET, environment={"REDIS_HOST": ""}),  # else the user's lock keeps them apart, for once
    in_database=renew_what_was_read,
)
