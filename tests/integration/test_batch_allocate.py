"""POST /scheduler/allocations/batch, through the handler, on real parts: the rules of the single call, item by item."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.events import EventType
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Answer, Api, Claims
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tools.neighbours.user_service import UserService, user_service

PATH = "/scheduler/allocations/batch"
Item = dict[str, Any]

WRONG_BODIES: dict[str, tuple[object, int, str]] = {
    "no items": ({}, 422, "validation_failed"),
    "an empty list": ({"items": []}, 422, "validation_failed"),
    "more than 50": ({"items": [{"userId": "a"}] * 51}, 422, "validation_failed"),
    "one that would wait": ({"items": [{"userId": "a", "wait": True}]}, 422, "validation_failed"),
    "one of a wrong type": ({"items": [{"userId": "a"}, {"userId": 7}]}, 422, "validation_failed"),
    "an unknown field": ({"items": [{"userId": "a"}], "force": True}, 422, "validation_failed"),
    "both modes": ({"items": [{"userId": "a"}], "atomic": True, "continueOnError": True}, 422, "validation_failed"),
    "too much metadata": ({"items": [{"userId": "a", "metadata": {"x": "y" * 5000}}]}, 413, "payload_too_large"),
    "a long statement": ({"items": [{"userId": "a", "metadata": {"x": "'" * 3900}}] * 4}, 413, "payload_too_large"),
    "20 KB": ("x" * 20_000, 413, "payload_too_large"),
}


def batch(api: Api, *items: Item, claims: Claims = SERVICE, key: str | None = None, **modes: bool) -> Answer:
    return api.post(PATH, claims, {"items": list(items)} | modes, key=key)


def for_users(*users: str, **fields: Any) -> list[Item]:
    return [{"userId": user} | fields for user in users]


def codes(answer: Answer) -> list[str]:
    """What became of each item, in order."""
    told = {each["index"]: "granted" for each in answer.data["successes"]}
    told |= {each["index"]: each["code"] for each in answer.data["failures"]}
    return [told[index] for index in sorted(told)]


def events(database: Database) -> list[str]:
    return [row["type"] for row in database.rows("SELECT type FROM outbox ORDER BY id", {})]


def traces(database: Database) -> dict[str, Any]:
    """All that a grant or a refusal leaves behind."""
    queries = {
        "allocations": "SELECT id::text FROM device_allocations ORDER BY id",
        "events": "SELECT event_id::text FROM outbox ORDER BY id",
        "counters": "SELECT * FROM allocation_counters ORDER BY 1, 2",
        "usage": "SELECT * FROM quota_usage WHERE devices + cpu_cores > 0 ORDER BY 1, 2",
        "devices": "SELECT id, active_allocation_id::text, busy_until, fence FROM devices ORDER BY id",
        "keys": "SELECT key FROM idempotency_keys ORDER BY key",
    }
    return {what: database.rows(query, {}) for what, query in queries.items()}


def give_plan(database: Database, user: str, plan: str, status: str = "active") -> None:
    database.call(
        "INSERT INTO quota_plans (name, max_devices, max_cpu_cores_per_device) VALUES ('tiny', 5, 8)"
        " ON CONFLICT DO NOTHING",
        {},
    )
    database.call(
        "INSERT INTO quotas (tenant_id, user_id, plan_name, status) VALUES ('acme', %(user)s, %(plan)s, %(status)s)",
        {"user": user, "plan": plan, "status": status},
    )


def test_each_item_is_answered_in_order_as_the_single_call_would(api: Api, database: Database) -> None:
    api.add_devices(2)

    answer = batch(api, *for_users("ana", "ben", "cleo"), {"userId": "dan", "tenantId": "globex"})

    assert answer.status == 200
    assert (answer.data["successCount"], answer.data["failedCount"], answer.data["notTried"]) == (2, 2, 0)
    assert [(each["index"], each["userId"]) for each in answer.data["successes"]] == [(0, "ana"), (1, "ben")]
    assert [(each["index"], each["code"]) for each in answer.data["failures"]] == [
        (2, "no_available_devices"),
        (3, "forbidden"),
    ]
    first, refused = answer.data["successes"][0], answer.data["failures"][0]
    assert first["device"]["id"] == first["deviceId"]
    assert (refused["retryable"], [offer["kind"] for offer in refused["alternatives"]]) == (True, ["later", "wait"])
    assert_ledger_agrees(database)


def everybody_fits(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 3)
    return for_users("ana", "ben", "ana")


def a_small_fleet(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1)
    return for_users("ana", "ben") + for_users("cleo", durationMinutes=5, metadata={"why": "test"})


def add(api: Api, count: int, **fields: Any) -> None:
    """Add devices with names that are the same each time."""
    for number in range(count):
        api.add_devices(1, **{"id": f"{fields.get('deviceType', 'phone')}-{number}"} | fields)


def no_more_devices_of_the_plan(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 3)
    give_plan(database, "ana", "free")
    return for_users("ana", "ana", "ben")


def a_suspended_user(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 3)
    give_plan(database, "ana", "pro", "suspended")
    return for_users("ana", "ben")


def more_than_the_plan_gives_one_device(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 2)
    give_plan(database, "ana", "tiny")
    return for_users("ana", preferredSpecs={"minCpu": 64}) + for_users("ben", preferredSpecs={"minCpu": 64})


def only_devices_beyond_the_plan(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 2, cpuCores=32)
    give_plan(database, "ana", "tiny")
    return for_users("ana", "ben")


def somebody_elses_time_is_over(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1)
    api.allocate(userId="late", durationMinutes=5)
    clock.advance(minutes=6)
    return for_users("ana", "ben")


def her_own_time_is_over(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1)
    give_plan(database, "ana", "free")
    api.allocate(userId="ana", durationMinutes=5)
    clock.advance(minutes=6)
    return for_users("ana", "ana")


def a_reservation_begins_too_soon(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1)
    database.call("UPDATE devices SET next_reserved_at = scheduler_clock() + interval '30 minutes'", {})
    return for_users("ana", durationMinutes=31) + for_users("ben", durationMinutes=30)


def a_device_of_another_tenant(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1, tenantId="globex", deviceType="own")
    add(api, 1)
    return for_users("ana", deviceType="own") + for_users("ben")


def a_waiter_before_them(api: Api, database: Database, clock: Clock) -> list[Item]:
    add(api, 1)
    add(api, 1, deviceType="tablet")
    database.call(
        "INSERT INTO queue_entries (tenant_id, user_id, tier, rank, duration_minutes, wants, terms, terms_read_at,"
        " joined_at, expires_at)"
        " SELECT 'acme', 'waiter', 'pro', 0, 10, ROW ('android-14', NULL, NULL, NULL)::device_wants,"
        " ROW (NULL, NULL, 5, NULL, NULL, NULL, NULL, NULL, NULL)::quota_terms, at, at, at + interval '1 hour'"
        " FROM scheduler_clock() at",
        {},
    )
    return for_users("ana", deviceType="android-14") + for_users("ben", deviceType="tablet")


SCENES = [
    everybody_fits,
    a_small_fleet,
    no_more_devices_of_the_plan,
    a_suspended_user,
    more_than_the_plan_gives_one_device,
    only_devices_beyond_the_plan,
    somebody_elses_time_is_over,
    her_own_time_is_over,
    a_reservation_begins_too_soon,
    a_device_of_another_tenant,
    a_waiter_before_them,
]


WRITTEN_BY_HAND = {a_reservation_begins_too_soon, a_waiter_before_them}
"""Scenes with rows that have no event and no reservation behind them, as an audit would notice."""


@pytest.mark.parametrize("scene", SCENES)
def test_a_batch_decides_and_tells_what_the_single_calls_would(
    api: Api, database: Database, still_clock: Clock, scene: Callable[[Api, Database, Clock], list[Item]]
) -> None:
    items = scene(api, database, still_clock)
    before = last_event(database)
    one_by_one = [api.allocate(**item) for item in items]
    alone = [_told(answer.json if answer.status >= 400 else answer.data) for answer in one_by_one]
    their_events = _events_after(database, before)
    start_again(database, still_clock)

    scene(api, database, still_clock)
    before = last_event(database)
    answer = batch(api, *items)

    both = sorted(answer.data["successes"] + answer.data["failures"], key=lambda each: each["index"])
    assert [_told(each) for each in both] == alone
    assert _events_after(database, before) == their_events
    if scene not in WRITTEN_BY_HAND:
        assert_ledger_agrees(database)


def last_event(database: Database) -> int:
    return int(database.call("SELECT coalesce(max(id), 0) FROM outbox", {}))


def start_again(database: Database, clock: Clock) -> None:
    """Forget everything that has happened."""
    database.call(
        "TRUNCATE device_allocations, devices, spec_classes, quotas, quota_usage, outbox, allocation_counters,"
        " queue_entries, reservations CASCADE",
        {},
    )
    clock.reset()


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what differs each time, and what only a problem document has."""
    differs = {"allocationId", "index", "type", "title", "status", "instance", "success"}
    return {name: value for name, value in answer.items() if name not in differs}


