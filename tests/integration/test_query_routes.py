"""The look-ups: free devices, allocations, totals, health; through the handler, on real parts."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from operator import itemgetter
from typing import Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.adapters.redis.client import RedisLink, connect
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Api, Claims
from tests.support.clock import Clock
from tools.embedded import ValkeyServer, free_port

AVAILABLE = "/scheduler/devices/available"
ALLOCATIONS = "/scheduler/allocations"
STATS = "/scheduler/allocations/stats"
HEALTH = "/scheduler/health"

FOREIGN_CURSORS = [
    pytest.param("", id="empty"),
    pytest.param("not a cursor!", id="no base64"),
    pytest.param("aGFsbG8", id="no JSON"),
    pytest.param(base64.urlsafe_b64encode(b'{"after": 1}').decode(), id="no list"),
    pytest.param(base64.urlsafe_b64encode(b"[1, 2]").decode(), id="numbers"),
    pytest.param(base64.urlsafe_b64encode(b"[]").decode(), id="an empty key"),
    pytest.param(base64.urlsafe_b64encode(b'["a", "b", "c"]').decode(), id="too long a key"),
    pytest.param(base64.urlsafe_b64encode(b'["\\u0000", "\\u0000"]').decode(), id="NULs"),
    pytest.param(base64.urlsafe_b64encode(b"[" * 700).decode(), id="bottomless nesting"),
    pytest.param("x" * 1001, id="too long"),
]


class TestAvailable:
    """GET /scheduler/devices/available."""

    def test_a_free_device_is_listed_with_its_size(self, api: Api) -> None:
        (device_id,) = api.add_devices(1)

        answer = api.get(AVAILABLE, USER)

        assert answer.status == 200
        assert answer.json["success"] is True
        assert answer.data == [
            {
                "id": device_id,
                "name": "phone-0",
                "status": "running",
                "cpuCores": 4,
                "memoryMB": 4096,
                "storageMB": 65536,
            }
        ]
        assert answer.json["total"] == 1
        assert answer.json["meta"] == {"limit": 100, "nextCursor": None}

    def test_a_lent_device_is_not_listed(self, api: Api) -> None:
        ids = api.add_devices(2)
        lent = api.allocate().data["deviceId"]

        assert _ids(api, SERVICE) == sorted(set(ids) - {lent})

    @pytest.mark.parametrize("status", ["stopped", "error", "maintenance"])
    def test_a_device_that_does_not_run_is_not_listed(self, api: Api, status: str) -> None:
        api.add_devices(1, status=status)

        assert _ids(api, SERVICE) == []

    @pytest.mark.parametrize("life", ["draining", "quarantined", "recycling", "deleted"])
    def test_a_device_out_of_service_is_not_listed(self, api: Api, database: Database, life: str) -> None:
        api.add_devices(1)
        database.call("UPDATE devices SET life = %(life)s", {"life": life})

        assert _ids(api, SERVICE) == []

    def test_a_device_whose_reservation_has_begun_is_not_listed(self, api: Api, database: Database) -> None:
        begun, coming = api.add_devices(2)
        _reserve(database, begun, "-1 minute")
        _reserve(database, coming, "1 hour")

        answer = api.get(AVAILABLE, SERVICE)

        assert [device["id"] for device in answer.data] == [coming]
        assert answer.json["total"] == 1

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, ["big", "small", "tablet"]),
            ({"minCpu": 8}, ["big"]),
            ({"minCpu": 2}, ["big", "small", "tablet"]),
            ({"minMemory": 4096}, ["big", "tablet"]),
            ({"minMemory": 4097}, ["big"]),
            ({"deviceType": "tablet"}, ["tablet"]),
            ({"deviceType": "tablet", "minCpu": 8}, []),
            ({"deviceType": "fridge"}, []),
        ],
    )
    def test_filters_are_minima_and_count_in_the_total(
        self, api: Api, wanted: Mapping[str, Any], found: list[str]
    ) -> None:
        api.add_devices(1, id="small", cpuCores=2, memoryMB=2048)
        api.add_devices(1, id="big", cpuCores=8, memoryMB=8192)
        api.add_devices(1, id="tablet", deviceType="tablet")

        answer = api.get(AVAILABLE, SERVICE, **wanted)

        assert [device["id"] for device in answer.data] == found
        assert answer.json["total"] == len(found)

    def test_the_pages_show_each_device_once(self, api: Api) -> None:
        ids = api.add_devices(23)

        pages = _walk(api, AVAILABLE, SERVICE, limit=5)

        assert [len(page.json["data"]) for page in pages] == [5, 5, 5, 5, 3]
        assert [device["id"] for page in pages for device in page.data] == sorted(ids)
        assert {page.json["total"] for page in pages} == {23}

    def test_a_last_page_that_is_full_has_no_next(self, api: Api) -> None:
        api.add_devices(10)

        assert [len(page.data) for page in _walk(api, AVAILABLE, SERVICE, limit=5)] == [5, 5]

    def test_a_dedicated_device_is_seen_only_by_its_tenant(self, api: Api) -> None:
        api.add_devices(1, id="shared")
        api.add_devices(1, id="theirs", tenantId="globex")

        assert _ids(api, SERVICE) == ["shared"]
        assert _ids(api, OTHER_TENANT) == ["shared", "theirs"]
        assert _ids(api, OPERATOR) == ["shared", "theirs"]

    @pytest.mark.parametrize("limit", [0, -1, 1001, "all", "1.5"])
    def test_a_limit_is_1_to_1000(self, api: Api, limit: object) -> None:
        answer = api.get(AVAILABLE, SERVICE, limit=limit)

        assert (answer.status, answer.code) == (422, "validation_failed")
        assert answer.json["errors"][0]["field"] == "limit"

    @pytest.mark.parametrize("query", [{"minCpu": -1}, {"minCpu": 2**31}, {"minMemory": "much"}, {"deviceType": ""}])
    def test_filters_are_checked(self, api: Api, query: Mapping[str, Any]) -> None:
        assert api.get(AVAILABLE, SERVICE, **query).code == "validation_failed"

    @pytest.mark.parametrize("cursor", FOREIGN_CURSORS)
    def test_a_cursor_is_one_of_ours(self, api: Api, cursor: str) -> None:
        answer = api.get(AVAILABLE, SERVICE, cursor=cursor)

        assert (answer.status, answer.code) == (422, "validation_failed")

    def test_without_verified_claims_nothing_is_shown(self, api: Api) -> None:
        assert api.get(AVAILABLE, None).status == 401


class TestAllocations:
    """GET /scheduler/allocations."""

    def test_they_come_newest_first(self, api: Api, clock: Clock) -> None:
        lent = _history(api, clock, ["alice", "bob", "alice"])

        answer = api.get(ALLOCATIONS, SERVICE)

        assert [row["allocationId"] for row in answer.data] == lent[::-1]
        assert answer.json["meta"] == {"limit": 50, "nextCursor": None}

    def test_a_list_has_no_addresses(self, api: Api) -> None:
        api.add_devices(1, adbHost="10.1.2.3", adbPort=4711)
        api.allocate(metadata={"purpose": "demo"})

        for claims in (USER, SERVICE, OPERATOR):
            answer = api.get(ALLOCATIONS, claims)
            (row,) = answer.data
            assert row["metadata"] == {"purpose": "demo"}
            assert row["status"] == "allocated"
            assert not {name for name in row if name.startswith("adb")}
            assert "10.1.2.3" not in answer.text
            assert "4711" not in answer.text

    def test_each_sees_what_is_its_own(self, api: Api) -> None:
        api.add_devices(3)
        alices = api.allocate().data["allocationId"]
        bobs = api.allocate(userId="bob").data["allocationId"]
        theirs = api.allocate(OTHER_TENANT, userId="alice").data["allocationId"]

        assert _allocation_ids(api, USER) == {alices}
        assert _allocation_ids(api, OTHER_USER) == {bobs}
        assert _allocation_ids(api, SERVICE) == {alices, bobs}
        assert _allocation_ids(api, OTHER_TENANT) == {theirs}
        assert _allocation_ids(api, OPERATOR) == {alices, bobs, theirs}

    def test_a_user_may_not_ask_for_anothers(self, api: Api) -> None:
        assert api.get(ALLOCATIONS, USER, userId="alice").status == 200
        assert api.get(ALLOCATIONS, USER, userId="bob").code == "forbidden"

    def test_filters_narrow_the_list(self, api: Api, clock: Clock) -> None:
        first, second, third = _history(api, clock, ["alice", "bob", "alice"])
        rows = {row["allocationId"]: row for row in api.get(ALLOCATIONS, SERVICE).data}
        api.release(rows[first]["deviceId"])

        def found(**query: Any) -> list[str]:
            return [row["allocationId"] for row in api.get(ALLOCATIONS, SERVICE, **query).data]

        assert found(userId="alice") == [third, first]
        assert found(userId="alice", status="released") == [first]
        assert found(deviceId=rows[second]["deviceId"]) == [second]
        assert found(status="allocated") == [third, second]
        assert found(status="expired") == []
        # `from` belongs to its window, `to` does not: windows that meet show each row once.
        assert found(**{"from": rows[second]["allocatedAt"]}) == [third, second]
        assert found(to=rows[second]["allocatedAt"]) == [first]

    @pytest.mark.parametrize("claims", [USER, SERVICE, OPERATOR])
    def test_the_pages_show_each_row_once_even_of_one_instant(
        self, api: Api, database: Database, claims: Claims
    ) -> None:
        rows = _rows_of_few_instants(database, 17)

        pages = _walk(api, ALLOCATIONS, claims, limit=4)

        seen = [row["allocationId"] for page in pages for row in page.data]
        assert [len(page.data) for page in pages] == [4, 4, 4, 4, 1]
        assert seen == rows

    def test_what_is_granted_while_one_pages_does_not_shift_the_pages(self, api: Api, database: Database) -> None:
        rows = _rows_of_few_instants(database, 6)
        first = api.get(ALLOCATIONS, SERVICE, limit=3)
        api.add_devices(1)
        api.allocate()

        second = api.get(ALLOCATIONS, SERVICE, limit=3, cursor=first.json["meta"]["nextCursor"])

        assert [row["allocationId"] for row in first.data + second.data] == rows

    @pytest.mark.parametrize("cursor", FOREIGN_CURSORS)
    def test_a_cursor_is_one_of_ours(self, api: Api, cursor: str) -> None:
        assert api.get(ALLOCATIONS, SERVICE, cursor=cursor).code == "validation_failed"

    def test_a_cursor_of_the_other_list_is_none_of_this(self, api: Api) -> None:
        api.add_devices(2)
        cursor = api.get(AVAILABLE, SERVICE, limit=1).json["meta"]["nextCursor"]

        assert api.get(ALLOCATIONS, SERVICE, cursor=cursor).code == "validation_failed"

    @pytest.mark.parametrize(
        "key",
        [["soon", str(uuid.uuid4())], ["2026-03-02T09:15:00", str(uuid.uuid4())], ["2026-03-02T09:15:00Z", "first"]],
    )
    def test_a_cursor_holds_an_instant_and_an_id(self, api: Api, key: list[str]) -> None:
        cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()

        assert api.get(ALLOCATIONS, SERVICE, cursor=cursor).code == "validation_failed"

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 0},
            {"limit": 201},
            {"status": "lost"},
            {"from": "yesterday"},
            {"to": "2026-03-02T09:15:00"},
            {"userId": ""},
            {"deviceId": "x" * 256},
        ],
    )
    def test_filters_are_checked(self, api: Api, query: Mapping[str, Any]) -> None:
        answer = api.get(ALLOCATIONS, SERVICE, **query)

        assert (answer.status, answer.code) == (422, "validation_failed")
        assert answer.json["errors"][0]["field"] == next(iter(query))


class TestOneAllocation:
    """GET /scheduler/allocations/{allocationId}."""

    @pytest.mark.parametrize("claims", [USER, SERVICE, OPERATOR])
    def test_while_active_it_shows_where_the_device_is(self, api: Api, claims: Claims) -> None:
        api.add_devices(1)
        grant = api.allocate(durationMinutes=30, metadata={"build": 7}).data

        shown = api.get(f"{ALLOCATIONS}/{grant['allocationId']}", claims)

        assert shown.status == 200
        assert {name: shown.data[name] for name in grant} == grant
        assert (shown.data["adbHost"], shown.data["adbPort"], shown.data["fencingToken"]) == ("10.0.0.7", 5555, 1)
        assert (shown.data["status"], shown.data["durationMinutes"]) == ("allocated", 30)
        assert (shown.data["releasedAt"], shown.data["durationSeconds"]) == (None, None)
        assert shown.data["metadata"] == {"build": 7}

    def test_after_its_end_it_shows_no_address(self, api: Api, still_clock: Clock) -> None:
        api.add_devices(1)
        grant = api.allocate().data
        still_clock.advance(seconds=90)
        api.release(grant["deviceId"])
        api.allocate(userId="bob")

        shown = api.get(f"{ALLOCATIONS}/{grant['allocationId']}", USER).data

        assert (shown["status"], shown["durationSeconds"]) == ("released", 90)
        assert (shown["adbHost"], shown["adbPort"]) == (None, None)
        assert datetime.fromisoformat(shown["releasedAt"]) > datetime.fromisoformat(shown["allocatedAt"])

    def test_a_moved_device_is_found_at_its_new_address(self, api: Api) -> None:
        (device_id,) = api.add_devices(1)
        grant = api.allocate().data
        api.call("PATCH", f"/scheduler/devices/{device_id}", OPERATOR, {"adbHost": "10.9.9.9", "adbPort": 6000})

        shown = api.get(f"{ALLOCATIONS}/{grant['allocationId']}", USER).data

        assert (shown["adbHost"], shown["adbPort"]) == ("10.9.9.9", 6000)

    @pytest.mark.parametrize("claims", [OTHER_USER, OTHER_TENANT])
    def test_a_foreign_one_does_not_exist(self, api: Api, claims: Claims) -> None:
        api.add_devices(1)
        grant = api.allocate().data

        answer = api.get(f"{ALLOCATIONS}/{grant['allocationId']}", claims)

        assert (answer.status, answer.code) == (404, "allocation_not_found")

    @pytest.mark.parametrize(
        "unknown",
        [
            pytest.param(str(uuid.uuid4()), id="nobody's"),
            pytest.param("nonsense", id="nonsense"),
            pytest.param("x" * 200, id="long"),
            pytest.param("1' OR 'a'='a", id="an injection"),
            pytest.param(uuid.uuid4().urn, id="a URN"),
            pytest.param("0-0" * 8 + "0" * 16, id="dashes astray"),
        ],
    )
    def test_an_unknown_id_is_not_found(self, api: Api, unknown: str) -> None:
        answer = api.get(f"{ALLOCATIONS}/{unknown}", SERVICE)

        assert (answer.status, answer.code) == (404, "allocation_not_found")


class TestTotals:
    """GET /scheduler/allocations/stats."""

    def test_they_count_grants_and_every_kind_of_end(self, api: Api, clock: Clock) -> None:
        _one_of_each_end(api, clock)

        answer = api.get(STATS, SERVICE)

        assert answer.status == 200
        assert answer.data == {
            "totalAllocations": 3,
            "activeAllocations": 1,
            "releasedAllocations": 1,
            "expiredAllocations": 1,
            "revokedAllocations": 0,
            "strategy": "resource_based",
            "utilisation": 0.25,
        }

    def test_a_service_sees_its_tenants_an_operator_all(self, api: Api, clock: Clock) -> None:
        _one_of_each_end(api, clock)
        api.allocate(OTHER_TENANT)

        assert api.get(STATS, SERVICE).data["totalAllocations"] == 3
        assert api.get(STATS, OTHER_TENANT).data["totalAllocations"] == 1
        assert api.get(STATS, OPERATOR).data["totalAllocations"] == 4
        assert api.get(STATS, OPERATOR).data["utilisation"] == 0.5

    def test_they_outlive_the_rows_they_counted(self, api: Api, database: Database, clock: Clock) -> None:
        _one_of_each_end(api, clock)
        database.call("DELETE FROM device_allocations WHERE status <> 'allocated'", {})

        assert api.get(STATS, SERVICE).data["totalAllocations"] == 3

    def test_an_empty_fleet_has_zeros(self, api: Api) -> None:
        figures = api.get(STATS, SERVICE).data

        assert figures.pop("strategy") == "resource_based"
        assert set(figures.values()) == {0}

    def test_a_user_may_not_ask(self, api: Api) -> None:
        assert api.get(STATS, USER).code == "forbidden"


@pytest.fixture
def open_circuit(environment: pytest.MonkeyPatch, valkey_server: ValkeyServer) -> str:
    """Name a circuit that another execution environment has opened."""
    name = "user-service-usage"
    link = RedisLink(
        lambda: connect("127.0.0.1", valkey_server.port, tls=False, cluster=False, password=None), on_skip=lambda: None
    )
    with closing(link):
        store = RedisBreakerStore(link)
        store.configure(CircuitBreakerConfig(), name)
        store.save_open(name, 3, int(time.time()))
    return name


class TestHealth:
    """GET /scheduler/health."""

    def test_anyone_may_ask_and_all_is_well(self, api: Api) -> None:
        answer = api.get(HEALTH, None)

        assert answer.status == 200
        assert answer.data == {
            "status": "ok",
            "parts": {"postgres": "up", "redis": "up"},
            "outbox": {"unpublished": 0, "oldestSeconds": None},
            "circuits": {},
        }

    def test_it_tells_what_waits_to_be_published(self, api: Api, database: Database) -> None:
        api.add_devices(1)
        api.allocate()
        database.call("UPDATE outbox SET occurred_at = scheduler_clock() - interval '90 seconds'", {})

        waits = api.get(HEALTH, None).data["outbox"]

        assert waits["unpublished"] == 1
        assert 90 <= waits["oldestSeconds"] < 120

    def test_it_tells_how_the_circuits_around_neighbours_are(
        self, api: Api, environment: pytest.MonkeyPatch, open_circuit: str
    ) -> None:
        environment.setenv("USER_SERVICE_URL", f"http://127.0.0.1:{free_port()}")

        told = api.get(HEALTH, None).data

        assert told["circuits"] == {"user-service": "closed", open_circuit: "open"}
        assert (told["status"], told["parts"]["userService"]) == ("degraded", "down")

    def test_it_counts_to_a_thousand(self, api: Api, database: Database) -> None:
        database.call(
            "INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)"
            " SELECT 'scheduler.device.allocated', 'd', 'd', 'acme', '{}', scheduler_clock()"
            "   FROM generate_series(1, 1200)",
            {},
        )

        assert api.get(HEALTH, None).data["outbox"]["unpublished"] == 1000

    def test_without_redis_the_service_is_degraded(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("REDIS_PORT", str(free_port()))

        answer = api.get(HEALTH, None)

        assert (answer.status, answer.json["success"]) == (200, True)
        assert answer.data["status"] == "degraded"
        assert answer.data["parts"] == {"postgres": "up", "redis": "down"}

    def test_where_redis_is_not_used_it_is_not_missed(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        environment.delenv("REDIS_HOST")

        told = api.get(HEALTH, None).data

        assert (told["status"], told["parts"], told["circuits"]) == ("ok", {"postgres": "up"}, {})

    def test_without_postgres_the_service_is_down(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        port = free_port()
        environment.setenv("DATABASE_URL", f"postgresql://scheduler:secret@127.0.0.1:{port}/scheduler")

        answer = api.get(HEALTH, None)

        assert (answer.status, answer.json["success"]) == (503, False)
        parts = {"postgres": "down", "redis": "up"}
        assert answer.data == {"status": "down", "parts": parts, "outbox": None, "circuits": {}}
        assert str(port) not in answer.text

    def test_without_postgres_the_lists_say_come_back(self, api: Api, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", f"postgresql://scheduler:secret@127.0.0.1:{free_port()}/scheduler")

        answer = api.get(ALLOCATIONS, SERVICE)

        assert (answer.status, answer.code) == (503, "unavailable")
        assert answer.json["retryable"] is True
        assert int(answer.headers["Retry-After"]) > 0


def _ids(api: Api, claims: Claims) -> list[str]:
    return [device["id"] for device in api.get(AVAILABLE, claims).data]


def _allocation_ids(api: Api, claims: Claims) -> set[str]:
    return {row["allocationId"] for row in api.get(ALLOCATIONS, claims).data}


def _walk(api: Api, path: str, claims: Claims, limit: int) -> list[Any]:
    """Follow the cursors to the end, at most 20 pages."""
    pages = [api.get(path, claims, limit=limit)]
    while (cursor := pages[-1].json["meta"]["nextCursor"]) and len(pages) < 20:
        pages.append(api.get(path, claims, limit=limit, cursor=cursor))
    return pages


def _reserve(database: Database, device_id: str, begins_in: str) -> None:
    database.call(
        "UPDATE devices SET next_reserved_at = clock_timestamp() + %(begins_in)s::interval WHERE id = %(id)s",
        {"id": device_id, "begins_in": begins_in},
    )


def _history(api: Api, clock: Clock, users: list[str]) -> list[str]:
    """Lend one device to each user in turn, a minute apart; give the allocation ids in that order."""
    api.add_devices(len(users))
    lent = []
    for user in users:
        lent.append(api.allocate(userId=user).data["allocationId"])
        clock.advance(minutes=1)
    return lent


def _rows_of_few_instants(database: Database, count: int) -> list[str]:
    """Insert ended allocations of alice, five an instant; give their ids as a list has to show them."""
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, status, allocated_at, released_at)"
        " SELECT 'd-' || n, 'alice', 'acme', 'released', timestamptz '2026-03-02 09:00Z' + n / 5 * interval '1 second',"
        " '2026-03-02 10:00Z' FROM generate_series(1, %(count)s) n",
        {"count": count},
    )
    rows = database.rows("SELECT id::text, allocated_at FROM device_allocations", {})
    return [row["id"] for row in sorted(rows, key=lambda row: (row["allocated_at"], row["id"]), reverse=True)]


def _one_of_each_end(api: Api, clock: Clock) -> None:
    """On four devices: one allocation expired, one released, one active."""
    api.add_devices(4)
    overdue = api.allocate(durationMinutes=5).data["deviceId"]
    clock.advance(minutes=6)
    api.release(overdue)
    api.release(api.allocate().data["deviceId"])
    api.allocate(userId="bob")


def test_an_operator_may_look_at_one_tenant_and_nobody_else_at_another(api: Api) -> None:
    api.add_devices(2)
    api.allocate()
    api.allocate(OTHER_TENANT)

    for path, count in [(ALLOCATIONS, len), (STATS, itemgetter("totalAllocations"))]:
        assert count(api.get(path, OPERATOR).data) == 2
        assert count(api.get(path, OPERATOR, tenantId="globex").data) == 1
        assert count(api.get(path, SERVICE, tenantId="acme").data) == 1
        assert api.get(path, SERVICE, tenantId="globex").code == "forbidden"


@pytest.mark.parametrize("metadata", ["[1, 2]", '"text"', "5", "true", "null", "[" * 300 + "]" * 300])
def test_rows_from_outside_may_hold_any_metadata(api: Api, database: Database, metadata: str) -> None:
    database.call(
        "INSERT INTO device_allocations (device_id, user_id, tenant_id, status, metadata)"
        " VALUES ('gone', 'alice', 'acme', 'released', %(metadata)s)",
        {"metadata": metadata},
    )

    (listed,) = api.get(ALLOCATIONS, SERVICE).data
    assert api.get(f"{ALLOCATIONS}/{listed['allocationId']}", SERVICE).status == 200
