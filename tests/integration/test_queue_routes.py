"""The queue over HTTP: join, look, leave, wait by allocate, serve, count; and what its events say."""

import uuid
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Api, Claims, Context
from tests.support.clock import Clock
from tests.support.schemas import assert_valid
from tools.handlers import load_function

QUEUE = "/scheduler/queue"
PROCESS = "/scheduler/queue/process"
WAITED_FOR = {"device.allocated", "device.released"}


@pytest.fixture
def lent(api: Api) -> str:
    """The one device, lent to zoe."""
    (device_id,) = api.add_devices()
    api.allocate(userId="zoe")
    return device_id


def join(api: Api, user_id: str = "alice", claims: Claims = SERVICE, key: str | None = None, **body: Any) -> Any:
    return api.post(QUEUE, claims, {"userId": user_id} | body, key=key)


def test_a_waiter_is_told_her_place(api: Api, lent: str) -> None:
    join(api, "bob")

    answer = join(api, durationMinutes=45, preferredSpecs={"minCpu": 2}, maxWaitMinutes=20, metadata={"for": "test"})

    assert answer.status == 201
    seen = answer.data
    assert (seen["status"], seen["tier"], seen["position"], seen["aheadCount"]) == ("waiting", "pro", 2, 1)
    assert (seen["specs"]["minCpu"], seen["durationMinutes"], seen["metadata"]) == (2, 45, {"for": "test"})
    assert set(seen["estimatedWaitSeconds"]) == {"p50", "p90"}
    assert api.get(f"{QUEUE}/{seen['id']}", SERVICE).data["position"] == 2


def test_a_join_beside_a_free_device_is_answered_fulfilled(api: Api) -> None:
    (device_id,) = api.add_devices()

    seen = join(api).data

    assert (seen["status"], seen["deviceId"], seen["position"]) == ("fulfilled", device_id, None)
    assert api.get(f"/scheduler/allocations/{seen['allocationId']}", USER).data["adbPort"] == 5555


def test_a_user_has_one_live_wait(api: Api, lent: str) -> None:
    first = join(api).data["id"]

    again = join(api)

    assert (again.status, again.code, again.json["entryId"]) == (409, "already_queued", first)
    api.post(f"{QUEUE}/{first}/cancel", USER)
    assert join(api).status == 201


def test_the_same_key_joins_once(api: Api, lent: str) -> None:
    first, again = join(api, key="k"), join(api, key="k")

    assert (again.status, again.data["id"]) == (201, first.data["id"])
    assert join(api, key="k", durationMinutes=5).code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("plan", "body", "code"),
    [
        pytest.param("suspended", {}, "quota_exceeded", id="who is suspended"),
        pytest.param(
            "free", {"preferredSpecs": {"minCpu": 64}}, "no_available_devices", id="who wants what is not there"
        ),
    ],
)
def test_nobody_waits_in_vain(
    api: Api, database: Database, lent: str, plan: str, body: dict[str, Any], code: str
) -> None:
    status = "suspended" if plan == "suspended" else "active"
    database.call(
        "INSERT INTO quotas (tenant_id, user_id, plan_name, status) VALUES ('acme', 'alice', 'free', %(status)s)",
        {"status": status},
    )

    assert join(api, **body).code == code


def test_who_has_used_up_her_quota_may_wait(api: Api, database: Database, lent: str) -> None:
    database.call("INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES ('acme', 'zoe', 'free')", {})

    seen = join(api, "zoe").data

    assert (seen["status"], seen["tier"]) == ("waiting", "free")


@pytest.mark.parametrize(
    "body", [{"maxWaitMinutes": 0}, {"maxWaitMinutes": 121}, {"tier": "enterprise"}, {"durationMinutes": 0}]
)
def test_what_cannot_be_asked_for_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert join(api, **body).code == "validation_failed"


def test_a_user_joins_for_itself_and_sees_its_own_waits(api: Api, lent: str) -> None:
    own = join(api, claims=USER).data["id"]
    join(api, "bob")

    assert join(api, "bob", claims=USER).code == "forbidden"
    assert [wait["id"] for wait in api.get(QUEUE, USER).data] == [own]
    assert len(api.get(QUEUE, SERVICE).data) == len(api.get(QUEUE, OPERATOR).data) == 2
    assert api.get(QUEUE, OTHER_TENANT).data == []


@pytest.mark.parametrize("claims", [OTHER_USER, OTHER_TENANT])
def test_anothers_wait_is_not_there(api: Api, lent: str, claims: Claims) -> None:
    entry = join(api).data["id"]

    assert api.get(f"{QUEUE}/{entry}", claims).code == "queue_entry_not_found"
    assert api.post(f"{QUEUE}/{entry}/cancel", claims).code == "queue_entry_not_found"
    assert api.get(f"{QUEUE}/not-a-uuid", SERVICE).status == 404


def test_a_wait_is_cancelled_once(api: Api, lent: str) -> None:
    entry = join(api).data["id"]

    unread = api.post(f"{QUEUE}/{entry}/cancel", USER, {"because": "bored"})
    left = api.post(f"{QUEUE}/{entry}/cancel", USER, key="k")

    assert unread.code == "validation_failed"
    assert (left.data["status"], left.data["position"]) == ("cancelled", None)
    assert api.post(f"{QUEUE}/{entry}/cancel", USER, key="k").data == left.data
    assert api.post(f"{QUEUE}/{entry}/cancel", USER).code == "queue_entry_not_waiting"