def _events_after(database: Database, event: int) -> list[dict[str, Any]]:
    return database.rows(
        "SELECT type, group_id, tenant_id, data - 'allocationId' AS data, occurred_at FROM outbox WHERE id > %(id)s"
        " ORDER BY id",
        {"id": event},
    )


def test_stopping_at_the_first_failure_keeps_what_came_before(api: Api, database: Database) -> None:
    api.add_devices(3)
    give_plan(database, "ana", "free")

    answer = batch(api, *for_users("ana", "ana", "ben", "cleo"), continueOnError=False)

    assert (answer.status, codes(answer)) == (200, ["granted", "quota_exceeded"])
    assert answer.data["notTried"] == 2
    assert events(database) == [EventType.DEVICE_ALLOCATED, EventType.ALLOCATION_QUOTA_EXCEEDED]
    assert_ledger_agrees(database)


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        pytest.param({"userId": "ana"}, 403, "quota_exceeded", id="the quota"),
        pytest.param({"userId": "dan"}, 409, "no_available_devices", id="the fleet"),
        pytest.param({"userId": "dan", "tenantId": "globex"}, 403, "forbidden", id="another tenant"),
    ],
)
def test_an_atomic_batch_that_cannot_be_had_whole_leaves_no_trace(
    api: Api, database: Database, last: Item, status: int, code: str
) -> None:
    api.add_devices(3)
    give_plan(database, "ana", "free")
    api.allocate(userId="eve")
    before = traces(database)

    answer = batch(api, *for_users("ana", "ben"), last, atomic=True)

    assert (answer.status, answer.code, answer.json["index"]) == (status, code, 2)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("earliestForAll" in answer.json) == (code == "no_available_devices")
    assert traces(database) == before
    assert batch(api, *for_users("ana", "ben"), atomic=True).data["successCount"] == 2
    assert_ledger_agrees(database)


