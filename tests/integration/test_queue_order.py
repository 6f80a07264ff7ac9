"""Two hundred waiters, ten devices, four tiers, eight dispatchers at once: the line keeps its order to the last."""

import heapq
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.queue import STEPS, Tier
from tests.conftest import TEMPLATE
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.ledger import assert_ledger_agrees
from tests.support.waiters import AGEING_MINUTES, dispatcher_on, join, wish

WAITERS = 200
DEVICES = 10
DISPATCHERS = 8
MINUTES = 4
"""What each device is lent for: 200 waiters take 80 minutes."""
JOINING_MINUTES = 40
IMPATIENT = 10
"""Each tenth waits 15 minutes at most."""
LAST_MINUTE = 130
HEAD_START = timedelta(minutes=AGEING_MINUTES * (max(STEPS.values()) - min(STEPS.values())))


@pytest.fixture(scope="module")
def history(postgres_server: Any) -> Iterator[Database]:
    """A database in which the whole line has been served."""
    url = postgres_server.create_database("queue_order", TEMPLATE)
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(lambda: url)))
        crew = [stack.enter_context(closing(Database(lambda: url))) for _ in range(DISPATCHERS)]
        clock = Clock(database)
        add_devices(database, DEVICES)
        for n in range(DEVICES):
            allocator_on(database).allocate(request(f"holder-{n}", minutes=MINUTES))
        pending = [(n * JOINING_MINUTES // WAITERS, n) for n in range(WAITERS)]
        for minute in range(LAST_MINUTE):
            while pending and pending[0][0] <= minute:
                _, n = heapq.heappop(pending)
                max_wait = 15 if n % IMPATIENT == 0 else 120
                join(database, wish(f"user-{n:03}", MINUTES, max_wait), list(Tier)[n % len(Tier)])
            dispatch_at_once(crew)
            if not pending and not PostgresQueue(database).length():
                break
            clock.advance(minutes=1)
        yield database
    postgres_server.drop_database("queue_order")


def dispatch_at_once(crew: Sequence[Database]) -> None:
    """Have every dispatcher do all there is at the same instant."""
    start, failures = threading.Barrier(len(crew)), list[Exception]()

    def dispatch(own: Database) -> None:
        try:
            start.wait(timeout=30)
            dispatcher_on(own).run(0)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=partial(dispatch, own)) for own in crew]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []


def entries(database: Database, status: str) -> list[dict[str, Any]]:
    return database.rows(
        "SELECT *, id::text AS entry FROM queue_entries WHERE status = %(status)s ORDER BY ended_at", {"status": status}
    )


def test_everybody_is_served_or_timed_out_and_nobody_twice(history: Database) -> None:
    served, expired = entries(history, "fulfilled"), entries(history, "expired")

    assert len(served) + len(expired) == WAITERS
    assert len(served) > WAITERS * 3 / 4
    assert {int(entry["user_id"][-3:]) % IMPATIENT for entry in expired} == {0}
    grants = history.rows("SELECT user_id FROM device_allocations WHERE user_id LIKE 'user-%%'", {})
    assert sorted(row["user_id"] for row in grants) == sorted(entry["user_id"] for entry in served)


def test_each_time_the_first_of_the_line_was_served(history: Database) -> None:
    everybody = [*entries(history, "fulfilled"), *entries(history, "expired")]
    for served in entries(history, "fulfilled"):
        at = served["ended_at"]
        waiting = [e for e in everybody if e["joined_at"] <= at <= e["ended_at"] and e["expires_at"] > at]
        assert min(waiting, key=lambda e: (e["rank"], e["entry"]))["entry"] == served["entry"]


def test_who_joined_after_the_head_start_of_all_tiers_is_never_served_before(history: Database) -> None:
    """The bound of a wait: only those ahead at the join, and those who join within 30 minutes, are served before."""
    served = entries(history, "fulfilled")
    for place, entry in enumerate(served):
        assert all(before["joined_at"] <= entry["joined_at"] + HEAD_START for before in served[:place])
        in_the_way = sum(other["joined_at"] <= entry["joined_at"] + HEAD_START for other in served)
        bound = timedelta(minutes=MINUTES * (in_the_way // DEVICES + 2))
        assert entry["ended_at"] - entry["joined_at"] <= bound


def test_a_higher_tier_waits_less(history: Database) -> None:
    figures = {row.tier: row for row in PostgresQueue(history).figures(24)}

    waits = [figures[tier].p50 or 0 for tier in Tier]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > 2 * waits[-1]


def test_the_figures_add_up(history: Database) -> None:
    figures = {row.tier: row for row in PostgresQueue(history).figures(24)}
    total = figures.pop(None)

    assert (total.waiting, total.fulfilled + total.expired, total.cancelled) == (0, WAITERS, 0)
    assert sum(row.fulfilled for row in figures.values()) == total.fulfilled
    assert sum(row.expired for row in figures.values()) == total.expired == len(entries(history, "expired"))
    assert total.success_rate == total.fulfilled / WAITERS


def test_rows_events_and_counters_tell_one_story(history: Database) -> None:
    assert_ledger_agrees(history)
