"""The routes under /scheduler/reservations, through the handler, on real parts."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, TENANT, USER, Answer, Api, Claims, Context
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tests.support.reservations import events, keeper_on, next_reserved_at, plan
from tests.support.wiring import forget_wiring
from tools.handlers import load_function

PATH = "/scheduler/reservations"
NOBODYS = str(uuid.uuid4())
FAR = "2099-01-01T09:00:00Z"


def at(clock: Clock, minutes: float = 60) -> str:
    """A time on the wire, so many minutes from now."""
    return (clock.read() + timedelta(minutes=minutes)).isoformat()


def reserve(api: Api, clock: Clock, minutes: float = 60, claims: Claims = USER, **body: Any) -> Answer:
    """Book an hour, so many minutes from now."""
    return api.post(PATH, claims, {"startTime": at(clock, minutes), "durationMinutes": 60} | body)


def instant(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)


def test_a_window_is_booked(api: Api, database: Database, still_clock: Clock) -> None:
    (device_id,) = api.add_devices()
    start = still_clock.read() + timedelta(minutes=60)

    answer = reserve(api, still_clock, preferredSpecs={"minCpu": 2}, metadata={"case": 7})

    assert answer.status == 201
    assert answer.json["message"] == "Device reserved successfully"
    assert answer.data["status"] == "pending"
    assert (answer.data["deviceId"], answer.data["userId"], answer.data["tenantId"]) == (device_id, "alice", TENANT)
    assert (instant(answer.data["startTime"]), instant(answer.data["endTime"])) == (start, start + timedelta(hours=1))
    assert answer.data["preferredSpecs"] == {"minCpu": 2, "minMemory": None, "minStorage": None}
    assert (answer.data["metadata"], answer.data["remindBeforeMinutes"]) == ({"case": 7}, 15)
    assert api.get(f"{PATH}/{answer.data['reservationId']}", USER).data == answer.data
    assert next_reserved_at(database, device_id) == start
    assert events(database) == ["created"]
    assert_ledger_agrees(database)


WRONG_BODIES = [
    pytest.param({"durationMinutes": 60}, "startTime", id="startTime missing"),
    pytest.param({"startTime": "tomorrow", "durationMinutes": 60}, "startTime", id="startTime no time"),
    pytest.param({"startTime": "2099-01-01T09:00:00", "durationMinutes": 60}, "startTime", id="without an offset"),
    pytest.param({"startTime": 4_000_000_000, "durationMinutes": 60}, "startTime", id="startTime a number"),
    pytest.param({"startTime": "2020-01-01T09:00:00Z", "durationMinutes": 60}, "startTime", id="in the past"),
    pytest.param({"startTime": FAR, "durationMinutes": 60}, "startTime", id="more than 90 days ahead"),
    pytest.param({"startTime": FAR, "durationMinutes": 14}, "durationMinutes", id="too short"),
    pytest.param({"startTime": FAR, "durationMinutes": 1441}, "durationMinutes", id="too long"),
    pytest.param(
        {"startTime": FAR, "durationMinutes": 60, "remindBeforeMinutes": 61}, "remindBeforeMinutes", id="remind"
    ),
    pytest.param({"startTime": FAR, "durationMinutes": 60, "timeZone": "Mars/Base"}, "timeZone", id="unknown zone"),
    pytest.param({"startTime": FAR, "durationMinutes": 60, "timeZone": "../UTC"}, "timeZone", id="a path for a zone"),
    pytest.param({"startTime": FAR, "durationMinutes": 60, "colour": "red"}, "colour", id="unknown field"),
    pytest.param(
        {"startTime": FAR, "durationMinutes": 60, "recurrence": {"freq": "hourly", "count": 2}},
        "recurrence.freq",
        id="hourly",
    ),
    pytest.param(
        {"startTime": FAR, "durationMinutes": 60, "recurrence": {"freq": "daily", "count": 53}},
        "recurrence.count",
        id="53 times",
    ),
    pytest.param(
        {"startTime": FAR, "durationMinutes": 60, "recurrence": {"freq": "daily"}}, "recurrence", id="without end"
    ),
    pytest.param(
        {"startTime": FAR, "durationMinutes": 60, "recurrence": {"freq": "daily", "until": "2098-01-01T00:00:00Z"}},
        "recurrence",
        id="over before it begins",
    ),
    pytest.param(
        {
            "startTime": "9999-12-30T00:00:00Z",
            "durationMinutes": 60,
            "recurrence": {"freq": "daily", "count": 9},
        },
        "recurrence",
        id="to the end of the calendar",
    ),
]


@pytest.mark.parametrize(("body", "field"), WRONG_BODIES)
def test_a_wrong_body_is_refused_with_the_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post(PATH, USER, body)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_start_is_judged_by_the_clock_of_the_database(api: Api, still_clock: Clock) -> None:
    api.add_devices()

    assert reserve(api, still_clock, minutes=0).code == "validation_failed"
    assert reserve(api, still_clock, minutes=90 * 1440 + 1).code == "validation_failed"
    assert reserve(api, still_clock, minutes=90 * 1440).status == 201


def test_a_booking_names_whom_it_is_for(api: Api, still_clock: Clock) -> None:
    api.add_devices(2)

    assert reserve(api, still_clock, claims=SERVICE).code == "validation_failed"
    assert reserve(api, still_clock, claims=SERVICE, userId="bob").data["userId"] == "bob"
    assert reserve(api, still_clock, userId="bob").code == "forbidden"
    assert reserve(api, still_clock, claims=SERVICE, userId="bob", tenantId="globex").code == "forbidden"


def test_a_taken_window_is_a_conflict_with_the_next_windows(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    first = reserve(api, still_clock).data

    answer = reserve(api, still_clock, minutes=90, claims=OTHER_USER)

    start = still_clock.read() + timedelta(minutes=90)
    assert (answer.status, answer.code, answer.json["retryable"]) == (409, "reservation_conflict", False)
    assert [instant(taken["startTime"]) for taken in answer.json["conflicts"]] == [start]
    after = instant(first["endTime"])
    assert [(instant(w["startTime"]), instant(w["endTime"])) for w in answer.json["nextWindows"]] == [
        (after + timedelta(hours=n), after + timedelta(hours=n + 1)) for n in range(3)
    ]
    assert reserve(api, still_clock, minutes=120, claims=OTHER_USER).status == 201
    assert events(database) == ["created", "created"]


def test_a_series_is_booked_whole_or_not_at_all(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    reserve(api, still_clock, minutes=60 + 2 * 1440, claims=OTHER_USER)
    daily = {"recurrence": {"freq": "daily", "count": 4}}

    refused = reserve(api, still_clock, **daily)
    api.add_devices()
    booked = reserve(api, still_clock, timeZone="Asia/Kolkata", **daily)

    clash = still_clock.read() + timedelta(minutes=60, days=2)
    assert [instant(taken["startTime"]) for taken in refused.json["conflicts"]] == [clash]
    assert booked.status == 201
    occurrences = booked.data["reservations"]
    assert {one["seriesId"] for one in occurrences} == {booked.data["seriesId"]}
    assert [instant(one["startTime"]) - still_clock.read() for one in occurrences] == [
        timedelta(minutes=60, days=day) for day in range(4)
    ]
    assert len({one["reservationId"] for one in occurrences}) == 4
    assert events(database) == ["created"] * 5
    assert_ledger_agrees(database)


def test_the_quota_bounds_own_reservations_at_one_time(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(3)
    plan(database, "alice", "free")
    reserve(api, still_clock)

    answer = reserve(api, still_clock, minutes=90)

    assert (answer.status, answer.code) == (403, "quota_exceeded")
    assert answer.json["detail"] == "Device quota exceeded. Max: 1, Current: 1"
    assert reserve(api, still_clock, minutes=120).status == 201


def test_the_quota_bounds_the_size_and_a_suspended_user_books_nothing(
    api: Api, database: Database, still_clock: Clock
) -> None:
    api.add_devices()
    plan(database, "alice", "free")
    database.call("UPDATE quota_plans SET max_cpu_cores_per_device = 8 WHERE name = 'free'", {})
    plan(database, "bob", "pro")
    database.call("UPDATE quotas SET status = 'suspended' WHERE user_id = 'bob'", {})

    too_big = reserve(api, still_clock, preferredSpecs={"minCpu": 512})
    suspended = reserve(api, still_clock, claims=OTHER_USER)

    assert (too_big.status, too_big.code) == (403, "quota_exceeded")
    assert (suspended.status, suspended.json["detail"]) == (403, "Quota suspended")


def test_the_same_key_books_once(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(2)
    body = {"startTime": at(still_clock), "durationMinutes": 60}

    first, again = (api.post(PATH, USER, body, key="k") for _ in range(2))
    other = api.post(PATH, USER, body | {"durationMinutes": 30}, key="k")

    assert first.status == 201
    assert again.text == first.text
    assert other.code == "idempotency_key_reused"
    assert events(database) == ["created"]


def test_a_change_keeps_the_device_where_it_fits(api: Api, database: Database, still_clock: Clock) -> None:
    (device_id,) = api.add_devices()
    booked = reserve(api, still_clock).data
    later = still_clock.read() + timedelta(minutes=90)

    answer = api.call(
        "PATCH", f"{PATH}/{booked['reservationId']}", USER, {"startTime": later.isoformat(), "durationMinutes": 30}
    )

    assert answer.status == 200
    assert (instant(answer.data["startTime"]), answer.data["durationMinutes"]) == (later, 30)
    assert instant(answer.data["endTime"]) == later + timedelta(minutes=30)
    assert (answer.data["deviceId"], next_reserved_at(database, device_id)) == (device_id, later)
    assert events(database) == ["created", "updated"]
    assert_ledger_agrees(database)


def test_a_change_may_bring_another_device(api: Api, database: Database, still_clock: Clock) -> None:
    (small,) = api.add_devices()
    (big,) = api.add_devices(cpuCores=16)
    booked = reserve(api, still_clock).data

    answer = api.call("PATCH", f"{PATH}/{booked['reservationId']}", USER, {"preferredSpecs": {"minCpu": 8}})

    assert (booked["deviceId"], answer.data["deviceId"]) == (small, big)
    assert next_reserved_at(database, small) is None
    assert next_reserved_at(database, big) == instant(booked["startTime"])
    assert_ledger_agrees(database)


def test_a_refused_change_leaves_all_as_it_was(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    booked = reserve(api, still_clock).data
    reserve(api, still_clock, minutes=180, claims=OTHER_USER)
    path = f"{PATH}/{booked['reservationId']}"

    refused = [
        api.call("PATCH", path, USER, {"startTime": at(still_clock, 150)}),
        api.call("PATCH", path, USER, {"startTime": at(still_clock, -1)}),
        api.call("PATCH", path, USER, {}),
        api.call("PATCH", path, USER, {"startTime": None}),
        api.call("PATCH", path, USER, {"status": "executing"}),
        api.call("PATCH", path, OTHER_USER, {"durationMinutes": 30}),
    ]

    assert [(answer.status, answer.code) for answer in refused] == [
        (409, "reservation_conflict"),
        *[(422, "validation_failed")] * 4,
        (404, "reservation_not_found"),
    ]
    assert api.get(path, USER).data == booked


def test_a_changed_start_is_reminded_of_again(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    path = f"{PATH}/{reserve(api, still_clock, minutes=10).data['reservationId']}"
    keeper = keeper_on(database)
    assert keeper.remind_due() == 1

    api.call("PATCH", path, USER, {"remindBeforeMinutes": 20})
    assert keeper.remind_due() == 0
    api.call("PATCH", path, USER, {"startTime": at(still_clock, 30)})
    still_clock.advance(minutes=10)

    assert keeper.remind_due() == 1


def test_a_cancelled_window_is_free_again(api: Api, database: Database, still_clock: Clock) -> None:
    (device_id,) = api.add_devices()
    booked = reserve(api, still_clock).data
    later = reserve(api, still_clock, minutes=180, claims=OTHER_USER).data
    path = f"{PATH}/{booked['reservationId']}/cancel"

    answer = api.post(path, USER)

    assert (answer.status, answer.data["status"]) == (200, "cancelled")
    assert next_reserved_at(database, device_id) == instant(later["startTime"])
    assert api.post(path, USER).code == "reservation_not_pending"
    assert api.allocate(durationMinutes=180).status == 201
    assert events(database) == ["created", "created", "cancelled"]
    assert_ledger_agrees(database)


def test_what_has_begun_is_neither_changed_nor_cancelled(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    path = f"{PATH}/{reserve(api, still_clock).data['reservationId']}"
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()

    begun = api.get(path, USER).data
    refused = [api.post(f"{path}/cancel", USER), api.call("PATCH", path, USER, {"durationMinutes": 30})]

    assert {(answer.status, answer.code) for answer in refused} == {(409, "reservation_not_pending")}
    assert begun["status"] == "executing"
    assert api.get(f"/scheduler/allocations/{begun['allocationId']}", USER).data["adbHost"] == "10.0.0.7"


@pytest.mark.parametrize("claims", [pytest.param(OTHER_USER, id="a user"), pytest.param(OTHER_TENANT, id="a tenant")])
def test_a_foreign_reservation_does_not_exist(api: Api, still_clock: Clock, claims: Claims) -> None:
    api.add_devices()
    ids = [reserve(api, still_clock).data["reservationId"], NOBODYS, "no-uuid"]

    answers = [
        answer
        for found in ids
        for answer in (
            api.get(f"{PATH}/{found}", claims),
            api.post(f"{PATH}/{found}/cancel", claims),
            api.call("PATCH", f"{PATH}/{found}", claims, {"durationMinutes": 30}),
        )
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "reservation_not_found")}
    assert api.get(PATH, claims).json["data"] == []


def test_reservations_are_listed_soonest_first_by_pages(api: Api, still_clock: Clock) -> None:
    api.add_devices(2)
    for minutes in (300, 60, 180):
        reserve(api, still_clock, minutes=minutes)
    other = reserve(api, still_clock, minutes=100, claims=OTHER_USER).data

    first = api.get(PATH, USER, limit=2).json
    second = api.get(PATH, USER, limit=2, cursor=first["meta"]["nextCursor"]).json

    starts = [instant(one["startTime"]) for one in first["data"] + second["data"]]
    assert starts == [still_clock.read() + timedelta(minutes=minutes) for minutes in (60, 180, 300)]
    assert second["meta"]["nextCursor"] is None
    listed = api.get(PATH, SERVICE, **{"from": at(still_clock, 90), "to": at(still_clock, 200)}).json["data"]
    assert [one["userId"] for one in listed] == ["bob", "alice"]
    assert api.get(PATH, SERVICE, userId="bob").json["data"] == [other]
    assert [len(api.get(PATH, OPERATOR, status=status).json["data"]) for status in ("pending", "failed")] == [4, 0]
    assert api.get(PATH, USER, userId="bob").code == "forbidden"


def test_a_check_shows_own_reservations_in_full_and_of_others_the_times(api: Api, still_clock: Clock) -> None:
    api.add_devices(2)
    mine = reserve(api, still_clock).data
    other = reserve(api, still_clock, claims=OTHER_USER).data
    body = {"startTime": at(still_clock, 30), "endTime": at(still_clock, 90)}

    found = api.post(f"{PATH}/check-conflict", USER, body).data

    assert found["hasConflict"] is True
    times = {name: other[name] for name in ("startTime", "endTime")}
    assert sorted(found["conflictingReservations"], key=len) == [times, mine]
    assert [instant(window["startTime"]) for window in found["nextWindows"]] == [
        instant(mine["endTime"]) + timedelta(hours=n) for n in range(3)
    ]


def test_a_free_window_has_no_conflict(api: Api, still_clock: Clock) -> None:
    api.add_devices(2)
    reserve(api, still_clock)
    start = still_clock.read() + timedelta(minutes=60)
    body = {"startTime": start.isoformat(), "endTime": (start + timedelta(minutes=30)).isoformat()}

    found = api.post(f"{PATH}/check-conflict", USER, body).data
    refused = [
        api.post(f"{PATH}/check-conflict", USER, body | {"endTime": body["startTime"]}),
        api.post(f"{PATH}/check-conflict", USER, {"startTime": at(still_clock, -30), "endTime": at(still_clock)}),
    ]

    assert (found["hasConflict"], found["conflictingReservations"]) == (False, [])
    assert instant(found["nextWindows"][0]["startTime"]) == start
    assert api.post(f"{PATH}/check-conflict", USER, body | {"preferredSpecs": {"minCpu": 99}}).data == {
        "hasConflict": True,
        "conflictingReservations": [],
        "nextWindows": [],
    }
    assert [answer.json["errors"][0]["field"] for answer in refused] == ["endTime", "startTime"]


def test_a_check_under_a_key_is_answered_once(api: Api, still_clock: Clock) -> None:
    api.add_devices()
    path, body = f"{PATH}/check-conflict", {"startTime": at(still_clock, 30), "endTime": at(still_clock, 90)}
    told = api.post(path, USER, body, key="k").data
    reserve(api, still_clock)

    assert api.post(path, USER, body, key="k").data == told
    assert api.post(path, USER, body).data["hasConflict"] is True
    assert api.post(path, USER, body | {"deviceType": "tablet"}, key="k").code == "idempotency_key_reused"


def test_totals_count_by_status(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(3)
    assert api.get(f"{PATH}/stats", SERVICE).data["successRate"] is None
    cancelled = reserve(api, still_clock).data["reservationId"]
    api.post(f"{PATH}/{cancelled}/cancel", USER)
    reserve(api, still_clock, minutes=60)
    reserve(api, still_clock, minutes=200, claims=OTHER_USER)
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()
    still_clock.advance(minutes=230)
    keeper_on(database).expire_missed()

    totals = api.get(f"{PATH}/stats", SERVICE).data

    assert totals == {
        "totalReservations": 3,
        "pendingReservations": 0,
        "executingReservations": 1,
        "completedReservations": 0,
        "failedReservations": 0,
        "cancelledReservations": 1,
        "expiredReservations": 1,
        "noShows": 0,
        "successRate": 0.5,
        "averageLeadMinutes": 106.7,
    }
    assert api.get(f"{PATH}/stats", USER).code == "forbidden"
    assert api.get(f"{PATH}/stats", OTHER_TENANT).data["totalReservations"] == 0


def test_wall_time_is_kept_when_clocks_change(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    before = datetime(2027, 3, 27, 8, tzinfo=UTC)  # 09:00 in Berlin, the day before clocks go forward
    still_clock.advance(seconds=(before - timedelta(days=1) - still_clock.read()).total_seconds())

    booked = api.post(
        PATH,
        USER,
        {
            "startTime": "2027-03-27T09:00:00+01:00",
            "durationMinutes": 60,
            "timeZone": "Europe/Berlin",
            "recurrence": {"freq": "daily", "count": 3},
        },
    ).data

    assert [one["startTime"] for one in booked["reservations"]] == [
        "2027-03-27T08:00:00Z",
        "2027-03-28T07:00:00Z",
        "2027-03-29T07:00:00Z",
    ]


@pytest.mark.parametrize(
    ("claims", "path", "came"),
    [
        pytest.param(USER, "/scheduler/allocations/{}", True, id="her allocation"),
        pytest.param(USER, "/scheduler/allocations", True, id="her allocations"),
        pytest.param(USER, PATH, True, id="her reservations"),
        pytest.param(SERVICE, "/scheduler/allocations/{}", False, id="not a service"),
        pytest.param(OTHER_USER, "/scheduler/allocations/{}", False, id="not another user"),
    ],
)
def test_any_look_of_the_owner_says_that_she_came(
    api: Api,
    environment: pytest.MonkeyPatch,
    database: Database,
    still_clock: Clock,
    claims: Claims,
    path: str,
    came: bool,
) -> None:
    environment.setenv("NO_SHOW_ENABLED", "true")
    forget_wiring()
    api.add_devices()
    reservation = reserve(api, still_clock).data["reservationId"]
    still_clock.advance(minutes=60)
    keeper_on(database).execute_due()
    allocation = database.call("SELECT allocation_id::text FROM reservations", {})

    api.get(path.format(allocation), claims)

    assert database.call("SELECT claimed_at FROM reservations", {}) == (still_clock.read() if came else None)
    still_clock.advance(minutes=10)
    assert keeper_on(database, no_show_minutes=10).end_no_shows() == (0 if came else 1)
    status = api.get(f"{PATH}/{reservation}", SERVICE).data["status"]
    assert status == ("executing" if came else "completed")


def test_cleanup_deletes_what_is_long_over_and_nothing_else(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(2)
    old = reserve(api, still_clock).data["reservationId"]
    api.post(f"{PATH}/{old}/cancel", USER)
    kept = reserve(api, still_clock, minutes=31 * 1440).data["reservationId"]
    still_clock.advance(days=29)
    assert load_function("cleanup").handler({}, Context())["reservations"] == 0
    still_clock.advance(days=2)

    cleaned = load_function("cleanup").handler({}, Context())

    assert cleaned["reservations"] == 1
    assert [one["reservationId"] for one in api.get(PATH, USER).json["data"]] == [kept]


def test_the_reminder_function_reminds(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices()
    reserve(api, still_clock)
    still_clock.advance(minutes=45)

    assert load_function("remind").handler({}, Context()) == {"reminded": 1, "warned": 0}
    assert events(database) == ["created", "reminder"]
