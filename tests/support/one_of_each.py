"""A short story in which everything happens once that sends an event."""

from datetime import timedelta

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.incoming import DeviceFailed, DeviceStatusChanged, EventMark, Family
from scheduler.domain.model import DeviceStatus, User
from scheduler.runtime.interventions import get_incidents
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, Api, Context
from tests.support.clock import Clock
from tests.support.incoming import about
from tests.support.standing import standing_on
from tools.handlers import load_function

RESERVATIONS = "/scheduler/reservations"
QUEUE = "/scheduler/queue"


def one_event_of_each_type(api: Api, database: Database) -> None:
    """Let happen what can."""
    clock = Clock(database)
    database.call("INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES ('acme', 'bob', 'free')", {})
    api.add_devices(6)
    _lend_and_refuse(api)
    standing_on(database).apply(about(User("acme", "kim"), "billing.overdue"))
    _break(api, database, clock)
    _book(api, clock)
    _wait(api)
    _let_time_pass(clock)
    database.call("INSERT INTO device_allocations (device_id, user_id) VALUES ('imported', 'carol')", {})


def _lend_and_refuse(api: Api) -> None:
    api.release(api.allocate().data["deviceId"])
    api.allocate(userId="bob", durationMinutes=120)
    assert api.allocate(userId="bob").code == "quota_exceeded"
    assert api.allocate(OTHER_TENANT, preferredSpecs={"minCpu": 64}).code == "no_available_devices"
    revoked, renewed = (api.allocate(durationMinutes=20).data["allocationId"] for _ in range(2))
    assert api.post(f"/scheduler/allocations/{revoked}/revoke", OPERATOR, {"reason": "Abuse"}).status == 200
    assert api.renew(renewed, 5).status == 200


def _break(api: Api, database: Database, clock: Clock) -> None:
    """A device fails, which is the third time, and another comes back from maintenance."""
    api.add_devices(2, deviceType="watch")
    database.call("UPDATE devices SET failures_in_row = 2 WHERE device_type = 'watch'", {})
    failing = api.allocate(userId="jim", deviceType="watch").data["deviceId"]
    incidents = get_incidents()
    incidents.failed(DeviceFailed(EventMark("host|1", Family.DEVICE, failing, clock.read()), failing, None))
    (serviced,) = api.add_devices(1, deviceType="radio")
    for number, status in enumerate((DeviceStatus.MAINTENANCE, DeviceStatus.RUNNING)):
        mark = EventMark(f"host|radio-{number}", Family.DEVICE, serviced, clock.read())
        incidents.status_changed(DeviceStatusChanged(mark, serviced, "running", status, None))


def _book(api: Api, clock: Clock) -> None:
    start = (clock.read() + timedelta(minutes=30)).isoformat()
    windows = {
        "dave": 60,
        "bob": 60,
        "erin": 15,
        "fay": 60,
    }  # executed; beyond his quota then; over too soon; cancelled
    for user, minutes in windows.items():
        wish = {"userId": user, "startTime": start, "durationMinutes": minutes}
        booked = api.post(RESERVATIONS, SERVICE, wish).data["reservationId"]
    assert api.call("PATCH", f"{RESERVATIONS}/{booked}", SERVICE, {"durationMinutes": 30}).status == 200
    assert api.post(f"{RESERVATIONS}/{booked}/cancel", SERVICE).status == 200


def _wait(api: Api) -> None:
    api.add_devices(1, deviceType="tablet")
    for user in ("gus", "hal", "ivy"):  # one is served, one gives up, one's time is over
        entry = api.post(QUEUE, SERVICE, {"userId": user, "deviceType": "tablet", "maxWaitMinutes": 5}).data
        if user == "hal":
            assert api.post(f"{QUEUE}/{entry['id']}/cancel", SERVICE).status == 200


def _let_time_pass(clock: Clock) -> None:
    """To the reminders, then to when one reservation is late, one is refused, and one is missed."""
    for minutes, function in ((20, "remind"), (30, "expire"), (0, "dispatch")):
        clock.advance(minutes=minutes)
        load_function(function).handler({"source": "aws.events"}, Context())
