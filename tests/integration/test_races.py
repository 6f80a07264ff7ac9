"""The database, not a lock, guarantees one holder a device and the exact quota, with Redis and without."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from scheduler.adapters import postgres as postgres_adapter
from scheduler.adapters.open_gate import OpenGate
from scheduler.adapters.postgres.connection import Database
from scheduler.ports import Gate
from tests.support.contenders import (
    MakeAllocate,
    Outcome,
    add_devices,
    allocator_on,
    ask_at_once,
    redis_gate,
    request,
)
from tests.support.ledger import assert_ledger_agrees
from tests.support.naive import naive_allocate_on
from tools.embedded import ValkeyServer, free_port

GATES: dict[str, Callable[[int], Gate]] = {
    "with Redis": redis_gate,
    "without Redis": lambda _: OpenGate(),
    "with Redis stopped": lambda _: redis_gate(free_port()),
}


@pytest.fixture(params=GATES)
def make_allocate(request: pytest.FixtureRequest, valkey_server: ValkeyServer, redis_url: str) -> MakeAllocate:
    """Give each contender its own allocator behind the same kind of gate."""
    gate = GATES[request.param]
    return lambda database: allocator_on(database, gate(valkey_server.port)).allocate


def race_for_devices(database: Database, url: str, make_allocate: MakeAllocate, *, users: int, devices: int) -> Outcome:
    """Let users race and check that nobody shares a device."""
    add_devices(database, devices)
    outcome = ask_at_once(url, [request(f"user-{n}") for n in range(users)], make_allocate)
    assert len(outcome.devices) == len(outcome.grants), "a device was lent twice"
    return outcome


def test_32_users_on_40_devices_all_get_one_at_the_first_try(
    database: Database, database_url: str, make_allocate: MakeAllocate
) -> None:
    outcome = race_for_devices(database, database_url, make_allocate, users=32, devices=40)

    assert len(outcome.devices) == 32
    assert not outcome.refusals
    assert_ledger_agrees(database)


def test_64_users_on_40_devices_are_40_grants_and_24_clear_refusals(
    database: Database, database_url: str, make_allocate: MakeAllocate
) -> None:
    outcome = race_for_devices(database, database_url, make_allocate, users=64, devices=40)

    assert len(outcome.devices) == 40
    assert outcome.refusals == {"no_available_devices": 24}
    assert_ledger_agrees(database)


def test_32_requests_of_one_user_with_a_limit_of_10_are_10_grants(
    database: Database, database_url: str, make_allocate: MakeAllocate
) -> None:
    add_devices(database, 40)

    outcome = ask_at_once(database_url, [request("alice")] * 32, make_allocate)

    assert len(outcome.devices) == 10
    assert outcome.refusals == {"quota_exceeded": 22}
    assert_ledger_agrees(database)


def test_the_last_device_is_not_refused_to_everybody_because_one_takes_it(
    database: Database, database_url: str, make_allocate: MakeAllocate
) -> None:
    for round_number in range(10):
        add_devices(database, 1, prefix=f"round-{round_number}")
        users = [request(f"user-{round_number}-{n}") for n in range(8)]

        outcome = ask_at_once(database_url, users, make_allocate)

        assert len(outcome.grants) == 1


def test_who_finds_the_last_device_being_taken_waits_for_the_outcome(database: Database, database_url: str) -> None:
    add_devices(database, 1)
    patient = Path(postgres_adapter.__file__).with_name("routines") / "await_free_device.sql"
    database.call(patient.read_text().replace("250ms", "20s").replace("%", "%%"), {})  # a slow machine needs its time
    taker = psycopg2.connect(database_url)
    taker.cursor().execute("SELECT FROM devices FOR UPDATE")
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(allocator_on(Database(lambda: database_url)).allocate, request("alice"))
        wait_for_a_blocked_session(database)

        taker.close()  # gives up

        assert waiting.result(timeout=10).device_id == "phone-0000"


def wait_for_a_blocked_session(database: Database) -> None:
    """Return once some session waits for a lock."""
    deadline = time.monotonic() + 10
    while not database.call("SELECT count(*) FROM pg_locks WHERE NOT granted", {}):
        assert time.monotonic() < deadline, "nobody waits"


def test_an_allocation_renewed_since_the_sweep_picked_it_is_not_ended(database: Database) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice"))

    ended = database.rows("SELECT end_allocations(array_agg(id), 'expired') FROM device_allocations", {})

    assert ended == []
    assert_ledger_agrees(database)


def test_the_race_catches_the_naive_algorithm(database: Database, database_url: str, redis_url: str) -> None:
    database.call("DROP INDEX device_allocations_active_device", {})

    with pytest.raises(AssertionError, match="lent twice"):
        race_for_devices(database, database_url, lambda own: naive_allocate_on(own, redis_url), users=32, devices=40)
