"""Renewals at the same time, against each other and against what ends or books: Postgres keeps them apart."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from scheduler.adapters.open_gate import OpenGate
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.domain.errors import SchedulerError
from scheduler.domain.model import Allocation, ReleaseRequest, RequestKey
from scheduler.domain.renewal import RenewalRequest
from scheduler.service.renewer import Renewer
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import assert_ledger_agrees
from tests.support.sessions import administrator, holding, waiting

type Act = Callable[[Database], object]


def renewal(allocation: Allocation, minutes: int, plan: str, key: str | None = None) -> Act:
    """One renewal by alice on a plan, without a lock in Redis, over a connection of its own."""
    filed = RequestKey("acme", "user:alice", "POST /renew", key, f"{minutes}") if key else None
    wish = RenewalRequest("acme", "alice", allocation.id, minutes, key=filed)

    def renew(database: Database) -> object:
        quotas = BuiltInQuotas(database, plan)
        return Renewer(PostgresRenewals(database), quotas, OpenGate(), FakeMeter()).renew(wish)

    return renew


def at_once(url: str, acts: Sequence[Act]) -> list[object]:
    """Do all at the same instant, each over its own connection; give what came of each, or the code of its refusal."""
    start = threading.Barrier(len(acts))

    def attempt(act: Act) -> object:
        database = Database(lambda: url)
        database.call("SELECT 1", {})
        start.wait(timeout=30)
        try:
            return act(database)
        except SchedulerError as refusal:
            return f"{refusal.code} {refusal.members.get('rule', '')}".strip()
        finally:
            database.close()

    with ThreadPoolExecutor(max_workers=len(acts)) as pool:
        return list(pool.map(attempt, acts))


def lend(database: Database, minutes: int = 60) -> Allocation:
    add_devices(database, 1)
    return allocator_on(database).allocate(request("alice", minutes))


def facts_of(database: Database, allocation: Allocation) -> tuple[int, timedelta, timedelta, int]:
    """Tell how often it was renewed, by how much it and its device are lent longer, and the length of its history."""
    (row,) = database.rows(
        "SELECT a.renewal_count, a.expires_at, d.busy_until,"
        " (SELECT count(*) FROM allocation_renewals r WHERE r.allocation_id = a.id) AS history"
        " FROM device_allocations a JOIN devices d ON d.active_allocation_id = a.id WHERE a.id = %(id)s::uuid",
        {"id": allocation.id},
    )
    assert allocation.expires_at is not None
    longer, lent_longer = row["expires_at"] - allocation.expires_at, row["busy_until"] - allocation.expires_at
    return row["renewal_count"], longer, lent_longer, row["history"]


def test_four_renewals_at_once_count_as_four(database: Database, database_url: str) -> None:
    allocation = lend(database)

    answers = at_once(database_url, [renewal(allocation, 10, "enterprise", f"k-{n}") for n in range(4)])

    ends = sorted(answer.new_expires_at for answer in answers)  # type: ignore[attr-defined]
    assert [end - allocation.expires_at for end in ends] == [timedelta(minutes=10 * n) for n in (1, 2, 3, 4)]
    assert facts_of(database, allocation) == (4, timedelta(minutes=40), timedelta(minutes=40), 4)
    assert database.call("SELECT count(*) FROM outbox WHERE type = 'scheduler.allocation.renewed'", {}) == 4
    assert_ledger_agrees(database)


def test_four_renewals_at_once_are_one_where_a_cooldown_follows(database: Database, database_url: str) -> None:
    allocation = lend(database)

    answers = at_once(database_url, [renewal(allocation, 10, "pro", f"k-{n}") for n in range(4)])

    assert Counter(answer for answer in answers if isinstance(answer, str)) == {"renewal_refused cooldown": 3}
    assert facts_of(database, allocation) == (1, timedelta(minutes=10), timedelta(minutes=10), 1)
    assert_ledger_agrees(database)


def test_eight_renewals_at_once_stop_at_the_reservation(database: Database, database_url: str) -> None:
    allocation = lend(database)
    database.call("UPDATE devices SET next_reserved_at = busy_until + interval '25 minutes'", {})

    answers = at_once(database_url, [renewal(allocation, 10, "enterprise", f"k-{n}") for n in range(8)])

    assert Counter(answer for answer in answers if isinstance(answer, str)) == {"renewal_refused reservation": 6}
    assert facts_of(database, allocation)[:2] == (2, timedelta(minutes=20))


def test_the_same_key_four_times_at_once_is_one_renewal(database: Database, database_url: str) -> None:
    allocation = lend(database)

    answers = at_once(database_url, [renewal(allocation, 10, "enterprise", "k-1")] * 4)

    assert len(set(answers)) == 1
    assert facts_of(database, allocation) == (1, timedelta(minutes=10), timedelta(minutes=10), 1)


@pytest.mark.parametrize("round_", range(3))
def test_a_renewal_and_a_release_at_once_leave_one_truth(database: Database, database_url: str, round_: int) -> None:
    allocation = lend(database)

    def release(own: Database) -> object:
        return PostgresAllocations(own).release(ReleaseRequest("acme", "alice", allocation.device_id))["outcome"]

    renewals = [renewal(allocation, 10, "enterprise", f"k-{n}-{round_}") for n in range(3)]
    *told, released = at_once(database_url, [*renewals, release])

    made = sum(not isinstance(answer, str) for answer in told)
    assert released == "released"
    assert all(answer == "allocation_not_active" for answer in told if isinstance(answer, str))
    row = database.rows("SELECT status, renewal_count FROM device_allocations", {})
    assert row == [{"status": "released", "renewal_count": made}]
    types = [row["type"] for row in database.rows("SELECT type FROM outbox ORDER BY id", {})]
    assert types == ["device.allocated", *["scheduler.allocation.renewed"] * made, "device.released"]
    assert_ledger_agrees(database)


def test_a_reservation_made_while_a_renewal_waits_for_the_device_is_seen(database: Database, database_url: str) -> None:
    allocation = lend(database)
    booking = "UPDATE devices SET next_reserved_at = busy_until + interval '5 minutes'"

    with administrator(database_url) as session, ThreadPoolExecutor() as pool, holding(database_url, booking) as holder:
        late = pool.submit(at_once, database_url, [renewal(allocation, 10, "enterprise")])
        waiting(session, "Lock")
        holder.commit()

        assert late.result() == ["renewal_refused reservation"]


def test_minutes_that_ran_out_while_a_renewal_waited_are_over(database: Database, database_url: str) -> None:
    """The clock is read after the last lock."""
    allocation = lend(database, minutes=1)
    lock = "SELECT FROM devices FOR UPDATE"

    with administrator(database_url) as session, ThreadPoolExecutor() as pool, holding(database_url, lock) as holder:
        late = pool.submit(at_once, database_url, [renewal(allocation, 10, "enterprise")])
        waiting(session, "Lock")
        with session.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
                " AS $$ SELECT clock_timestamp() + interval '1 minute' $$"
            )
        holder.rollback()

        assert late.result() == ["allocation_not_active"]
