"""A device that comes back is wiped before it is lent again: who is kept waiting, what is kept, and for how long."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.device_reports import PostgresDeviceReports
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.fleet import PostgresFleet
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.domain.incoming import DeviceRecycled, EventMark, Family
from scheduler.runtime.migration import migrate_database
from tests.support.api import OPERATOR, SERVICE, Api, Context
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.ledger import assert_ledger_agrees
from tests.support.reservations import book, facts_of, keeper_on, status_of
from tools.handlers import load_function

DEVICES = "/scheduler/devices"
MINUTES = 30


@pytest.fixture
def wiping(database: Database) -> None:
    """The policy that devices are wiped."""
    PostgresDevices(database).follow_policy(recycles=True, minutes=MINUTES)


def life_of(database: Database, device_id: str) -> str:
    return str(database.call("SELECT life FROM devices WHERE id = %(id)s", {"id": device_id}))


def recycle(database: Database, device_id: str) -> None:
    """Let a device be wiped just now, as after a release."""
    database.call(
        "UPDATE devices SET life = 'recycling', recycling_since = scheduler_clock() WHERE id = %(id)s",
        {"id": device_id},
    )


def come_back(database: Database, device_id: str) -> None:
    database.call("SELECT change_life(%(id)s, ARRAY['recycling'], 'in_service', 'Recycled', NULL)", {"id": device_id})


def restored(database: Database) -> list[Mapping[str, Any]]:
    rows = database.rows("SELECT data FROM outbox WHERE type = 'scheduler.device.restored' ORDER BY id", {})
    return [row["data"] for row in rows]


def quarantined(database: Database) -> list[Mapping[str, Any]]:
    rows = database.rows("SELECT data FROM outbox WHERE type = 'scheduler.device.quarantined' ORDER BY id", {})
    return [row["data"] for row in rows]


@pytest.mark.usefixtures("wiping")
class TestTheWipe:
    """From the end of an allocation to the next one."""

    def test_a_released_device_is_lent_again_only_once_it_is_wiped(self, api: Api, database: Database) -> None:
        api.add_devices(1, id="phone-a")
        api.allocate()
        api.release("phone-a")
        assert api.allocate().code == "no_available_devices"
        assert api.get(f"{DEVICES}/available", SERVICE).data == []

        answer = api.post(f"{DEVICES}/phone-a/recycled", OPERATOR)

        assert (answer.data["life"], answer.data["recyclingSince"]) == ("in_service", None)
        assert [event["reason"] for event in restored(database)] == ["Recycled"]
        assert len(api.get(f"{DEVICES}/available", SERVICE).data) == 1
        assert api.allocate().status == 201
        assert_ledger_agrees(database)

    def test_so_is_one_whose_time_was_over(self, api: Api, database: Database, clock: Clock) -> None:
        api.add_devices(1, id="phone-a")
        api.allocate(durationMinutes=5)
        clock.advance(minutes=6)

        assert load_function("expire").handler({"source": "aws.events"}, Context())["expired"] == 1

        assert life_of(database, "phone-a") == "recycling"

    def test_a_device_that_is_drained_meanwhile_stays_out(self, api: Api, database: Database) -> None:
        api.add_devices(1, id="phone-a")
        api.allocate()
        api.post(f"{DEVICES}/phone-a/drain", OPERATOR)
        api.release("phone-a")

        api.post(f"{DEVICES}/phone-a/recycled", OPERATOR)

        assert life_of(database, "phone-a") == "draining"
        assert restored(database) == []

    def test_a_report_of_a_device_that_is_not_wiped_changes_nothing(self, api: Api, database: Database) -> None:
        api.add_devices(1, id="phone-a")

        assert api.post(f"{DEVICES}/phone-a/recycled", OPERATOR).data["life"] == "in_service"
        assert restored(database) == []

    def test_one_may_wait_for_devices_that_are_all_being_wiped(self, api: Api, database: Database) -> None:
        api.add_devices(1, id="phone-a")
        recycle(database, "phone-a")

        refused = api.allocate()
        entry = api.post("/scheduler/queue", SERVICE, {"userId": "bob"}).data
        api.post(f"{DEVICES}/phone-a/recycled", OPERATOR)
        load_function("dispatch").handler({"Records": [{}]}, Context())

        assert "wait" in {offer["kind"] for offer in refused.json["alternatives"]}
        assert api.get(f"/scheduler/queue/{entry['id']}", SERVICE).data["status"] == "fulfilled"

    def test_a_device_that_is_kept_for_a_waiter_is_kept_while_it_is_wiped(
        self, api: Api, database: Database, clock: Clock
    ) -> None:
        api.add_devices(1, id="phone-a")
        api.allocate()
        entry = api.post("/scheduler/queue", SERVICE, {"userId": "bob", "maxWaitMinutes": 60}).data
        clock.advance(minutes=20)
        assert PostgresQueue(database).hold(15)["deviceId"] == "phone-a"
        api.release("phone-a")

        assert PostgresQueue(database).drop_holds(100) == 0

        assert database.call("SELECT held_for::text FROM devices", {}) == entry["id"]
        api.post(f"{DEVICES}/phone-a/quarantine", OPERATOR)
        assert PostgresQueue(database).drop_holds(100) == 1


class TestTheReport:
    """device.recycled, from the host."""

    def test_it_brings_the_device_back_once(self, database: Database, clock: Clock) -> None:
        (device,) = add_devices(database, 1)
        recycle(database, device)

        outcomes = [note(database, device, "e-1", clock), note(database, device, "e-1", clock)]

        assert outcomes == ["changed", "applied"]
        assert life_of(database, device) == "in_service"
        assert len(restored(database)) == 1

    def test_one_that_tells_of_an_earlier_wipe_changes_nothing(self, database: Database, still_clock: Clock) -> None:
        (device,) = add_devices(database, 1)
        recycle(database, device)

        assert note(database, device, "e-1", still_clock, minutes_ago=2) == "stale"

        assert life_of(database, device) == "recycling"

    def test_a_clock_that_is_a_little_behind_does_no_harm(self, database: Database, still_clock: Clock) -> None:
        (device,) = add_devices(database, 1)
        recycle(database, device)

        assert note(database, device, "e-1", still_clock, minutes_ago=0.5) == "changed"

    @pytest.mark.parametrize(("life", "outcome"), [("quarantined", "unchanged"), ("deleted", "device_not_found")])
    def test_it_undoes_no_other_life(self, database: Database, clock: Clock, life: str, outcome: str) -> None:
        (device,) = add_devices(database, 1)
        database.call("UPDATE devices SET life = %(life)s", {"life": life})

        assert note(database, device, "e-1", clock) == outcome

        assert life_of(database, device) == life


def note(database: Database, device_id: str, event_id: str, clock: Clock, minutes_ago: float = 0) -> str:
    mark = EventMark(event_id, Family.RECYCLING, device_id, clock.read() - timedelta(minutes=minutes_ago))
    return str(PostgresDeviceReports(database).note_recycled(DeviceRecycled(mark, device_id), "Recycled")["outcome"])


@pytest.mark.usefixtures("wiping")
class TestTheLimit:
    """A device that is not back in time is quarantined."""

    def test_it_is_quarantined_with_the_reason(self, api: Api, database: Database, still_clock: Clock) -> None:
        api.add_devices(1, id="phone-a")
        recycle(database, "phone-a")
        still_clock.advance(minutes=MINUTES - 1, seconds=59)
        assert sweep()["quarantined"] == 0
        still_clock.advance(seconds=1)
        assert sweep()["quarantined"] == 1

        shown = api.get(f"{DEVICES}/phone-a", OPERATOR).data
        assert (shown["life"], shown["lifeReason"]) == ("quarantined", "Not recycled within 30 minutes")
        assert [event["reason"] for event in quarantined(database)] == ["Not recycled within 30 minutes"]
        assert sweep()["quarantined"] == 0
        assert api.post(f"{DEVICES}/phone-a/restore", OPERATOR).data["life"] == "in_service"

    def test_two_sweeps_at_once_quarantine_each_device_once(
        self, database: Database, database_url: str, clock: Clock
    ) -> None:
        devices = add_devices(database, 40)
        for device in devices:
            recycle(database, device)
        clock.advance(minutes=MINUTES + 1)

        def swept(_: int) -> list[str]:
            with closing(Database(lambda: database_url)) as own:
                return list(PostgresFleet(own).quarantine_unrecycled(100))

        with ThreadPoolExecutor(max_workers=4) as pool:
            found = [device for part in pool.map(swept, range(4)) for device in part]

        assert sorted(found) == sorted(devices)
        assert len(quarantined(database)) == 40

    def test_a_batch_has_a_limit_and_begins_with_the_longest_overdue(self, database: Database, clock: Clock) -> None:
        for device in add_devices(database, 3):
            recycle(database, device)
            clock.advance(minutes=1)
        clock.advance(minutes=MINUTES + 1)

        assert PostgresFleet(database).quarantine_unrecycled(2) == ["phone-0000", "phone-0001"]


class TestReservations:
    """A device that is being wiped keeps its reservations, unless the start is near."""

    @pytest.mark.parametrize(
        ("in_minutes", "moved"),
        [
            pytest.param(60, 0, id="far: kept"),
            pytest.param(6, 0, id="six minutes: kept"),
            pytest.param(4, 1, id="near: moved"),
        ],
    )
    def test_they_move_only_near_the_start(
        self, database: Database, still_clock: Clock, in_minutes: int, moved: int
    ) -> None:
        add_devices(database, 2)
        reservation = book(database, still_clock, in_minutes=in_minutes)
        recycle(database, reservation.device_id)

        assert keeper_on(database).move_endangered() == moved

        assert (facts_of(database, reservation)["deviceId"] == reservation.device_id) == (moved == 0)

    def test_without_another_device_they_wait_for_the_wipe(self, database: Database, still_clock: Clock) -> None:
        (device,) = add_devices(database, 1)
        reservation = book(database, still_clock, in_minutes=4)
        recycle(database, device)
        assert keeper_on(database).move_endangered() == 0
        still_clock.advance(minutes=5)
        assert keeper_on(database).execute_due() == 0
        assert status_of(database, reservation) == "pending"

        come_back(database, device)

        assert keeper_on(database).execute_due() == 1
        assert status_of(database, reservation) == "executing"
        assert_ledger_agrees(database)

    def test_one_whose_device_does_not_come_back_fails(self, database: Database, still_clock: Clock) -> None:
        (device,) = add_devices(database, 1)
        reservation = book(database, still_clock, in_minutes=4)
        recycle(database, device)
        still_clock.advance(minutes=MINUTES + 1)
        PostgresFleet(database).quarantine_unrecycled(10)

        keeper_on(database).execute_due()

        assert status_of(database, reservation) == "failed"

    @pytest.mark.parametrize("life", ["draining", "quarantined", "deleted"])
    def test_they_leave_a_device_that_goes_for_longer(self, database: Database, still_clock: Clock, life: str) -> None:
        add_devices(database, 2)
        reservation = book(database, still_clock)
        database.call("UPDATE devices SET life = %(to)s WHERE id = %(id)s", {"to": life, "id": reservation.device_id})

        assert keeper_on(database).move_endangered() == 1

        assert facts_of(database, reservation)["deviceId"] != reservation.device_id


def test_the_policy_comes_from_the_environment_when_the_database_is_migrated(
    environment: pytest.MonkeyPatch, database: Database
) -> None:
    environment.setenv("RECYCLING_ENABLED", "true")
    environment.setenv("RECYCLING_MINUTES", "45")

    assert migrate_database()["recycles"] is True

    assert database.rows("SELECT recycles, recycle_minutes FROM fleet_policy", {}) == [
        {"recycles": True, "recycle_minutes": 45}
    ]


def test_without_the_policy_a_device_is_free_at_once(database: Database) -> None:
    add_devices(database, 1)
    first = allocator_on(database).allocate(request("alice"))

    database.call("SELECT end_allocations(ARRAY[%(id)s::uuid], 'released')", {"id": first.id})

    assert allocator_on(database).allocate(request("bob")).device_id == first.device_id


def sweep() -> Mapping[str, Any]:
    run: Callable[..., Mapping[str, Any]] = load_function("expire").handler
    return run({"source": "aws.events"}, Context())
