"""What falls due of reservations, by the database's clock."""

from datetime import timedelta

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.domain.errors import NoAvailableDevices, QuotaServiceUnavailable, ReservationConflict
from scheduler.domain.events import EventType
from scheduler.domain.model import AvailableFilter, User
from scheduler.domain.quota import QuotaDocument
from scheduler.service.reservation_keeper import KeepingPolicy, ReservationKeeper
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import assert_ledger_agrees
from tests.support.reservations import (
    book,
    booking,
    events,
    facts_of,
    keeper_on,
    next_reserved_at,
    plan,
    reserver_on,
    status_of,
)
from tests.support.schemas import faults

RESERVATION_EVENTS = {kind for kind in EventType if kind.startswith("scheduler.reservation.")}


def break_down(database: Database, device_id: str) -> None:
    """Let a device's host report that it failed."""
    PostgresDevices(database).change(device_id, {"status": "error"})


def holders(database: Database) -> dict[str, str]:
    """Who holds which device now."""
    rows = database.rows("SELECT device_id, user_id FROM device_allocations WHERE status = 'allocated'", {})
    return {row["device_id"]: row["user_id"] for row in rows}


def test_at_its_start_a_reservation_becomes_an_allocation_that_ends_with_the_window(
    database: Database, still_clock: Clock
) -> None:
    (device,) = add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)

    assert keeper_on(database).execute_due() == 1

    (row,) = database.rows("SELECT * FROM device_allocations", {})
    assert (row["device_id"], row["user_id"], row["status"]) == (device, "alice", "allocated")
    assert (row["allocated_at"], row["expires_at"]) == (reservation.window.starts_at, reservation.window.ends_at)
    assert status_of(database, reservation) == "executing"
    assert next_reserved_at(database, device) is None
    assert events(database) == ["created", "executed"]
    assert keeper_on(database).execute_due() == 0
    assert_ledger_agrees(database)


def test_nothing_begins_before_its_time(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=59, seconds=59)

    assert keeper_on(database).execute_due() == 0
    assert status_of(database, reservation) == "pending"


