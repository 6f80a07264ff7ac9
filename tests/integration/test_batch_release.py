"""POST /scheduler/allocations/batch/release and …/query, through the handler, on real parts."""

import uuid
from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, Answer, Api, Claims
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees

RELEASE = "/scheduler/allocations/batch/release"
QUERY = "/scheduler/allocations/batch/query"
NOBODYS = str(uuid.uuid4())


def release(api: Api, *ids: str, claims: Claims = SERVICE, key: str | None = None, **modes: bool) -> Answer:
    return api.post(RELEASE, claims, {"allocationIds": list(ids)} | modes, key=key)


def query(api: Api, *users: str, claims: Claims = SERVICE, key: str | None = None, **more: str) -> Answer:
    return api.post(QUERY, claims, {"userIds": list(users)} | more, key=key)


def lend(api: Api, count: int, **body: Any) -> list[str]:
    """Add devices and lend them; give the allocations."""
    api.add_devices(count)
    return [str(api.allocate(**{"userId": f"user-{n}"} | body).data["allocationId"]) for n in range(count)]


def states(database: Database) -> dict[str, str]:
    rows = database.rows("SELECT id::text, status FROM device_allocations", {})
    return {row["id"]: row["status"] for row in rows}


def failures(answer: Answer) -> list[tuple[int, str]]:
    return [(each["index"], each["code"]) for each in answer.data["failures"]]


def test_each_is_ended_once_and_what_is_unknown_or_ended_fails(
    api: Api, database: Database, still_clock: Clock
) -> None:
    first, second, ended = lend(api, 3)
    release(api, ended)
    still_clock.advance(seconds=90)

    answer = release(api, first, NOBODYS, second, first, ended)

    assert (answer.status, answer.data["successCount"], answer.data["failedCount"]) == (200, 2, 3)
    told = [(each["index"], each["allocationId"], each["durationSeconds"]) for each in answer.data["successes"]]
    assert told == [(0, first, 90), (2, second, 90)]
    assert failures(answer) == [(1, "allocation_not_found"), (3, "allocation_not_active"), (4, "allocation_not_active")]
    assert set(states(database).values()) == {"released"}
    assert_ledger_agrees(database)


