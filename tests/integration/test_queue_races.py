"""Waiters against each other, newcomers, their own second thoughts, time, and death half-way."""

import time
from contextlib import closing
from functools import partial

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.errors import AlreadyQueued, NoAvailableDevices, Unavailable
from scheduler.domain.queue import Tier
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.ledger import assert_ledger_agrees
from tests.support.waiters import at_once, join, line_on, queue_on, release, serve_one, states, wish

PATIENCE_SECONDS = 20
ROUNDS = 5


@pytest.fixture
def lent(database: Database) -> str:
    """The one device, lent to zoe."""
    (device_id,) = add_devices(database, 1)
    allocator_on(database).allocate(request("zoe"))
    return device_id


def test_one_user_who_joins_sixteen_times_at_once_waits_once(database: Database, database_url: str, lent: str) -> None:
    def try_to_join(own: Database) -> str:
        try:
            return queue_on(own).join(wish("alice")).entry.id
        except AlreadyQueued as refusal:
            return str(refusal.members["entryId"])

    entries = at_once(database_url, [try_to_join] * 16)

    assert len(set(entries)) == 1
    assert states(database) == {"alice": "waiting"}


def test_a_free_device_goes_to_who_waits_and_never_to_newcomers(
    database: Database, database_url: str, lent: str
) -> None:
    for n in range(ROUNDS):
        join(database, wish(f"waiter-{n}"))

    def ask(n: int, own: Database) -> str | None:
        try:
            return allocator_on(own).allocate(request(f"newcomer-{n}")).user.user_id
        except NoAvailableDevices:
            return None

    for n in range(ROUNDS):
        release(database, lent)
        newcomers = [partial(ask, n) for n in range(6)]
        granted = at_once(database_url, [*newcomers, lambda own: line_on(own).serve(), *newcomers])
        assert [user for user in granted if isinstance(user, str)] == []
        assert states(database)[f"waiter-{n}"] == "fulfilled"


@pytest.mark.parametrize("gone", ["cancelled", "expired"])
def test_who_is_gone_gets_no_device_and_who_gets_one_is_not_gone(
    database: Database, database_url: str, clock: Clock, lent: str, gone: str
) -> None:
    for n in range(ROUNDS):
        entry = join(database, wish(f"user-{n}", max_wait=5))
        if gone == "expired":  # just now: each of the dispatchers finds it over, or just not yet
            clock.advance(minutes=5, seconds=-0.02)
        release(database, lent)

        def leave(own: Database, entry: str = entry) -> object:
            store = PostgresQueue(own)
            return store.cancel(entry, None, None, None) if gone == "cancelled" else store.expire(10)

        at_once(database_url, [serve_one, leave, serve_one, leave])
        state = states(database)[f"user-{n}"]
        lent_to = database.call(
            "SELECT count(*) FROM device_allocations WHERE user_id = %(user)s", {"user": f"user-{n}"}
        )
        assert (state, lent_to) in {("fulfilled", 1), (gone, 0), ("waiting", 0)}
        queue_ended(database, entry)
    too_late = "SELECT count(*) FROM queue_entries WHERE status = 'fulfilled' AND ended_at >= expires_at"
    assert database.call(too_late, {}) == 0
    assert_ledger_agrees(database)


def queue_ended(database: Database, entry: str) -> None:
    """Make sure that the wait is over before the next round."""
    PostgresQueue(database).cancel(entry, None, None, None)


def test_dispatchers_wait_for_each_other_at_the_gate(database: Database, database_url: str, lent: str) -> None:
    join(database, wish("alice"))
    release(database, lent)
    with closing(psycopg2.connect(database_url)) as other:
        other.cursor().execute("SELECT FROM queue_gate FOR UPDATE")

        def open_the_gate(own: Database) -> None:
            waiting_backend(own)
            assert states(own) == {"alice": "waiting"}
            other.rollback()

        at_once(database_url, [serve_one, open_the_gate])

    assert states(database) == {"alice": "fulfilled"}


def test_a_dispatcher_killed_inside_leaves_the_waiter_to_the_next(
    database: Database, database_url: str, lent: str
) -> None:
    join(database, wish("alice"))
    release(database, lent)
    with closing(psycopg2.connect(database_url)) as blocker:
        blocker.cursor().execute("LOCK TABLE outbox IN EXCLUSIVE MODE")  # served all but for the events

        def kill(own: Database) -> None:
            pid = waiting_backend(own)
            own.call("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
            own.call("SELECT pg_terminate_backend(%(pid)s)", {"pid": waiting_backend(own, but=pid)})

        def die(own: Database) -> str:
            with pytest.raises(Unavailable):
                serve_one(own)
            return "died"

        assert at_once(database_url, [die, kill])[0] == "died"
        assert states(database) == {"alice": "waiting"}
    assert_ledger_agrees(database)

    assert line_on(database).serve() == 1
    assert states(database) == {"alice": "fulfilled"}
    assert_ledger_agrees(database)


def waiting_backend(database: Database, but: int = 0) -> int:
    """Give the backend whose serving waits for a lock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        pid = database.call(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE 'SELECT serve_next%%' AND pid <> %(but)s",
            {"but": but},
        )
        if pid:
            return int(pid)
    raise AssertionError("nobody waits")


def test_a_waiter_whose_row_is_busy_is_passed_over_for_the_moment(
    database: Database, database_url: str, lent: str
) -> None:
    join(database, wish("alice"), Tier.PRO)
    join(database, wish("bob"))
    release(database, lent)
    with closing(psycopg2.connect(database_url)) as blocker:
        blocker.cursor().execute("SELECT FROM quota_usage WHERE user_id = 'alice' FOR UPDATE")
        assert line_on(database).serve() == 1

    assert states(database) == {"alice": "waiting", "bob": "fulfilled"}
