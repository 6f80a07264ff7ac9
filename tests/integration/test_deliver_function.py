"""The deliver function, from an SQS batch to what the user service was told over HTTP."""

import importlib
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from scheduler.adapters.http.user_service import REPORT_PATIENCE, UserService, UserServiceUsage
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.edge.queue import seconds_left
from scheduler.service.usage_deliverer import UsageDeliverer
from tests.support.fake_meter import FakeMeter
from tools.neighbours.user_service import UserService as Neighbour
from tools.neighbours.user_service import user_service

SHARE = {"devices": 1, "cpuCores": 2, "memoryMB": 2048, "storageMB": 16384}


@dataclass
class Context:
    """What Lambda tells about an invocation."""

    remaining_ms: int = 60_000
    function_name: str = "deliver"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class SetInbox:
    def __init__(self) -> None:
        self.applied: set[tuple[str, str]] = set()

    def has(self, consumer: str, event_id: str) -> bool:
        return (consumer, event_id) in self.applied

    def add(self, consumer: str, event_id: str) -> None:
        self.applied.add((consumer, event_id))


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    with user_service() as running:
        yield running


@pytest.fixture
def app(neighbour, monkeypatch) -> Iterator[ModuleType]:
    service = UserService(neighbour.url, lambda: neighbour.secret)
    reporter = UserServiceUsage(
        service,
        RedisBreakerStore(None),
        FakeMeter(),
        seconds_left=seconds_left,
        circuit=str(uuid.uuid4()),
        patience=replace(REPORT_PATIENCE, pause=lambda _: None),
    )
    deliverer = UsageDeliverer(reporter, SetInbox())
    monkeypatch.setattr("scheduler.runtime.get_usage_deliverer", lambda: deliverer, raising=False)
    yield importlib.reload(importlib.import_module("functions.deliver.app"))
    service.close()


def allocated(number: int, device: str, **changes: Any) -> dict[str, Any]:
    data = {"deviceId": device, "userId": "ana", "tenantId": "acme", "quotaUsed": SHARE} | changes
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "type": "device.allocated",
        "source": "/scheduler",
        "data": data,
    }


def batch(*bodies: Mapping[str, Any] | str) -> dict[str, Any]:
    return {"Records": [_record(number, body) for number, body in enumerate(bodies)]}


def _record(number: int, body: Mapping[str, Any] | str) -> dict[str, Any]:
    group = body["data"]["deviceId"] if isinstance(body, Mapping) and "data" in body else "other"
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:usage.fifo",
        "awsRegion": "eu-central-1",
    }


def failed(answer: Mapping[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def told(neighbour: Neighbour) -> list[str]:
    return [usage["key"] for usage in neighbour.books.usage()["applied"]]


def test_every_record_of_a_batch_is_told(app, neighbour):
    answer = app.handler(batch(allocated(1, "phone-1"), allocated(2, "phone-2")), Context())

    assert failed(answer) == []
    assert told(neighbour) == ["event-1", "event-2"]


def test_a_batch_that_comes_twice_is_told_once(app, neighbour):
    app.handler(batch(allocated(1, "phone-1")), Context())
    app.handler(batch(allocated(1, "phone-1")), Context())

    assert len(neighbour.seen) == 1


def test_a_broken_record_holds_up_its_own_device_only(app, neighbour):
    answer = app.handler(
        batch(
            allocated(1, "phone-1"),
            allocated(2, "phone-1", quotaUsed=None),
            allocated(3, "phone-1"),
            allocated(4, "phone-2"),
        ),
        Context(),
    )

    assert failed(answer) == ["message-1", "message-2"]
    assert told(neighbour) == ["event-1", "event-4"]


def test_a_service_that_is_down_fails_all_records_and_a_redelivery_tells_them(app, neighbour):
    records = batch(allocated(1, "phone-1"), allocated(2, "phone-2"))
    neighbour.be("down")
    assert failed(app.handler(records, Context())) == ["message-0", "message-1"]
    neighbour.be("ok")

    assert failed(app.handler(records, Context())) == []
    assert told(neighbour) == ["event-1", "event-2"]


@pytest.mark.parametrize("body", ["", "no json", "[]", "null", "{}"])
def test_a_record_that_is_no_event_fails_alone(app, neighbour, caplog, body):
    answer = app.handler(batch(body, allocated(2, "phone-2")), Context())

    assert failed(answer) == ["message-0"]
    assert told(neighbour) == ["event-2"]
    assert [record.messageId for record in caplog.records if record.levelno == logging.WARNING] == ["message-0"]


def test_a_function_that_is_about_to_end_leaves_the_rest_to_the_next(app, neighbour):
    answer = app.handler(batch(allocated(1, "phone-1")), Context(remaining_ms=2_000))

    assert failed(answer) == ["message-0"]
    assert neighbour.seen == []
