"""A device that fails three allocations in a row takes itself out of service, as events from its host tell it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.runtime.consumer import get_consumer
from tests.support.api import OPERATOR, Api
from tests.support.incoming import envelope, message
from tests.support.ledger import assert_ledger_agrees

DEVICE = "phone-a"
REPORTED_FROM = datetime.now(UTC) - timedelta(minutes=10)


class Host:
    """Tells of the device, one event a second."""

    def __init__(self) -> None:
        self._told = 0

    def tell(self, kind: str, **data: Any) -> None:
        self._told += 1
        at = REPORTED_FROM + timedelta(seconds=self._told)
        told = envelope(kind, id=f"e-{self._told}", time=at.isoformat(), data={"deviceId": DEVICE, **data})
        get_consumer().consume(message(told, datetime.now(UTC)))

    def break_down(self) -> None:
        self.tell("device.failed", reason="No answer")

    def come_back(self) -> None:
        self.tell("device.status_changed", oldStatus="error", newStatus="running")


@pytest.fixture
def host(api: Api) -> Host:
    api.add_devices(1, id=DEVICE)
    return Host()


def shown(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/scheduler/devices/{DEVICE}", OPERATOR).data
    return found


def test_the_third_failure_in_a_row_quarantines_it(api: Api, database: Database, host: Host) -> None:
    seen = []
    for _ in range(3):
        assert api.allocate().data["deviceId"] == DEVICE
        host.break_down()
        host.come_back()
        device = shown(api)
        seen.append((device["life"], device["failuresInRow"], device["healthScore"]))

    assert seen == [("in_service", 1, 87), ("in_service", 2, 73), ("quarantined", 3, 60)]
    assert shown(api)["lifeReason"] == "Failed 3 allocations in a row"
    assert api.allocate().code == "no_available_devices"
    assert [d["id"] for d in api.get("/scheduler/devices", OPERATOR, life="quarantined").data] == [DEVICE]
    (event,) = database.rows("SELECT data FROM outbox WHERE type = 'scheduler.device.quarantined'", {})
    assert (event["data"]["deviceId"], event["data"]["failuresInRow"]) == (DEVICE, 3)
    assert_ledger_agrees(database)


def test_an_end_in_order_makes_failures_count_anew(api: Api, host: Host) -> None:
    for _ in range(2):
        api.allocate()
        host.break_down()
        host.come_back()
    api.allocate()
    api.release(DEVICE)

    assert (shown(api)["failuresInRow"], shown(api)["healthScore"]) == (0, 100)


def test_a_restored_device_may_fail_twice_again(api: Api, host: Host) -> None:
    for _ in range(3):
        api.allocate()
        host.break_down()
        host.come_back()
    assert api.post(f"/scheduler/devices/{DEVICE}/restore", OPERATOR).data["failuresInRow"] == 0

    for _ in range(2):
        assert api.allocate().status == 201
        host.break_down()
        host.come_back()

    assert shown(api)["life"] == "in_service"


def test_a_host_reports_loads_and_wipes_through_the_queue(api: Api, database: Database, host: Host) -> None:
    observed = (REPORTED_FROM + timedelta(minutes=9)).isoformat()
    host.tell("device.heartbeat", cpuUsage=90, memoryUsage=10, storageUsage=10, observedAt=observed)
    database.call("UPDATE devices SET life = 'recycling', recycling_since = %(at)s", {"at": REPORTED_FROM})
    host.tell("device.recycled")

    device = shown(api)

    assert device["heartbeat"]["cpuUsage"] == 90
    assert device["life"] == "in_service"
