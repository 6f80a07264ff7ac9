"""Promises when something is in the way: a busy row, a changed device, a broken neighbour, a key that comes twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.adapters import postgres as postgres_adapter
from scheduler.adapters.postgres import reservation_calendar
from scheduler.adapters.postgres.connection import Database, StatementFailed
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.domain.errors import QuotaServiceUnavailable, ReservationConflict
from scheduler.domain.model import DeviceWants, User
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import QuotaDocument
from scheduler.domain.renewal import RenewalRequest, renewal_terms
from tests.support.api import SERVICE, Api
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.ledger import assert_ledger_agrees
from tests.support.reservations import book, booking, facts_of, keeper_on, plan, reserver_on, status_of
from tests.support.sessions import administrator, holding, waiting
from tests.support.waiters import join, wish


class HalfReadable(BuiltInQuotas):
    """Quotas of which some cannot be read."""

    def document(self, user: User) -> QuotaDocument:
        """Fail for some."""
        if user.user_id.startswith("unread"):
            raise QuotaServiceUnavailable
        return super().document(user)


def usage_of(user_id: str) -> str:
    """A statement that keeps the row of a user of tenant acme."""
    return f"SELECT 1 FROM quota_usage WHERE user_id = '{user_id}' FOR UPDATE"


def test_a_reservation_whose_device_cannot_be_cleared_just_now_begins_in_the_next_run(
    database: Database, database_url: str, still_clock: Clock
) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("carol", minutes=45))
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)

    with holding(database_url, usage_of("carol")):
        assert keeper_on(database).execute_due() == 0
        assert status_of(database, reservation) == "pending"

    assert keeper_on(database).execute_due() == 1
    assert status_of(database, reservation) == "executing"
    assert_ledger_agrees(database)


def test_a_reservation_is_not_refused_for_what_its_owner_holds_overdue(database: Database, still_clock: Clock) -> None:
    add_devices(database, 2)
    plan(database, "alice", "free")
    allocator_on(database).allocate(request("alice", minutes=45))
    reservation = book(database, still_clock)
    still_clock.advance(minutes=60)
    terms = plan_document("free").terms_for(DeviceWants())

    # The last attempt, when the sweep before it has passed her over because her row was busy.
    facts = PostgresReservationCalendar(database).execute(reservation.id, terms, last_attempt=True)

    assert (facts["outcome"], status_of(database, reservation)) == ("not_due", "pending")
    assert keeper_on(database).execute_due() == 1


def test_more_reservations_begin_at_once_than_one_page_of_overdue_devices_holds(
    database: Database, still_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_calendar, "PAGE", 2)
    count = 40  # more than a reservation that finds its device overdue has ended for itself
    add_devices(database, count)
    for n in range(count):
        allocator_on(database).allocate(request(f"holder-{n}", minutes=45))
    booked = [book(database, still_clock, user_id=f"owner-{n}") for n in range(count)]
    still_clock.advance(minutes=60)

    assert keeper_on(database).execute_due() == count
    assert {status_of(database, one) for one in booked} == {"executing"}


def test_a_reservation_that_cannot_be_settled_holds_up_none_behind_it(database: Database, still_clock: Clock) -> None:
    add_devices(database, 2)
    book(database, still_clock, in_minutes=59, user_id="mallory")
    behind = book(database, still_clock, user_id="alice")
    database.call("ALTER TABLE device_allocations ADD CHECK (user_id <> 'mallory')", {})
    still_clock.advance(minutes=60)

    with pytest.raises(StatementFailed):
        keeper_on(database).execute_due()

    assert status_of(database, behind) == "executing"


def test_owners_whose_quota_cannot_be_read_hold_up_nobody_behind_them(database: Database, still_clock: Clock) -> None:
    add_devices(database, 7)
    for n in range(6):
        book(database, still_clock, in_minutes=59, user_id=f"unread-{n}")
    behind = book(database, still_clock, user_id="alice")
    still_clock.advance(minutes=60)
    keeper = keeper_on(database)
    keeper._quotas = HalfReadable(database, "pro")

    assert keeper.execute_due() == 1
    assert status_of(database, behind) == "executing"


def test_reservations_that_nothing_can_be_done_for_yet_hold_up_none_behind_them(
    database: Database, still_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservation_calendar, "PAGE", 1)
    devices = add_devices(database, 1, prefix="big", cpu_cores=16) + add_devices(database, 2, prefix="small")
    book(database, still_clock, in_minutes=59, user_id="bob", wants=DeviceWants(None, 16))
    behind = book(database, still_clock, user_id="alice")
    for device in {devices[0], behind.device_id}:
        PostgresDevices(database).change(device, {"status": "error"})

    assert keeper_on(database).move_endangered() == 1
    assert facts_of(database, behind)["deviceId"] != behind.device_id


@pytest.mark.parametrize("change", [{"cpu_cores": 2}, {"device_type": "ios"}, {"tenant_id": "globex"}])
def test_a_reservation_moves_off_a_device_that_is_not_what_it_was(
    database: Database, still_clock: Clock, change: dict[str, object]
) -> None:
    add_devices(database, 2)
    reservation = book(database, still_clock, wants=DeviceWants("android-14", 4, None, None))
    PostgresDevices(database).change(reservation.device_id, change)

    assert keeper_on(database).move_endangered() == 1

    moved = facts_of(database, reservation)
    assert (moved["status"], moved["deviceId"] != reservation.device_id) == ("pending", True)
    assert keeper_on(database).move_endangered() == 0
    assert_ledger_agrees(database)


def test_a_reservation_may_be_shortened_on_a_device_that_is_kept_for_a_waiter(
    database: Database, still_clock: Clock
) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("zoe", minutes=20))
    reservation = book(database, still_clock, in_minutes=90)
    join(database, wish("bob", minutes=30))
    still_clock.advance(minutes=1)
    assert PostgresQueue(database).hold(0)["outcome"] == "held"

    changed = reserver_on(database).change(reservation, {"duration_minutes": 30}, DeviceWants())

    assert (changed.duration_minutes, changed.device_id) == (30, reservation.device_id)
    starts = reservation.window.starts_at - timedelta(minutes=70)
    refusal = PostgresReservations(database).change(
        reservation, {"starts_at": starts.isoformat()}, plan_document("pro").terms_for(DeviceWants())
    )
    assert refusal["outcome"] == "reservation_conflict"


def test_noting_that_an_owner_came_waits_for_nobody(database: Database, database_url: str, still_clock: Clock) -> None:
    add_devices(database, 2)
    ending, going_on = (book(database, still_clock, user_id="alice") for _ in range(2))
    still_clock.advance(minutes=60)
    assert keeper_on(database).execute_due() == 2

    with holding(database_url, f"SELECT 1 FROM reservations WHERE id = '{ending.id}' FOR UPDATE"):
        PostgresReservations(database).attend(User("acme", "alice"))

    claimed = database.rows("SELECT id::text FROM reservations WHERE claimed_at IS NOT NULL", {})
    assert [row["id"] for row in claimed] == [going_on.id]


def test_a_wait_that_was_refused_under_a_key_stays_refused(api: Api) -> None:
    api.add_devices()
    api.allocate(userId="zoe")
    api.allocate(wait=True)

    answers = [api.allocate(wait=True, key="k") for _ in range(2)]

    assert [(answer.status, answer.json.get("code")) for answer in answers] == [(409, "already_queued")] * 2


def test_a_wait_that_ends_before_its_quota_is_read_stops_nobody(database: Database) -> None:
    add_devices(database, 1)
    entry = join(database, wish("alice"))
    PostgresQueue(database).cancel(entry, None, None, None)

    assert database.call("SELECT stale_waiters(e, '{}', 0) FROM queue_entries e", {}) == []


@pytest.mark.parametrize("until", ["9999-12-31", "infinity"])
def test_what_came_in_to_stay_on_a_reserved_device_is_refused_its_renewal(
    database: Database, still_clock: Clock, until: str
) -> None:
    (device,) = add_devices(database, 1)
    book(database, still_clock)
    imported = database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, expires_at)"
        " VALUES (%(device)s, 'zoe', 'acme', %(until)s) RETURNING id::text",
        {"device": device, "until": until},
    )
    wanted = RenewalRequest("acme", "zoe", imported, 30, None)

    facts = PostgresRenewals(database).renew(wanted, renewal_terms(plan_document("enterprise")))

    assert (facts["outcome"], facts["rule"], facts["maxAdditionalMinutes"]) == ("renewal_refused", "window", 0)


@pytest.mark.parametrize("change", ['{"tenant_id": "globex"}', '{"cpu_cores": 2}', '{"status": "error"}'])
def test_a_booking_that_waited_for_a_device_takes_it_only_as_it_is_then(
    database: Database, database_url: str, still_clock: Clock, change: str
) -> None:
    add_devices(database, 1)
    patient = Path(postgres_adapter.__file__).with_name("routines") / "await_reservable_device.sql"
    database.call(patient.read_text().replace("250ms", "20s").replace("%", "%%"), {})  # a slow machine needs its time
    wish = booking("alice", still_clock.read() + timedelta(hours=1), wants=DeviceWants(None, 4))
    with (
        ThreadPoolExecutor(max_workers=1) as pool,
        closing(Database(lambda: database_url)) as own,
        administrator(database_url) as watcher,
        holding(database_url, f"SELECT change_device('phone-0000', '{change}')") as changer,
    ):
        booked = pool.submit(reserver_on(own).book, wish)
        waiting(watcher, "Lock")
        changer.commit()

        with pytest.raises(ReservationConflict):
            booked.result(timeout=10)


def test_a_refusal_beside_a_device_that_is_lent_for_good_is_a_refusal(api: Api, database: Database) -> None:
    (device,) = api.add_devices()
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, expires_at)"
        " VALUES (%(id)s, 'zoe', 'acme', 'infinity')",
        {"id": device},
    )

    assert api.allocate().code == "no_available_devices"
    batch = api.post("/scheduler/allocations/batch", SERVICE, {"items": [{"userId": "alice"}], "atomic": True})
    assert (batch.status, batch.code) == (409, "no_available_devices")
    assert api.allocate(wait=True).data["estimatedWaitSeconds"] is not None
