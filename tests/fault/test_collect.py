"""A real little history: what the database and the user service really leave is what the checker understands."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.fault import collect
from tests.fault.checker import check
from tests.fault.history import Evidence, Kind, Operation, Received
from tests.support.api import SERVICE, Answer, Api
from tests.support.clock import Clock
from tools.neighbours.user_service import user_service

USERS = ("alice", "bob", "carol")


class Journal:
    """Asks the functions, and writes down what a client would."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.operations: list[Operation] = []

    def allocate(self, user: str, key: str | None = None) -> Answer:
        return self._ask(Kind.ALLOCATE, user, "/scheduler/devices/allocate", {"userId": user}, key)

    def release(self, user: str, grant: Answer, key: str | None = None, **body: Any) -> Answer:
        given = {"deviceId": grant.data["deviceId"], "userId": user} | body
        return self._ask(Kind.RELEASE, user, "/scheduler/devices/release", given, key)

    def expire(self) -> Answer:
        return self._ask(Kind.EXPIRE, "", "/scheduler/allocations/release-expired", {}, None)

    def _ask(self, kind: Kind, user: str, path: str, body: Mapping[str, Any], key: str | None) -> Answer:
        started = time.monotonic_ns()
        answer = self._api.post(path, SERVICE, body, key=key)
        self.operations.append(
            Operation(
                len(self.operations), 0, kind, SERVICE["tenant_id"], user, started, time.monotonic_ns(), body, key,
                answer.status, answer.json, answer.headers.get("Retry-After"),
            )
        )  # fmt: skip
        return answer


def little_history(journal: Journal, clock: Clock) -> None:
    """Grants, refusals, repeated requests, late and stale releases, and expiries."""
    grants = {user: journal.allocate(user, key=f"grant-{user}") for user in USERS}
    journal.allocate("alice", key="grant-alice")
    journal.allocate("dave")
    journal.release("alice", grants["alice"], key="back", allocationId=grants["alice"].data["allocationId"])
    journal.release("alice", grants["alice"], key="back", allocationId=grants["alice"].data["allocationId"])
    journal.allocate("dave")
    journal.release("alice", grants["alice"], allocationId=grants["alice"].data["allocationId"])
    journal.release("bob", grants["bob"], fencingToken=0)
    journal.release("bob", grants["bob"])
    clock.advance(hours=2)
    journal.release("carol", grants["carol"])
    journal.expire()
    for _ in range(6):
        journal.allocate("alice")


@pytest.fixture
def api(environment: pytest.MonkeyPatch) -> Api:
    environment.setenv("DEFAULT_PLAN", "free")
    return Api()


def test_a_real_history_breaks_no_promise(api: Api, database: Database, clock: Clock) -> None:
    journal = Journal(api)
    api.add_devices(3)
    little_history(journal, clock)
    with user_service() as service:
        deliver_all(database, service)
        evidence = evidence_of(database, journal, service.books)

    assert check(evidence) == []

    assert {row.status for row in evidence.allocations} == {"allocated", "released", "expired"}
    assert {operation.status for operation in journal.operations} == {200, 201, 403, 409}
    assert len(evidence.keys) == 4
    assert len(evidence.effects) > 8


def test_rows_are_read_page_by_page(
    api: Api, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_devices(3)
    little_history(Journal(api), clock)
    at_once = collect.rows_of(database)

    monkeypatch.setattr(collect, "PAGE", 1)

    assert collect.rows_of(database) == at_once
    assert all(at_once)


def evidence_of(database: Database, journal: Journal, books: Any) -> Evidence:
    rows = collect.rows_of(database)
    return Evidence(
        **rows,
        operations=journal.operations,
        received=[
            Received(n, event.event_id, event.type, event.group, event.data) for n, event in enumerate(rows["events"])
        ],
        effects=collect.effects_of(books),
        limit=1,
    )


def deliver_all(database: Database, service: Any) -> None:
    """Mark every event as published, and tell the user service what changes usage."""
    from scheduler.adapters.http.user_service import UserService, UserServiceUsage
    from scheduler.adapters.postgres.outbox import PostgresInbox
    from scheduler.adapters.redis.breaker_store import RedisBreakerStore
    from scheduler.domain.events import BrokenEvent
    from scheduler.service.usage_deliverer import UsageDeliverer
    from tests.support.fake_meter import FakeMeter

    client = UserService(service.url, lambda: service.secret)
    reporter = UserServiceUsage(client, RedisBreakerStore(None), FakeMeter(), circuit="little-history")
    deliverer = UsageDeliverer(reporter, PostgresInbox(runtime.database()))
    for row in database.rows("SELECT event_id::text AS id, type, data FROM outbox ORDER BY id", {}):
        try:
            deliverer.deliver(row)
        except BrokenEvent:
            assert row["type"] in {"scheduler.allocation.failed", "scheduler.allocation.quota_exceeded"}
    database.call("UPDATE outbox SET published_at = scheduler_clock()", {})
    client.close()
