"""Pick what is due, then end it without looking at the row again."""

from scheduler.adapters.postgres.connection import Database
from tests.fault import jobs
from tests.fault.planted.bug import Bug, respell
from tests.fault.planted.drama import HOLD_COMMITS, Drama


def end_what_was_picked(database: Database) -> None:
    """Wait for busy rows, and believe what was read before."""
    respell(database, "expire_due", (r" FOR UPDATE OF u SKIP LOCKED", ""))
    respell(
        database,
        "end_allocations",
        (r"ORDER BY u\.tenant_id, u\.user_id FOR UPDATE SKIP LOCKED", "ORDER BY u.tenant_id, u.user_id FOR UPDATE"),
        (r" AND a\.status = 'allocated' ORDER BY a\.id FOR UPDATE SKIP LOCKED", " ORDER BY a.id FOR UPDATE"),
    )
    respell(database, "end_together", (r" AND \(p_as <> 'expired' OR expires_at <= p_at\)", ""))


def a_release_commits_while_the_sweep_waits(drama: Drama) -> None:
    """The allocation is due when it is picked, and has been given back when its row is had."""
    grant = drama.allocate(drama.ben)
    with drama.holding(HOLD_COMMITS):
        releasing = drama.later(lambda: drama.release(drama.ben, grant))
        drama.wait_for(lambda: drama.blocked() == 1)
        drama.scene.clock.advance(minutes=31)
        sweeping = drama.later(lambda: jobs.sweep(drama.scene))
        drama.wait_for(lambda: sweeping.done() or drama.blocked() == 2)
    assert releasing.result().status == 200
    assert sweeping.result().error is None


BUG = Bug(
    "expiry without row check", "events", a_release_commits_while_the_sweep_waits, in_database=end_what_was_picked
)