def test_a_late_schedule_still_serves_what_is_left_of_the_window(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    reservation = book(database, still_clock, minutes=30)
    still_clock.advance(minutes=70)

    assert keeper_on(database).execute_due() == 1

    (row,) = database.rows("SELECT expires_at, allocated_at FROM device_allocations", {})
    assert row["expires_at"] == reservation.window.ends_at
    assert row["expires_at"] - row["allocated_at"] == timedelta(minutes=20)


def test_a_window_that_nobody_served_expires_and_hinders_no_later_one(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    missed = book(database, still_clock, minutes=30)
    later = book(database, still_clock, in_minutes=90, user_id="bob")
    still_clock.advance(minutes=91)

    assert keeper_on(database).execute_due() == 1

    assert (status_of(database, missed), status_of(database, later)) == ("expired", "executing")
    assert events(database) == ["created", "created", "expired", "executed"]
    assert_ledger_agrees(database)


def test_the_reservation_completes_when_its_allocation_ends(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()
    still_clock.advance(minutes=60)

    database.call("SELECT count(*) FROM expire_due(10)", {})

    assert status_of(database, reservation) == "completed"
    assert_ledger_agrees(database)


def test_an_overdue_allocation_on_the_device_is_ended_first(database: Database, still_clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    allocator_on(database).allocate(request("carol", minutes=45))
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)

    assert keeper_on(database).execute_due() == 1

    assert holders(database) == {device: "alice"}
    assert status_of(database, reservation) == "executing"
    assert_ledger_agrees(database)


def test_an_own_overdue_allocation_does_not_cost_the_quota(database: Database, still_clock: Clock) -> None:
    add_devices(database, 2)
    plan(database, "alice", "free")
    reservation = book(database, still_clock)
    allocator_on(database).allocate(request("alice", minutes=45))
    still_clock.advance(minutes=60)

    keeper_on(database).execute_due()

    assert status_of(database, reservation) == "executing"


def test_what_the_quota_forbids_at_the_start_fails_with_its_text(database: Database, still_clock: Clock) -> None:
    (device, _) = add_devices(database, 2)
    plan(database, "alice", "free")
    reservation = book(database, still_clock)
    allocator_on(database).allocate(request("alice", minutes=90))
    still_clock.advance(minutes=60)

    assert keeper_on(database).execute_due() == 1

    facts = facts_of(database, reservation)
    assert (facts["status"], facts["reason"]) == ("failed", "Device quota exceeded. Max: 1, Current: 1")
    assert next_reserved_at(database, device) is None
    assert events(database) == ["created", "failed"]
    assert_ledger_agrees(database)


def test_while_the_quota_cannot_be_read_the_reservation_waits(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    keeper = ReservationKeeper(
        PostgresReservationCalendar(database), NoQuotas(), NoCache(), FakeMeter(), KeepingPolicy(15, None)
    )

    assert keeper.execute_due() == 0

    assert status_of(database, reservation) == "pending"
    assert keeper_on(database).execute_due() == 1


def test_a_device_that_died_is_replaced_at_the_start(database: Database, still_clock: Clock) -> None:
    first, second = add_devices(database, 2)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    break_down(database, first)

    assert keeper_on(database).execute_due() == 1

    assert holders(database) == {second: "alice"}
    assert facts_of(database, reservation)["deviceId"] == second
    assert next_reserved_at(database, first) is None
    assert_ledger_agrees(database)


def test_the_replacement_is_free_until_the_window_ends(database: Database, still_clock: Clock) -> None:
    first, second = add_devices(database, 2)
    book(database, still_clock, minutes=120)
    others = book(database, still_clock, in_minutes=120, user_id="bob")
    database.call("UPDATE reservations SET device_id = %(to)s WHERE id = %(id)s", {"to": second, "id": others.id})
    database.call("UPDATE devices d SET next_reserved_at = next_reserved(d.id)", {})
    still_clock.advance(minutes=60)
    break_down(database, first)

    keeper_on(database).execute_due()

    assert holders(database) == {}
    assert events(database)[-1] == "failed"


def test_without_any_device_the_start_fails(database: Database, still_clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    break_down(database, device)

    keeper_on(database).execute_due()

    facts = facts_of(database, reservation)
    assert (facts["status"], facts["reason"]) == ("failed", "No device that fits is free")
    assert_ledger_agrees(database)


def test_a_reservation_leaves_a_device_that_breaks_down(database: Database, still_clock: Clock) -> None:
    first, second = add_devices(database, 2)
    reservation = book(database, still_clock, in_minutes=600)
    break_down(database, first)

    assert keeper_on(database).move_endangered() == 1

    assert facts_of(database, reservation)["deviceId"] == second
    assert next_reserved_at(database, first) is None
    assert next_reserved_at(database, second) == reservation.window.starts_at
    assert events(database) == ["created", "updated"]
    assert keeper_on(database).move_endangered() == 0
    assert_ledger_agrees(database)


def test_without_another_device_the_owner_is_told_in_good_time(database: Database, still_clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    reservation = book(database, still_clock)
    break_down(database, device)

    assert keeper_on(database, notice_minutes=20).move_endangered() == 0
    still_clock.advance(minutes=40)
    assert keeper_on(database, notice_minutes=20).move_endangered() == 1

    facts = facts_of(database, reservation)
    assert facts["status"] == "failed"
    assert facts["reason"] == "The device can no longer serve it, and no other that fits is free"
    assert events(database) == ["created", "failed"]


def test_nobody_comes_and_the_device_is_freed_where_that_is_wished(database: Database, still_clock: Clock) -> None:
    (device,) = add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()
    still_clock.advance(minutes=9, seconds=59)
    assert keeper_on(database, no_show_minutes=10).end_no_shows() == 0
    still_clock.advance(seconds=1)

    assert keeper_on(database).end_no_shows() == 0
    assert keeper_on(database, no_show_minutes=10).end_no_shows() == 1

    facts = facts_of(database, reservation)
    assert (facts["status"], facts["reason"]) == ("completed", "Nobody came within 10 minutes of the start")
    (told,) = database.rows("SELECT data ->> 'reason' AS reason FROM outbox WHERE type LIKE '%%.revoked'", {})
    assert told["reason"] == facts["reason"]
    assert allocator_on(database).allocate(request("bob")).device_id == device
    assert events(database, "scheduler.allocation.") == ["revoked"]
    assert reserver_on(database).totals("acme").no_shows == 1
    assert_ledger_agrees(database)


def test_who_came_is_not_ended(database: Database, still_clock: Clock) -> None:
    from scheduler.adapters.postgres.reservations import PostgresReservations

    add_devices(database, 1)
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()
    PostgresReservations(database).attend(User("acme", "bob"))
    PostgresReservations(database).attend(User("acme", "alice"))
    still_clock.advance(minutes=30)

    assert keeper_on(database, no_show_minutes=10).end_no_shows() == 0
    assert status_of(database, reservation) == "executing"


@pytest.mark.parametrize("remind_before", [pytest.param(15, id="wished"), pytest.param(0, id="not wished")])
def test_a_reminder_is_sent_once(database: Database, still_clock: Clock, remind_before: int) -> None:
    add_devices(database, 1)
    book(database, still_clock, remind_before_minutes=remind_before)
    still_clock.advance(minutes=44)
    assert keeper_on(database).remind_due() == 0
    still_clock.advance(minutes=1)

    sent = [keeper_on(database).remind_due(), keeper_on(database).remind_due()]

    assert sent == [1 if remind_before else 0, 0]
    assert events(database).count("reminder") == sent[0]


def test_what_is_reserved_now_is_not_shown_as_available(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    book(database, still_clock)
    shown = [PostgresDevices(database).available(AvailableFilter("acme")).total]
    still_clock.advance(minutes=60)
    shown.append(PostgresDevices(database).available(AvailableFilter("acme")).total)

    assert shown == [1, 0]


def test_an_overdue_allocation_blocks_no_booking(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("carol", minutes=30))
    still_clock.advance(minutes=31)

    assert book(database, still_clock, in_minutes=1).user == User("acme", "alice")


@pytest.mark.parametrize(
    "why",
    [
        pytest.param("held_for = gen_random_uuid()", id="kept for a waiter"),
        pytest.param("status = 'maintenance'", id="in maintenance"),
        pytest.param("life = 'draining'", id="on its way out"),
        pytest.param("busy_until = scheduler_clock() + interval '61 minutes'", id="lent beyond the start"),
        pytest.param("busy_until = NULL", id="lent without an end"),
    ],
)
def test_such_a_device_is_not_booked(database: Database, still_clock: Clock, why: str) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("carol", minutes=30))
    book(database, still_clock, in_minutes=600)
    database.call(f"UPDATE devices SET {why}", {})

    with pytest.raises(ReservationConflict):
        book(database, still_clock)


def test_no_claim_reaches_into_a_reservation_of_anybody(database: Database, still_clock: Clock) -> None:
    add_devices(database, 1)
    book(database, still_clock)

    for user_id in ("bob", "alice"):
        with pytest.raises(NoAvailableDevices):
            allocator_on(database).allocate(request(user_id, minutes=61))

    assert allocator_on(database).allocate(request("bob", minutes=60)).user == User("acme", "bob")
    assert_ledger_agrees(database)


def test_every_event_of_a_reservation_is_as_its_schema_says(database: Database, still_clock: Clock) -> None:
    first, _ = add_devices(database, 2)
    reserver = reserver_on(database)
    start = still_clock.read() + timedelta(minutes=60)
    reserver.book(booking("alice", start, start + timedelta(days=1)))
    reserver.cancel(book(database, still_clock, user_id="bob").id, "acme", None, None)
    book(database, still_clock, in_minutes=200, minutes=15, user_id="carol")
    still_clock.advance(minutes=60)
    keeper = keeper_on(database)
    keeper.execute_due()
    break_down(database, first)
    still_clock.advance(minutes=130)
    keeper.remind_due()
    still_clock.advance(minutes=60)
    keeper.execute_due()
    keeper.move_endangered()
    database.call("UPDATE devices SET status = 'error'", {})
    still_clock.advance(minutes=1240)
    keeper.move_endangered()

    told = [event.envelope() for event in PostgresOutbox(database).oldest(100)]

    assert set(events(database)) == {kind.removeprefix("scheduler.reservation.") for kind in RESERVATION_EVENTS}
    assert {envelope["type"]: faults(envelope) for envelope in told} == {envelope["type"]: [] for envelope in told}
    assert all(
        event.group_id.startswith("acme|") for event in PostgresOutbox(database).oldest(100) if "reserv" in event.type
    )


class NoQuotas:
    """A user service that is down."""

    def document(self, user: User) -> QuotaDocument:
        """Fail."""
        raise QuotaServiceUnavailable
