"""Serve the first in line without the gate, and without looking at her entry again when her row is had."""

from dataclasses import replace

from scheduler.adapters.postgres.connection import Database
from tests.fault import jobs
from tests.fault.history import Kind
from tests.fault.planted.bug import QUIET, Bug, respell
from tests.fault.planted.drama import HOLD_COMMITS, Drama


def serve_whom_was_picked(database: Database) -> None:
    """Wait for as long as it takes, and believe what was read before."""
    respell(database, "serve_next", (r"PERFORM FROM queue_gate FOR UPDATE;", ""))
    respell(
        database,
        "serve_waiter",
        (r"PERFORM set_config\('lock_timeout', '250ms', true\);", ""),
        (r" AND can_be_served\(entry, held, class, device\.next_reserved_at, scheduler_clock\(\)\)", ""),
    )
    respell(database, "can_be_served", (r"entry\.status = 'waiting' AND ", ""))


def two_dispatch_at_once(drama: Drama) -> None:
    """Two devices are free, and ben alone waits: the second dispatcher comes while the first has not committed."""
    grants = [drama.allocate(who) for who in (drama.ana, drama.cat)]
    assert drama.ben.ask(Kind.JOIN, {"userId": drama.ben.user, "durationMinutes": 30}, None).status == 201
    for who, grant in zip((drama.ana, drama.cat), grants, strict=True):
        assert drama.release(who, grant).status == 200
    with drama.holding(HOLD_COMMITS):
        serving = [drama.later(lambda: jobs.dispatch(drama.scene)) for _ in range(2)]
        drama.wait_for(lambda: drama.blocked() == 2)
    assert [done.result().error for done in serving] == [None, None]


BUG = Bug(
    "dispatchers that serve one waiter twice",
    "waits",
    two_dispatch_at_once,
    setting=replace(QUIET, devices=2),
    in_database=serve_whom_was_picked,
)