def test_of_an_atomic_batch_the_first_failure_is_told(api: Api, database: Database) -> None:
    add(api, 1)
    give_plan(database, "ana", "free", "suspended")

    answer = batch(api, *for_users("ben", "ana", "cleo"), atomic=True)

    assert (answer.status, answer.code, answer.json["index"]) == (403, "quota_exceeded", 1)


def test_want_of_devices_is_told_beside_an_item_that_nobody_may_ask_for(api: Api) -> None:
    add(api, 1)

    answer = batch(api, *for_users("ana", "ben"), {"userId": "dan", "tenantId": "globex"}, atomic=True)

    assert (answer.status, answer.code, answer.json["index"]) == (409, "no_available_devices", 1)
    assert answer.json["earliestForAll"] is None


def test_the_earliest_time_is_one_at_which_all_can_be_had_together(
    api: Api, database: Database, still_clock: Clock
) -> None:
    add(api, 2)
    add(api, 2, deviceType="tablet")
    start = still_clock.read()
    held = [api.allocate(userId=f"u{n}", durationMinutes=minutes).data for n, minutes in enumerate((10, 20, 30, 40))]
    kinds = {each["expiresAt"]: each["deviceId"].partition("-")[0] for each in held}

    both = batch(api, *for_users("ana", "ben"), atomic=True).json
    two_tablets = batch(api, *for_users("ana", "ben", deviceType="tablet"), atomic=True).json
    never = batch(api, *for_users("a", "b", "c", deviceType="tablet"), atomic=True).json

    assert both["earliestForAll"] == held[1]["expiresAt"] > start.isoformat()
    assert two_tablets["earliestForAll"] == max(at for at, kind in kinds.items() if kind == "tablet")
    assert never["earliestForAll"] is None
    still_clock.advance(minutes=20)
    assert batch(api, *for_users("ana", "ben"), atomic=True).data["successCount"] == 2
    assert_ledger_agrees(database)


@pytest.mark.parametrize("modes", [{}, {"atomic": True}, {"continueOnError": False}])
def test_the_same_key_has_one_effect_and_one_answer(api: Api, database: Database, modes: dict[str, bool]) -> None:
    api.add_devices(3)
    first = batch(api, *for_users("ana", "ben"), key="k-1", **modes)
    before = traces(database)

    again = batch(api, *for_users("ana", "ben"), key="k-1", **modes)

    assert (again.status, again.text) == (200, first.text)
    assert traces(database) == before
    assert batch(api, *for_users("ana"), key="k-1", **modes).code == "idempotency_key_reused"


def test_a_key_keeps_a_final_refusal_of_an_atomic_batch_and_forgets_one_that_passes(
    api: Api, database: Database
) -> None:
    give_plan(database, "ana", "free")
    add(api, 1)
    final = [batch(api, *for_users("ana", "ana"), key="final", atomic=True) for _ in range(2)]
    passing = batch(api, *for_users("ben", "cleo"), key="passing", atomic=True)
    add(api, 1, deviceType="tablet")

    assert [(answer.code, answer.json["index"]) for answer in final] == [("quota_exceeded", 1)] * 2
    assert final[0].text == final[1].text
    assert passing.code == "no_available_devices"
    assert batch(api, *for_users("ben", "cleo"), key="passing", atomic=True).status == 200


