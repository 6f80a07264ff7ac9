"""GET /scheduler/fleet: all devices in short, and no text for who has it already."""

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, SERVICE, Api, device_body

FLEET = "/scheduler/fleet"


def test_each_device_is_told_with_who_has_it_and_until_when(api: Api) -> None:
    api.post("/scheduler/devices", OPERATOR, {"devices": [device_body(n, id=f"phone-{n}") for n in range(3)]})
    granted = api.allocate().data
    told = {device["id"]: device for device in api.get(FLEET, OPERATOR).data}

    assert sorted(told) == ["phone-0", "phone-1", "phone-2"]
    lent = told.pop(granted["deviceId"])
    assert (lent["userId"], lent["userTenantId"], lent["expiresAt"]) == ("alice", "acme", granted["expiresAt"])
    assert lent["allocationId"] == granted["allocationId"]
    assert {device["userId"] for device in told.values()} == {None}
    assert {device["healthScore"] for device in told.values()} == {100}


def test_pages_follow_one_another_and_deleted_devices_are_in_none(api: Api) -> None:
    api.post("/scheduler/devices", OPERATOR, {"devices": [device_body(n, id=f"phone-{n}") for n in range(5)]})
    api.call("DELETE", "/scheduler/devices/phone-2", OPERATOR)
    first = api.get(FLEET, OPERATOR, limit="3").json
    second = api.get(FLEET, OPERATOR, limit="3", cursor=first["meta"]["nextCursor"]).json

    assert [device["id"] for device in first["data"]] == ["phone-0", "phone-1", "phone-3"]
    assert [device["id"] for device in second["data"]] == ["phone-4"]
    assert second["meta"]["nextCursor"] is None


def test_a_late_heartbeat_is_seen_in_the_health(api: Api, database: Database) -> None:
    api.post("/scheduler/devices", OPERATOR, device_body(0, id="phone-0"))
    database.rows(
        "INSERT INTO device_heartbeats (device_id, cpu_usage, memory_usage, storage_usage, observed_at)"
        " VALUES ('phone-0', 10, 10, 10, now() - interval '1 hour') RETURNING device_id",
        {},
    )

    assert api.get(FLEET, OPERATOR).data[0]["healthScore"] == 60


def test_who_has_the_answer_already_gets_no_text(api: Api) -> None:
    api.post("/scheduler/devices", OPERATOR, device_body(0, id="phone-0"))
    first = api.get(FLEET, OPERATOR)
    tag = first.headers["ETag"]
    again = api.call("GET", FLEET, OPERATOR, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)

    api.allocate()
    changed = api.call("GET", FLEET, OPERATOR, headers={"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["ETag"] != tag


def test_only_operators_see_the_fleet(api: Api) -> None:
    assert api.get(FLEET, SERVICE).status == 403