def test_a_release_in_a_batch_tells_what_a_single_one_does(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(1, id="phone-1")
    told = []
    for in_batch in (False, True):
        grant = api.allocate(durationMinutes=5).data
        still_clock.advance(minutes=7)
        answer = release(api, grant["allocationId"]) if in_batch else api.release("phone-1")
        (data,) = answer.data["successes"] if in_batch else [answer.data]
        (event,) = database.rows("SELECT * FROM outbox ORDER BY id DESC LIMIT 1", {})
        event["data"] = {name for name in event["data"] if event["data"][name] is not None}
        told.append(
            ({"deviceId": data["deviceId"], "durationSeconds": data["durationSeconds"]}, event["type"], event["data"])
        )

    assert told[0] == told[1]
    assert told[0][1] == "scheduler.allocation.expired"
    assert_ledger_agrees(database)


def test_stopping_at_the_first_failure_keeps_what_came_before(api: Api, database: Database) -> None:
    first, second = lend(api, 2)

    answer = release(api, first, NOBODYS, second, continueOnError=False)

    assert (answer.data["successCount"], failures(answer), answer.data["notTried"]) == (
        1,
        [(1, "allocation_not_found")],
        1,
    )
    assert states(database) == {first: "released", second: "allocated"}
    assert_ledger_agrees(database)


def test_an_atomic_release_ends_all_or_none(api: Api, database: Database) -> None:
    first, second = lend(api, 2)
    before = database.rows("SELECT * FROM outbox ORDER BY id", {})

    refused = release(api, first, second, first, atomic=True)

    assert (refused.status, refused.code, refused.json["index"]) == (409, "allocation_not_active", 2)
    assert set(states(database).values()) == {"allocated"}
    assert database.rows("SELECT * FROM outbox ORDER BY id", {}) == before
    assert_ledger_agrees(database)
    assert release(api, first, second, atomic=True).data["successCount"] == 2
    assert_ledger_agrees(database)


def test_another_tenants_allocations_are_not_seen_but_an_operator_ends_them(api: Api, database: Database) -> None:
    (mine,) = lend(api, 1)
    api.add_devices(1, name="other")
    theirs = str(api.allocate(OTHER_TENANT, userId="rita").data["allocationId"])

    assert failures(release(api, mine, claims=OTHER_TENANT)) == [(0, "allocation_not_found")]
    assert release(api, theirs, mine, claims=OPERATOR).data["successCount"] == 2
    assert_ledger_agrees(database)


def test_the_same_key_releases_once_and_answers_alike(api: Api, database: Database) -> None:
    first, second = lend(api, 2)
    once = release(api, first, NOBODYS, key="k-1")
    again = release(api, first, NOBODYS, key="k-1")

    assert once.text == again.text
    assert release(api, second, key="k-1").code == "idempotency_key_reused"
    assert states(database)[second] == "allocated"


def test_a_hundred_are_one_round_trip_and_a_hundred_users_one(api: Api) -> None:
    ids = lend(api, 4)
    many = ids + [str(uuid.uuid4()) for _ in range(96)]
    trips = []
    for ask in (lambda: release(api, *many), lambda: query(api, *(f"user-{n}" for n in range(100)))):
        before = runtime.database().round_trips
        assert ask().status == 200
        trips.append(runtime.database().round_trips - before)

    assert trips == [1, 1]


@pytest.mark.parametrize("ids", [[], [NOBODYS] * 101, ["latest"], [7]], ids=["none", "101", "no UUID", "a number"])
def test_ids_that_are_none_are_refused(api: Api, ids: list[Any]) -> None:
    assert api.post(RELEASE, SERVICE, {"allocationIds": ids}).code == "validation_failed"


def test_a_query_lists_what_each_holds_in_order_without_addresses(api: Api, database: Database) -> None:
    lend(api, 3, userId="ana")
    api.release(_device_of(database, "ana"))

    answer = query(api, "ben", "ana", "ana")

    assert [each["userId"] for each in answer.data["successes"]] == ["ben", "ana", "ana"]
    none, some, same = (each["allocations"] for each in answer.data["successes"])
    assert (none, len(some), some == same) == ([], 2, True)
    assert some == sorted(some, key=lambda each: each["allocatedAt"], reverse=True)
    assert "adbHost" not in answer.text
    assert query(api, "ana", claims=OTHER_TENANT).data["successes"][0]["allocations"] == []
    assert len(query(api, "ana", claims=OPERATOR, tenantId="acme").data["successes"][0]["allocations"]) == 2
    assert query(api, "ana", tenantId="globex").code == "forbidden"


def _device_of(database: Database, user: str) -> str:
    return str(database.call("SELECT min(device_id) FROM device_allocations WHERE user_id = %(user)s", {"user": user}))


def test_a_query_lists_fifty_a_user_and_says_that_there_are_more(api: Api, database: Database) -> None:
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, expires_at)"
        " SELECT 'phone-' || n, CASE WHEN n <= 51 THEN 'ana' ELSE 'ben' END, 'acme', 'infinity'"
        " FROM generate_series(1, 101) n",
        {},
    )

    ana, ben = query(api, "ana", "ben").data["successes"]

    assert (len(ana["allocations"]), ana["more"]) == (50, True)
    assert (len(ben["allocations"]), ben["more"]) == (50, False)


def test_a_query_under_a_key_is_answered_alike(api: Api) -> None:
    lend(api, 1, userId="ana")
    first = query(api, "ana", key="k-1")
    lend(api, 1, userId="ana")

    assert query(api, "ana", key="k-1").text == first.text
    assert query(api, "ben", key="k-1").code == "idempotency_key_reused"
