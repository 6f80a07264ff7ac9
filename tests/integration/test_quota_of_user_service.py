"""Allocate with a user service: its limits decide, its usage never does, and it is told every change exactly."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.support.api import Api, Context
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tools.handlers import load_function
from tools.neighbours.user_service import UserService, user_service


@pytest.fixture
def neighbour() -> Iterator[UserService]:
    with user_service() as running:
        yield running


@pytest.fixture
def api(environment: pytest.MonkeyPatch, api: Api, neighbour: UserService) -> Api:
    """The functions with a user service beside them."""
    environment.setenv("USER_SERVICE_URL", neighbour.url)
    environment.setenv("SERVICE_TOKEN_SECRET", neighbour.secret)
    return api


def document(limits: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {"status": "active", "planName": "custom", "limits": limits, "usage": {"currentDevices": 99}} | members


def test_the_smaller_of_its_device_limits_counts_and_its_usage_does_not(
    api: Api, neighbour: UserService, database: Database
) -> None:
    neighbour.books.set_quota("alice", document({"maxDevices": 5, "maxConcurrentDevices": 2}))
    api.add_devices(3)

    answers = [api.allocate() for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 403]
    assert answers[2].json["detail"] == "Device quota exceeded. Max: 2, Current: 2"
    assert_ledger_agrees(database)


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        pytest.param({"status": "suspended"}, "Quota suspended", id="suspended"),
        pytest.param({"status": "expired"}, "Quota expired", id="expired"),
        pytest.param(
            {"validUntil": "2026-01-01T00:00:00Z"}, "Quota expired at 2026-01-01T00:00:00.000000Z", id="over by date"
        ),
    ],
)
def test_a_document_that_refuses_is_told_in_its_words(
    api: Api, neighbour: UserService, database: Database, members: dict[str, Any], detail: str
) -> None:
    neighbour.books.set_quota("alice", document({"maxDevices": 5}, **members))
    api.add_devices(1)

    answer = api.allocate()

    assert (answer.status, answer.code, answer.json["detail"]) == (403, "quota_exceeded", detail)
    (event,) = database.rows("SELECT type, data ->> 'reason' AS reason FROM outbox", {})
    assert event == {"type": "scheduler.allocation.quota_exceeded", "reason": detail}


def test_the_status_exceeded_alone_does_not_refuse(api: Api, neighbour: UserService) -> None:
    neighbour.books.set_quota("alice", document({"maxDevices": 5}, status="exceeded"))
    api.add_devices(1)

    assert api.allocate().status == 201


def test_totals_leave_only_devices_that_still_fit(api: Api, neighbour: UserService, database: Database) -> None:
    neighbour.books.set_quota("alice", document({"totalCpuCores": 6, "maxDevices": -1}))
    api.add_devices(1, cpuCores=4)
    api.add_devices(2, cpuCores=8)
    (small,) = api.add_devices(1, cpuCores=2, name="small")
    api.allocate(preferredSpecs={"minCpu": 4})

    assert api.allocate().data["deviceId"] == small
    assert api.allocate().json["detail"] == "CPU quota exceeded. Max: 6 cores, Current: 6"
    assert_ledger_agrees(database)


def test_more_than_a_device_may_have_is_refused_at_once(api: Api, neighbour: UserService) -> None:
    neighbour.books.set_quota("alice", document({"maxCpuCoresPerDevice": 4}))
    api.add_devices(1, cpuCores=8)

    asked = api.allocate(preferredSpecs={"minCpu": 8})

    assert asked.json["detail"] == "CPU cores per device exceed the quota. Max: 4, Asked: 8"
    assert api.allocate().code == "quota_exceeded", "an 8-core device was lent"


def test_while_it_is_down_nothing_is_lent_and_soon_nobody_is_asked(
    api: Api, neighbour: UserService, database: Database
) -> None:
    api.add_devices(1)
    neighbour.be("down")
    for _ in range(3):
        answer = api.allocate()
        assert (answer.status, answer.code) == (503, "quota_service_unavailable")
        assert answer.json["retryable"] is True
    asked = len(neighbour.seen)

    answer = api.allocate()

    assert (answer.status, answer.code) == (503, "quota_service_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(neighbour.seen) == asked, "the circuit is open, yet the service was asked"
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 0


def test_one_users_unreadable_document_stops_nobody_else(api: Api, neighbour: UserService) -> None:
    neighbour.books.set_quota("alice", document({"maxDevices": -5}))
    api.add_devices(1)

    assert {api.allocate().code for _ in range(5)} == {"quota_service_unavailable"}
    assert api.allocate(userId="bob").status == 201


def test_while_it_is_down_devices_are_lent_where_that_is_configured(
    environment: pytest.MonkeyPatch, api: Api, neighbour: UserService
) -> None:
    environment.setenv("QUOTA_ALLOW_ON_ERROR", "true")
    neighbour.books.set_quota("alice", document({"maxDevices": 0}))
    api.add_devices(1)
    neighbour.be("down")

    assert api.allocate().status == 201

    neighbour.be("ok")
    assert api.allocate().code == "quota_exceeded", "the stand-in was remembered"


def test_every_allocation_and_every_end_is_told_once(
    api: Api, neighbour: UserService, database: Database, clock: Clock
) -> None:
    api.add_devices(3, cpuCores=4)
    released, _, _ = (api.allocate(durationMinutes=minutes).data for minutes in (60, 5, 60))
    api.release(released["deviceId"])
    clock.advance(minutes=6)
    load_function("expire").handler({"source": "aws.events"}, Context())

    deliver(database)
    deliver(database)

    assert [(told["operation"], told["cpuCores"]) for told in neighbour.books.usage()["applied"]] == [
        ("increment", 4),
        ("increment", 4),
        ("increment", 4),
        ("decrement", 4),
        ("decrement", 4),
    ]


def deliver(database: Database) -> None:
    """Hand all events to the deliver function, as SNS and SQS would."""
    records = [
        {"messageId": event.id, "body": json.dumps(event.envelope()), "attributes": {"MessageGroupId": event.group_id}}
        for event in PostgresOutbox(database).oldest(100)
        if event.type in {"device.allocated", "device.released", "scheduler.allocation.expired"}
    ]
    answer = load_function("deliver").handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": []}