def test_an_operator_serves_several_tenants_and_counts_for_each(api: Api, database: Database) -> None:
    api.add_devices(3)
    items = [{"userId": "ana", "tenantId": tenant} for tenant in ("zeta", "acme", "zeta")]

    answer = batch(api, *items, claims=OPERATOR)

    assert [each["tenantId"] for each in answer.data["successes"]] == ["zeta", "acme", "zeta"]
    counted = database.rows("SELECT tenant_id, sum(granted)::int AS granted FROM allocation_counters GROUP BY 1", {})
    assert {row["tenant_id"]: row["granted"] for row in counted} == {"acme": 1, "zeta": 2}
    assert_ledger_agrees(database)


def test_metadata_and_minutes_of_each_item_are_kept(api: Api, database: Database) -> None:
    api.add_devices(2)
    said = {"purpose": 'it\'s a \\ "test" über', "deep": [1, None, {"a": True}]}

    batch(api, {"userId": "ana", "durationMinutes": 7, "metadata": said}, {"userId": "ben"})

    rows = database.rows("SELECT user_id, duration_minutes, metadata FROM device_allocations ORDER BY user_id", {})
    assert [(row["duration_minutes"], row["metadata"]) for row in rows] == [(7, said), (60, None)]


def test_a_batch_that_is_none_is_refused_and_lends_nothing(api: Api, database: Database) -> None:
    api.add_devices(1)

    answers = {what: api.post(PATH, SERVICE, body) for what, (body, _, _) in WRONG_BODIES.items()}

    expected = {what: (status, code) for what, (_, status, code) in WRONG_BODIES.items()}
    assert {what: (answer.status, answer.code) for what, answer in answers.items()} == expected
    assert answers["both modes"].json["errors"][0]["field"] == "atomic"
    assert events(database) == []


def test_batches_are_for_services_and_operators(api: Api) -> None:
    ids = {"allocationIds": ["0b1a9c1e-6c0f-4f0e-9d53-0d5c1f0f7c11"]}
    bodies: dict[str, Item] = {
        "": {"items": [{"userId": "alice"}]},
        "/release": ids,
        "/renew": ids | {"additionalMinutes": 5},
        "/query": {"userIds": ["alice"]},
    }
    for path, body in bodies.items():
        assert api.post(PATH + path, USER, body).code == "forbidden"
        assert api.post(PATH + path, None, body).code == "unauthorized"
        assert {api.post(PATH + path, claims, body).status for claims in (SERVICE, OTHER_TENANT, OPERATOR)} == {200}


def test_fifty_are_two_round_trips_to_postgres_granted_or_refused(api: Api) -> None:
    api.add_devices(30)
    before = runtime.database().round_trips

    answer = batch(api, *({"userId": f"user-{n}", "durationMinutes": 30 + n} for n in range(50)))

    assert (answer.data["successCount"], answer.data["failedCount"]) == (30, 20)
    assert runtime.database().round_trips - before == 2


def test_the_list_of_free_devices_is_evicted_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.add_devices(3)
    assert api.get("/scheduler/devices/available", SERVICE).json["total"] == 3
    evicted: list[bool] = []
    cache = runtime._available_cache()
    keep = type(cache).evict
    monkeypatch.setattr(type(cache), "evict", lambda self: (evicted.append(True), keep(self)))

    batch(api, *for_users("ana", "ben"))
    batch(api, *for_users("cleo", "dan"), atomic=True)

    assert evicted == [True]
    assert api.get("/scheduler/devices/available", SERVICE).json["total"] == 1


@pytest.fixture
def neighbour() -> Iterator[UserService]:
    with user_service() as running:
        yield running


def test_a_user_whose_quota_cannot_be_read_fails_alone(
    environment: pytest.MonkeyPatch, api: Api, neighbour: UserService
) -> None:
    environment.setenv("USER_SERVICE_URL", neighbour.url)
    environment.setenv("SERVICE_TOKEN_SECRET", neighbour.secret)
    neighbour.books.set_quota("ana", {"status": "active", "planName": "x", "limits": {"maxDevices": 1}})
    neighbour.books.set_quota("ben", {"status": "nonsense", "planName": "x", "limits": {}})
    api.add_devices(3)

    answer = batch(api, *for_users("ana", "ben", "ana"))
    atomic = batch(api, *for_users("cleo", "ben"), atomic=True)

    assert codes(answer) == ["granted", "quota_service_unavailable", "quota_exceeded"]
    assert (atomic.status, atomic.code, atomic.json["index"]) == (503, "quota_service_unavailable", 1)
