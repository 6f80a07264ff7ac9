"""Operators lead devices' lives: drain, quarantine, restore, delete, and look at the fleet, on real parts."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.fleet import PostgresFleet
from scheduler.adapters.postgres.interventions import PostgresInterventions
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.domain.device_life import Act
from scheduler.domain.errors import SchedulerError, Unavailable
from scheduler.service.device_life import DeviceLife
from scheduler.service.failover import Failover
from tests.support.api import OPERATOR, SERVICE, USER, Answer, Api, Claims, Context, device_body
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import assert_ledger_agrees
from tests.support.schemas import faults
from tools.handlers import load_function

DEVICES = "/scheduler/devices"
ACTS = ("drain", "quarantine", "restore", "recycled")


def act(
    api: Api, name: str, device_id: str, body: Any = None, claims: Claims = OPERATOR, key: str | None = None
) -> Answer:
    return api.post(f"{DEVICES}/{device_id}/{name}", claims, body, key=key)


def delete(api: Api, device_id: str, claims: Claims = OPERATOR) -> Answer:
    return api.call("DELETE", f"{DEVICES}/{device_id}", claims)


def read(api: Api, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{DEVICES}/{device_id}", OPERATOR).data
    return found


def told(database: Database, kind: str) -> list[Mapping[str, Any]]:
    rows = database.rows("SELECT data FROM outbox WHERE type = %(type)s ORDER BY id", {"type": kind})
    return [row["data"] for row in rows]


class TestTheList:
    """GET /devices."""

    def test_pages_follow_one_another_by_id(self, api: Api) -> None:
        devices = [device_body(n, id=f"phone-{n}") for n in (3, 1, 2)]
        api.post(DEVICES, OPERATOR, {"devices": devices})

        first = api.get(DEVICES, OPERATOR, limit=2)
        rest = api.get(DEVICES, OPERATOR, limit=2, cursor=first.json["meta"]["nextCursor"])

        assert [device["id"] for device in first.data + rest.data] == ["phone-1", "phone-2", "phone-3"]
        assert rest.json["meta"] == {"limit": 2, "nextCursor": None}

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            pytest.param({}, ["a", "b", "c", "d"], id="all but the deleted"),
            pytest.param({"status": "running"}, ["a", "c", "d"], id="by status"),
            pytest.param({"status": "stopped"}, ["b"], id="by a status that is rare"),
            pytest.param({"life": "in_service"}, ["a", "b", "d"], id="by life"),
            pytest.param({"life": "draining"}, ["c"], id="by a life that is rare"),
            pytest.param({"life": "deleted"}, ["e"], id="the deleted, where asked for"),
            pytest.param({"deviceType": "tablet"}, ["d"], id="by type"),
            pytest.param({"tenantId": "globex"}, ["a"], id="dedicated to a tenant"),
            pytest.param({"deviceType": "android-14", "life": "draining"}, ["c"], id="by type and life"),
            pytest.param({"deviceType": "tablet", "tenantId": "globex"}, [], id="by type and tenant"),
            pytest.param({"status": "stopped", "life": "draining"}, [], id="by status and life"),
        ],
    )
    def test_filters(self, api: Api, filters: Mapping[str, str], expected: list[str]) -> None:
        for name, fields in {
            "a": {"tenantId": "globex"},
            "b": {"status": "stopped"},
            "c": {},
            "d": {"deviceType": "tablet"},
            "e": {},
        }.items():
            api.add_devices(1, id=name, **fields)
        act(api, "drain", "c")
        delete(api, "e")

        assert [device["id"] for device in api.get(DEVICES, OPERATOR, **filters).data] == expected

    @pytest.mark.parametrize(
        "wrong", [{"status": "lost"}, {"life": "young"}, {"limit": 0}, {"limit": 201}, {"cursor": "x"}]
    )
    def test_wrong_filters_are_refused(self, api: Api, wrong: Mapping[str, Any]) -> None:
        assert api.get(DEVICES, OPERATOR, **wrong).code == "validation_failed"

    def test_the_free_devices_are_no_device_called_available(self, api: Api) -> None:
        api.add_devices(1, id="phone-a")

        assert api.get(f"{DEVICES}/available", SERVICE).json["total"] == 1
        assert api.get(f"{DEVICES}/phone-b", OPERATOR).code == "device_not_found"

    @pytest.mark.parametrize("claims", [USER, SERVICE])
    def test_only_operators_look_and_act(self, api: Api, claims: Claims) -> None:
        api.add_devices(1, id="phone-a")

        answers = [api.get(DEVICES, claims), api.get(f"{DEVICES}/phone-a", claims), delete(api, "phone-a", claims)]
        answers += [act(api, name, "phone-a", claims=claims) for name in ACTS]

        assert {answer.code for answer in answers} == {"forbidden"}
        assert read(api, "phone-a")["life"] == "in_service"


def test_a_device_is_shown_with_what_runs_is_reserved_and_was_reported(
    api: Api, database: Database, still_clock: Clock
) -> None:
    api.add_devices(1, id="phone-a", host="rack-7", model="Pixel", labels={"rack": "7"})
    lent = api.allocate(durationMinutes=30).data
    start = (still_clock.read() + timedelta(hours=2)).isoformat()
    wish = {"userId": "bob", "startTime": start, "durationMinutes": 60}
    booked = api.post("/scheduler/reservations", SERVICE, wish).data
    database.call("SELECT note_heartbeat('phone-a', 90, 20, 30, scheduler_clock())", {})
    database.call("UPDATE devices SET failures_in_row = 1", {})
    still_clock.advance(seconds=45)

    shown = read(api, "phone-a")

    assert shown == api.get(DEVICES, OPERATOR).data[0]
    assert (shown["status"], shown["life"], shown["failuresInRow"]) == ("running", "in_service", 1)
    assert (shown["activeAllocationId"], shown["busyUntil"]) == (lent["allocationId"], lent["expiresAt"])
    assert shown["nextReservation"]["reservationId"] == booked["reservationId"]
    beat = {name: value for name, value in shown["heartbeat"].items() if name != "observedAt"}
    assert beat == {"cpuUsage": 90.0, "memoryUsage": 20.0, "storageUsage": 30.0, "ageSeconds": 45}
    assert shown["healthScore"] == 77  # 40 fresh, 10 of 20 for room, two thirds of 40
    assert (shown["host"], shown["model"], shown["labels"], shown["adbHost"]) == (
        "rack-7",
        "Pixel",
        {"rack": "7"},
        "10.0.0.7",
    )


def test_a_drained_device_finishes_what_runs_and_is_lent_no_more(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    lent = api.allocate().data

    answer = act(api, "drain", "phone-a")

    assert (answer.data["life"], answer.data["lifeReason"]) == ("draining", "Drained by an operator")
    assert api.renew(lent["allocationId"], 5).status == 200
    assert api.release("phone-a").status == 200
    assert read(api, "phone-a")["life"] == "draining"
    assert api.allocate().code == "no_available_devices"
    assert act(api, "restore", "phone-a").data["life"] == "in_service"
    assert api.allocate().status == 201
    assert_ledger_agrees(database)


def test_a_quarantined_device_is_left_at_once_for_another_one(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    lent = api.allocate().data
    api.add_devices(1, id="phone-b")

    answer = act(api, "quarantine", "phone-a", {"reason": "The screen flickers"})

    assert (answer.data["life"], answer.data["lifeReason"]) == ("quarantined", "The screen flickers")
    now = api.get(f"/scheduler/allocations/{lent['allocationId']}", SERVICE).data
    assert (now["status"], now["deviceId"]) == ("allocated", "phone-b")
    assert api.release("phone-a", fencingToken=lent["fencingToken"]).code == "allocation_not_found"
    assert read(api, "phone-a")["activeAllocationId"] is None
    (event,) = told(database, "scheduler.device.quarantined")
    assert (event["deviceId"], event["reason"]) == ("phone-a", "The screen flickers")
    (moved,) = told(database, "scheduler.allocation.failed_over")
    assert (moved["oldDeviceId"], moved["deviceId"], moved["creditedSeconds"]) == ("phone-a", "phone-b", 0)
    assert_ledger_agrees(database)


@pytest.mark.parametrize("leave", [lambda api: act(api, "quarantine", "phone-a"), lambda api: delete(api, "phone-a")])
def test_without_another_device_what_runs_ends(api: Api, database: Database, leave: Any) -> None:
    api.add_devices(1, id="phone-a")
    lent = api.allocate().data

    assert leave(api).status == 200

    assert api.get(f"/scheduler/allocations/{lent['allocationId']}", SERVICE).data["status"] == "revoked"
    assert_ledger_agrees(database)


def test_what_an_act_left_half_way_the_sweep_finishes(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_devices(1, id="phone-a")
    lent = api.allocate().data
    api.add_devices(1, id="phone-b")

    def die(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as cut:
        cut.setattr(Failover, "leave_device", die)
        assert act(api, "quarantine", "phone-a").code == "unavailable"
    assert api.allocate(userId="bob").data["deviceId"] == "phone-b"
    assert api.release("phone-b", userId="bob").status == 200

    load_function("expire").handler({"source": "aws.events"}, Context())

    assert api.get(f"/scheduler/allocations/{lent['allocationId']}", SERVICE).data["deviceId"] == "phone-b"
    assert PostgresFleet(database).to_clear(10) == []


@pytest.mark.parametrize("name", ["drain", "quarantine"])
def test_a_device_out_of_service_is_neither_lent_nor_reserved_nor_waited_for(api: Api, clock: Clock, name: str) -> None:
    api.add_devices(1, id="phone-a")
    act(api, name, "phone-a")
    start = (clock.read() + timedelta(hours=2)).isoformat()
    booked = api.post("/scheduler/reservations", SERVICE, {"userId": "bob", "startTime": start, "durationMinutes": 60})

    assert api.get(f"{DEVICES}/available", SERVICE).data == []
    assert api.allocate().code == "no_available_devices"
    assert booked.code == "reservation_conflict"
    assert api.post("/scheduler/queue", SERVICE, {"userId": "bob"}).code == "no_available_devices"


def test_the_list_of_free_devices_follows_at_once(api: Api) -> None:
    api.add_devices(1, id="phone-a")
    seen = []
    for name in ("drain", "restore", "quarantine", "restore"):
        act(api, name, "phone-a")
        seen.append(len(api.get(f"{DEVICES}/available", SERVICE).data))

    assert seen == [0, 1, 0, 1]


def test_a_restored_device_comes_without_a_past_and_keeps_its_status(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a", status="stopped")
    act(api, "quarantine", "phone-a", {"reason": "dust"})
    database.call("UPDATE devices SET failures_in_row = 3, recycling_since = now()", {})

    shown = act(api, "restore", "phone-a").data

    assert (shown["life"], shown["lifeReason"], shown["recyclingSince"], shown["failuresInRow"]) == (
        "in_service",
        None,
        None,
        0,
    )
    assert shown["status"] == "stopped"
    (event,) = told(database, "scheduler.device.restored")
    assert (event["deviceId"], event["reason"]) == ("phone-a", "Restored by an operator")


def test_there_is_nothing_to_restore_of_a_device_in_service(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")

    answer = act(api, "restore", "phone-a")

    assert (answer.status, answer.code) == (409, "device_not_restorable")
    assert told(database, "scheduler.device.restored") == []


def test_a_deleted_device_is_gone_but_its_history_stays(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    api.allocate()
    api.release("phone-a")

    assert delete(api, "phone-a").data == {"id": "phone-a"}

    answers = [delete(api, "phone-a"), api.get(f"{DEVICES}/phone-a", OPERATOR)]
    answers += [act(api, name, "phone-a") for name in ACTS]
    answers += [api.call("PATCH", f"{DEVICES}/phone-a", OPERATOR, {"name": "ghost"})]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "device_not_found")}
    assert api.post(DEVICES, OPERATOR, device_body(1, id="phone-a")).code == "device_exists"
    assert [d["id"] for d in api.get(DEVICES, OPERATOR, life="deleted").data] == ["phone-a"]
    assert api.get("/scheduler/allocations", SERVICE, deviceId="phone-a").data[0]["status"] == "released"


@pytest.mark.parametrize("name", ACTS)
def test_an_unknown_device_is_not_found(api: Api, name: str) -> None:
    answer = act(api, name, "nowhere")

    assert (answer.status, answer.code) == (404, "device_not_found")


@pytest.mark.parametrize("name", ["drain", "quarantine"])
def test_an_act_done_twice_is_done_once(api: Api, database: Database, name: str) -> None:
    api.add_devices(1, id="phone-a")

    lives = [act(api, name, "phone-a").data["lifeChangedAt"] for _ in range(2)]

    assert lives[0] == lives[1]
    assert len(told(database, "scheduler.device.quarantined")) == (name == "quarantine")


def test_the_same_key_has_one_effect_and_one_answer(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    api.add_devices(1, id="phone-b")

    first = act(api, "quarantine", "phone-a", {"reason": "dust"}, key="k-1")
    act(api, "restore", "phone-a")
    again = act(api, "quarantine", "phone-a", {"reason": "dust"}, key="k-1")

    assert (again.status, again.text) == (200, first.text)
    assert read(api, "phone-a")["life"] == "in_service"
    assert act(api, "quarantine", "phone-b", {"reason": "dust"}, key="k-1").code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("drain", {"reason": "x"}),
        ("quarantine", {"reason": ""}),
        ("quarantine", {"reason": "x" * 501}),
        ("restore", {"a": 1}),
    ],
)
def test_a_wrong_body_is_refused(api: Api, name: str, body: Mapping[str, Any]) -> None:
    api.add_devices(1, id="phone-a")

    assert act(api, name, "phone-a", body).code == "validation_failed"


def test_the_events_of_a_life_are_as_their_schemas_say(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    act(api, "quarantine", "phone-a")
    act(api, "restore", "phone-a")

    events = PostgresOutbox(database).oldest(10)

    assert [(event.type, event.subject, event.group_id) for event in events] == [
        ("scheduler.device.quarantined", "phone-a", "phone-a"),
        ("scheduler.device.restored", "phone-a", "phone-a"),
    ]
    assert [faults(event.envelope()) for event in events] == [[], []]


def test_a_device_that_runs_again_is_lent_to_who_waits_at_once(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")
    api.allocate()
    entry = api.post("/scheduler/queue", SERVICE, {"userId": "bob"}).data
    api.add_devices(1, id="phone-b", status="maintenance")

    for changes in ({"name": "renamed"}, {"status": "running"}, {"name": "again"}):
        api.call("PATCH", f"{DEVICES}/phone-b", OPERATOR, changes)

    assert [event["reason"] for event in told(database, "scheduler.device.restored")] == ["Running again"]
    load_function("dispatch").handler({"Records": [{}]}, Context())
    assert api.get(f"/scheduler/queue/{entry['id']}", SERVICE).data["deviceId"] == "phone-b"


def test_whatever_races_nobody_is_left_on_a_device_out_of_service(database: Database, database_url: str) -> None:
    devices = add_devices(database, 6)
    wishes = [partial(lend, f"user-{n}") for n in range(12)]
    acts = [
        partial(lead, act, device) for device in devices[:3] for act in (Act.QUARANTINE, Act.RESTORE, Act.QUARANTINE)
    ]
    start = Barrier(len(wishes + acts))

    def run(work: Callable[[Database], None]) -> None:
        with closing(Database(lambda: database_url)) as own:
            own.call("SELECT 1", {})
            start.wait(timeout=30)
            with suppress(SchedulerError):
                work(own)

    with ThreadPoolExecutor(max_workers=len(wishes + acts)) as pool:
        list(pool.map(run, wishes + acts))

    assert PostgresFleet(database).to_clear(10) == []
    assert_ledger_agrees(database)


def lend(user_id: str, own: Database) -> None:
    allocator_on(own).allocate(request(user_id))


def lead(act: Act, device_id: str, own: Database) -> None:
    failover = Failover(PostgresInterventions(own), BuiltInQuotas(own, "pro"), NoCache(), FakeMeter())
    DeviceLife(PostgresFleet(own), failover, NoCache(), FakeMeter()).act(act, device_id, by="night-shift")
