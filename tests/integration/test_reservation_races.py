"""Bookings at the same instant, of each other and of claims, renewals and starts: the database decides."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.adapters import postgres as postgres_adapter
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.domain.errors import SchedulerError
from scheduler.domain.outcome import accepted
from scheduler.domain.plans import plan_document
from scheduler.domain.renewal import RenewalRequest, renewal_terms
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.ledger import assert_ledger_agrees
from tests.support.reservations import TENANT, book, booking, events, facts_of, keeper_on, reserver_on
from tests.support.sessions import administrator, holding, waiting

type Act = Callable[[Database], object]

CLASHES = """
SELECT a.device_id FROM reservations a JOIN reservations b ON a.device_id = b.device_id AND a.id < b.id
 WHERE a.status IN ('pending', 'executing') AND b.status IN ('pending', 'executing')
   AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
UNION ALL
SELECT r.device_id FROM reservations r JOIN device_allocations a ON a.device_id = r.device_id AND a.status = 'allocated'
 WHERE r.status = 'pending' AND a.expires_at > r.starts_at
UNION ALL
SELECT id FROM devices d WHERE next_reserved_at IS DISTINCT FROM next_reserved(d.id)
"""


def at_once(database_url: str, acts: Sequence[Act]) -> list[str]:
    """Do all at the same instant, each over its own connection; name what came of each."""
    start = threading.Barrier(len(acts))

    def do(act: Act) -> str:
        with closing(Database(lambda: database_url)) as own:
            own.call("SELECT 1", {})
            start.wait(timeout=30)
            try:
                act(own)
            except SchedulerError as refusal:
                return refusal.code
            return "done"

    with ThreadPoolExecutor(max_workers=len(acts)) as pool:
        return list(pool.map(do, acts))


def test_eight_overlapping_reservations_at_once_for_one_device_are_one(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 1)
    soon = still_clock.read() + timedelta(hours=1)
    wishes = [booking(f"user-{n}", soon + timedelta(minutes=5 * n)) for n in range(8)]

    outcomes = at_once(database_url, [lambda own, wish=wish: reserver_on(own).book(wish) for wish in wishes])

    assert sorted(outcomes) == ["done"] + ["reservation_conflict"] * 7
    assert database.rows(CLASHES, {}) == []
    assert_ledger_agrees(database)


def test_twenty_five_bookings_for_twenty_devices_are_twenty(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 20)
    soon = still_clock.read() + timedelta(hours=1)
    wishes = [booking(f"user-{n}", soon) for n in range(25)]

    outcomes = at_once(database_url, [lambda own, wish=wish: reserver_on(own).book(wish) for wish in wishes])

    assert sorted(outcomes) == ["done"] * 20 + ["reservation_conflict"] * 5
    assert database.call("SELECT count(DISTINCT device_id) FROM reservations", {}) == 20
    assert database.rows(CLASHES, {}) == []


def test_series_at_once_leave_nothing_half_booked(database: Database, database_url: str, still_clock: Clock) -> None:
    add_devices(database, 3)
    soon = still_clock.read() + timedelta(hours=1)
    days = [soon + timedelta(days=day) for day in range(6)]
    forth, back = booking("odd", *days), booking("even", *days)
    wishes = [forth, back, forth, back, forth, back]

    outcomes = at_once(database_url, [lambda own, wish=wish: reserver_on(own).book(wish) for wish in wishes])

    assert sorted(outcomes) == ["done"] * 3 + ["reservation_conflict"] * 3
    assert database.call("SELECT count(*) FROM reservations", {}) == 18
    assert database.rows(CLASHES, {}) == []


def test_claims_and_bookings_at_once_never_overlap(database: Database, database_url: str, still_clock: Clock) -> None:
    devices = add_devices(database, 10)
    soon = still_clock.read() + timedelta(minutes=30)
    acts: list[Act] = [
        lambda own, n=n: reserver_on(own).book(booking(f"booker-{n}", soon + timedelta(minutes=n))) for n in range(10)
    ]
    acts += [lambda own, n=n: allocator_on(own).allocate(request(f"claimer-{n}", minutes=60)) for n in range(10)]

    outcomes = at_once(database_url, acts)

    assert outcomes.count("done") == len(devices)
    assert database.rows(CLASHES, {}) == []
    assert_ledger_agrees(database)


def test_renewals_and_bookings_at_once_never_overlap(database: Database, database_url: str, still_clock: Clock) -> None:
    add_devices(database, 10)
    lent = [allocator_on(database).allocate(request(f"holder-{n}", minutes=30)) for n in range(10)]
    soon = still_clock.read() + timedelta(minutes=40)
    terms = renewal_terms(plan_document("enterprise"))
    acts: list[Act] = [
        lambda own, one=one: accepted(
            PostgresRenewals(own).renew(RenewalRequest(TENANT, one.user.user_id, one.id, 60), terms)
        )
        for one in lent
    ]
    acts += [lambda own, n=n: reserver_on(own).book(booking(f"booker-{n}", soon)) for n in range(10)]

    outcomes = at_once(database_url, acts)

    assert outcomes.count("done") == 10
    assert database.rows(CLASHES, {}) == []
    assert_ledger_agrees(database)


def test_one_user_cannot_overbook_herself_by_asking_at_once(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 20)
    soon = still_clock.read() + timedelta(hours=1)

    outcomes = at_once(database_url, [lambda own: reserver_on(own).book(booking("alice", soon))] * 15)

    assert sorted(outcomes) == ["done"] * 10 + ["quota_exceeded"] * 5


def test_keepers_at_once_begin_a_reservation_once(database: Database, database_url: str, still_clock: Clock) -> None:
    add_devices(database, 3)
    for n in range(3):
        book(database, still_clock, user_id=f"user-{n}")
    still_clock.advance(minutes=60)

    at_once(database_url, [lambda own: keeper_on(own).execute_due()] * 4)

    assert events(database).count("executed") == 3
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 3
    assert_ledger_agrees(database)


def test_a_cancel_and_the_start_at_once_leave_one_of_both(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)

    outcomes = at_once(
        database_url,
        [
            lambda own: reserver_on(own).cancel(reservation.id, TENANT, "alice", None),
            lambda own: keeper_on(own).execute_due(),
        ],
    )

    status = facts_of(database, reservation)["status"]
    assert (outcomes[0], status) in {("done", "cancelled"), ("reservation_not_pending", "executing")}
    assert database.rows(CLASHES, {}) == []


def test_who_finds_the_last_device_locked_waits_for_the_outcome(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 1)
    patient = Path(postgres_adapter.__file__).with_name("routines") / "await_reservable_device.sql"
    database.call(patient.read_text().replace("250ms", "20s").replace("%", "%%"), {})  # a slow machine needs its time
    wish = booking("alice", still_clock.read() + timedelta(hours=1))
    with (
        ThreadPoolExecutor(max_workers=1) as pool,
        closing(Database(lambda: database_url)) as own,
        administrator(database_url) as watcher,
        holding(database_url, "SELECT FROM devices FOR UPDATE") as taker,
    ):
        booked = pool.submit(reserver_on(own).book, wish)
        waiting(watcher, "Lock")
        taker.rollback()  # gives up

        assert [one.device_id for one in booked.result(timeout=10)] == ["phone-0000"]


def test_the_constraint_is_there_when_all_else_fails(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    book(database, still_clock)

    with pytest.raises(Exception, match="reservations_never_overlap"):
        database.call(
            "INSERT INTO reservations (tenant_id, user_id, device_id, starts_at, ends_at, duration_minutes, created_at,"
            " updated_at) SELECT tenant_id, user_id, device_id, starts_at + interval '1 minute',"
            " ends_at + interval '1 minute', 60, created_at, updated_at FROM reservations",
            {},
        )
