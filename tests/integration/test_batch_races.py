"""Batches that overlap, each over a connection of its own: none deadlocks, none lends twice, none waits in vain."""

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.batches import PostgresBatches
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.domain.batch import Batch, LaterEnd, Mode
from scheduler.domain.errors import Forbidden, NoAvailableDevices
from scheduler.domain.model import AllocationRequest, RequestKey, User
from scheduler.service.batches import Batches
from tests.support.clock import Clock
from tests.support.contenders import add_devices, request
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import assert_ledger_agrees
from tests.support.sessions import administrator, holding, one, waiting

CONTENDERS = 8
USERS = [User(tenant, f"user-{n}") for n in range(6) for tenant in ("acme", "globex")]


def batches_on(database: Database) -> Batches:
    """The production use case on one connection."""
    quotas, keys = BuiltInQuotas(database, "pro"), PostgresKeys(database)
    return Batches(PostgresBatches(database), quotas, keys, NoCache(), FakeMeter())


def at_once[Result](url: str, work: Callable[[Batches, int], Result]) -> list[Result]:
    """Let contenders work at the same instant; fail with what any of them fails with."""
    start = threading.Barrier(CONTENDERS)

    def run(number: int) -> Result:
        database = Database(lambda: url)
        try:
            database.call("SELECT 1", {})
            start.wait(timeout=30)
            return work(batches_on(database), number)
        finally:
            database.close()

    with ThreadPoolExecutor(CONTENDERS) as pool:
        return list(pool.map(run, range(CONTENDERS)))


@pytest.fixture
def one_shard(database: Database) -> None:
    """Make every backend count on the same rows, so that a wrong order of counters cannot hide."""
    (text,) = database.rows("SELECT pg_get_functiondef('count_allocations'::regproc) AS definition", {})
    assert "pg_backend_pid() % 64" in text["definition"]
    database.call(text["definition"].replace("pg_backend_pid() % 64", "0").replace("%", "%%"), {})


@pytest.mark.usefixtures("one_shard")
def test_batches_of_the_same_users_in_any_order_neither_deadlock_nor_overlap(
    database: Database, database_url: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    add_devices(database, 30)
    late = [AllocationRequest(user, minutes=5) for user in USERS]
    batches_on(database).allocate(Batch(None, late))
    clock.advance(minutes=6)

    def work(batches: Batches, number: int) -> None:
        order = random.Random(number)
        for mode in (Mode.CONTINUE, Mode.ATOMIC, Mode.STOP):
            wishes = [AllocationRequest(user, minutes=20) for user in order.sample(USERS, 8)]
            try:
                held = [grant.id for _, grant in batches.allocate(Batch(None, wishes, mode)).successes]
            except NoAvailableDevices:
                continue
            order.shuffle(held)
            if held:
                batches.renew(Batch(None, held), LaterEnd(5))
                batches.release(Batch(None, held[::2]))

    with caplog.at_level(logging.WARNING):
        at_once(database_url, work)

    assert {"tried again", "degraded"}.isdisjoint(record.message for record in caplog.records)
    assert_ledger_agrees(database)


@pytest.mark.usefixtures("one_shard")
def test_batches_of_other_users_but_the_same_tenants_do_not_deadlock(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    add_devices(database, 4 * CONTENDERS)

    def work(batches: Batches, number: int) -> int:
        tenants = ["acme", "globex"] if number % 2 else ["globex", "acme"]
        wishes = [AllocationRequest(User(tenant, f"user-{number}"), 20) for tenant in tenants * 2]
        granted = 0
        for _ in range(6):
            held = [grant.id for _, grant in batches.allocate(Batch(None, wishes)).successes]
            granted += len(batches.release(Batch(None, held)).successes)
        return granted

    with caplog.at_level(logging.WARNING):
        assert at_once(database_url, work) == [24] * CONTENDERS

    assert "tried again" not in {record.message for record in caplog.records}
    assert_ledger_agrees(database)


@pytest.mark.usefixtures("one_shard")
def test_counters_are_taken_in_the_order_of_tenants_whatever_the_order_of_items(
    database: Database, database_url: str
) -> None:
    add_devices(database, 4)
    both = [AllocationRequest(User(tenant, "ana"), 20) for tenant in ("zeta", "acme")]
    batches_on(database).allocate(Batch(None, both))
    acme, zeta = (
        f"SELECT 1 FROM allocation_counters WHERE tenant_id = '{name}' FOR UPDATE" for name in ("acme", "zeta")
    )

    with holding(database_url, acme) as holder, administrator(database_url) as session, ThreadPoolExecutor(1) as pool:
        running = pool.submit(batches_on(database).allocate, Batch(None, both))
        waiting(session, "Lock")
        one(session, zeta + " NOWAIT")  # nobody holds it yet
        holder.rollback()

    assert len(running.result().successes) == 2


def test_one_release_of_each_wins(database: Database, database_url: str) -> None:
    add_devices(database, 10)
    wishes = [request(f"user-{n}") for n in range(10)]
    held = [grant.id for _, grant in batches_on(database).allocate(Batch("acme", wishes)).successes]

    def work(batches: Batches, number: int) -> int:
        mine = random.Random(number).sample(held, len(held))
        return len(batches.release(Batch("acme", mine)).successes)

    assert sum(at_once(database_url, work)) == len(held) == 10
    assert_ledger_agrees(database)


def test_atomic_batches_share_a_fleet_that_holds_some_of_them_without_taking_parts(
    database: Database, database_url: str
) -> None:
    add_devices(database, 14)

    def work(batches: Batches, number: int) -> int:
        wishes: list[AllocationRequest | Forbidden] = [request(f"user-{number}-{n}") for n in range(4)]
        try:
            return len(batches.allocate(Batch("acme", wishes, Mode.ATOMIC)).successes)
        except NoAvailableDevices:
            return 0

    granted = at_once(database_url, work)
    granted += [work(batches_on(database), CONTENDERS + n) for n in range(3)]  # who stood in each other's way is gone

    assert (set(granted), sum(granted)) == ({0, 4}, 12)
    assert database.call("SELECT count(*) FROM devices WHERE active_allocation_id IS NOT NULL", {}) == 12
    assert_ledger_agrees(database)


def test_the_same_key_at_the_same_instant_has_one_effect(database: Database, database_url: str) -> None:
    add_devices(database, 20)
    key = RequestKey("acme", "service:shop", "POST /scheduler/allocations/batch", "k-1", "0" * 64)
    wishes = [request("ana"), request("ben")]

    def work(batches: Batches, _: int) -> tuple[str, ...]:
        return tuple(grant.id for _, grant in batches.allocate(Batch("acme", wishes, key=key)).successes)

    assert len(set(at_once(database_url, work))) == 1
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 2
    assert_ledger_agrees(database)