def test_lists_are_pages(api: Api, lent: str) -> None:
    joined = [join(api, f"user-{n}").data["id"] for n in range(3)]

    first = api.get(QUEUE, SERVICE, limit=2)
    rest = api.get(QUEUE, SERVICE, limit=2, cursor=first.json["meta"]["nextCursor"])

    assert [wait["id"] for wait in first.data + rest.data] == joined[::-1]
    assert rest.json["meta"]["nextCursor"] is None
    assert api.get(QUEUE, SERVICE, status="expired").data == []


def test_allocate_waits_when_asked_to_and_only_then(api: Api, lent: str) -> None:
    waits = api.allocate(wait=True, maxWaitMinutes=10)

    assert (waits.status, waits.data["status"], waits.data["position"]) == (202, "waiting", 1)
    assert api.allocate(userId="bob").code == "no_available_devices"
    assert api.allocate(wait=True).code == "already_queued"


def test_allocate_that_would_wait_is_granted_what_is_free(api: Api) -> None:
    api.add_devices()

    assert api.allocate(wait=True).status == 201


def test_a_repeated_allocate_is_told_how_its_wait_is_now(api: Api, lent: str) -> None:
    waits = api.allocate(wait=True, key="k")
    still = api.allocate(wait=True, key="k")
    api.release(lent)
    api.post(PROCESS, OPERATOR)
    lent_now = api.allocate(wait=True, key="k")

    assert (waits.status, still.status, still.data["id"]) == (202, 202, waits.data["id"])
    assert (lent_now.status, lent_now.data["deviceId"]) == (201, lent)
    assert api.get("/scheduler/allocations", SERVICE, userId="alice", status="allocated").data[0]["deviceId"] == lent


def test_an_operator_serves_the_line_once_a_key(api: Api, lent: str) -> None:
    for n in range(3):
        join(api, f"user-{n}")
    api.release(lent)

    assert api.post(PROCESS, OPERATOR, {"limit": 2}, key="k").data == {"served": 1}
    assert api.post(PROCESS, OPERATOR, {"limit": 2}, key="k").data == {"served": 1}
    assert api.post(PROCESS, OPERATOR).data == {"served": 0}
    assert api.post(PROCESS, SERVICE).code == "forbidden"


def test_the_figures_are_the_operators(api: Api, lent: str) -> None:
    join(api)
    join(api, "bob")
    api.release(lent)
    api.post(PROCESS, OPERATOR)

    figures = api.get(f"{QUEUE}/stats", OPERATOR).data

    assert (figures["waiting"], figures["fulfilled"], figures["successRate"]) == (1, 1, 1.0)
    assert figures["byTier"]["pro"]["waiting"] == 1
    assert figures["calibration"]["known"] == 1
    assert api.get(f"{QUEUE}/stats", SERVICE).code == "forbidden"


@pytest.mark.parametrize("body", ["no JSON", '{"type": 7}', "{}"])
def test_a_nudge_serves_whatever_it_says(api: Api, environment: pytest.MonkeyPatch, lent: str, body: str) -> None:
    entry = join(api).data["id"]
    api.release(lent)
    record = {"messageId": str(uuid.uuid4()), "body": body, "attributes": {"MessageGroupId": "g"}}

    answer = load_function("dispatch").handler({"Records": [record, record]}, Context())

    assert answer == {"batchItemFailures": []}
    assert api.get(f"{QUEUE}/{entry}", SERVICE).data["status"] == "fulfilled"


def test_the_schedule_ends_waits_and_serves_the_others(
    api: Api, environment: pytest.MonkeyPatch, clock: Clock, lent: str
) -> None:
    environment.setenv("DISPATCH_SECONDS", "0")
    impatient, patient = join(api, maxWaitMinutes=1).data["id"], join(api, "bob").data["id"]
    clock.advance(minutes=2)
    api.release(lent)

    figures = load_function("dispatch").handler({"source": "aws.events"}, Context())

    assert (figures["expired"], figures["served"], figures["waiting"]) == (1, 1, 0)
    assert [api.get(f"{QUEUE}/{e}", SERVICE).data["status"] for e in (impatient, patient)] == ["expired", "fulfilled"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param({"wait": True}, ["scheduler.queue.joined"], id="who waits has not failed yet"),
        pytest.param({}, ["scheduler.allocation.failed"], id="who is refused has"),
        pytest.param(
            {"wait": True, "preferredSpecs": {"minCpu": 64}},
            ["scheduler.allocation.failed"],
            id="so has who hopes in vain",
        ),
    ],
)
def test_a_refusal_for_want_of_devices_is_told_unless_she_waits(
    api: Api, database: Database, lent: str, body: dict[str, Any], told: list[str]
) -> None:
    api.allocate(**body)

    events = [event.type for event in PostgresOutbox(database).oldest(50) if event.type not in WAITED_FOR]
    assert events == told


def test_each_event_of_a_wait_is_as_its_schema_says(api: Api, database: Database, clock: Clock, lent: str) -> None:
    join(api)
    impatient = join(api, "bob", maxWaitMinutes=1).data["id"]
    leaves = join(api, "carl").data["id"]
    api.post(f"{QUEUE}/{leaves}/cancel", SERVICE)
    clock.advance(minutes=2)
    api.release(lent)
    load_function("dispatch").handler({"Records": []}, Context())

    events = [event for event in PostgresOutbox(database).oldest(50) if event.type not in WAITED_FOR]

    for event in events:
        assert_valid(event.envelope())
    ends = {"alice": "fulfilled", "bob": "expired", "carl": "cancelled"}
    told = {(event.type.removeprefix("scheduler.queue."), event.data["userId"]) for event in events}
    assert told == {("joined", user) for user in ends} | {(end, user) for user, end in ends.items()}
    assert {event.group_id for event in events} == {f"acme|{user}" for user in ends}
    assert impatient in {event.subject for event in events if event.type.endswith("expired")}
