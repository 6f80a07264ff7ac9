"""The notification service over real HTTP: well, unwell and hostile; what it is told, and how often."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.http.notification_service import SEND_PATIENCE, NotificationService
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import Language, User
from scheduler.domain.notices import CATALOGUE, Channel, Notification, Priority, Text, notice_of
from tests.support.api import USER, Api
from tests.support.dying_notify import EVENT, STEPS, consume
from tests.support.fake_meter import FakeMeter
from tests.support.notices import kept, notifier_on, published, refused
from tests.support.one_of_each import one_event_of_each_type
from tests.support.waiters import at_once
from tools.handlers import load_function
from tools.neighbours.notification_service import NotificationService as Service
from tools.neighbours.notification_service import notification_service

PATIENCE_SECONDS = 20
BRIEF = replace(SEND_PATIENCE, seconds=1.0, seconds_a_try=0.4, first_pause_seconds=0.01)
NOTICE = Notification(
    id="0a2c1f5e-6a1d-4f0e-9a53-2b1f7c9d8e10",
    type="allocation_expired",
    user=User("acme", "ana"),
    language=Language.ZH,
    text=Text("设备已到期", "设备 phone-1 的使用时间已结束。"),
    data={"deviceId": "phone-1", "durationSeconds": 60},
    channels=[Channel.IN_APP, Channel.PUSH],
    priority=Priority.NORMAL,
    created_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    read_at=None,
    told_at=None,
)


@pytest.fixture
def neighbour() -> Iterator[Service]:
    with notification_service() as running:
        yield running


@pytest.fixture
def service_on(neighbour: Service) -> Iterator[Callable[..., NotificationService]]:
    """Wire the adapter, with a circuit of its own: Powertools counts failures for each name in the process."""
    client = Neighbour(neighbour.url, lambda: neighbour.secret)

    def make(**changes: Any) -> NotificationService:
        options = {"circuit": f"test-{uuid.uuid4()}", "patience": BRIEF, **changes}
        return NotificationService(client, RedisBreakerStore(None), FakeMeter(), **options)

    yield make
    client.close()


def sent(neighbour: Service) -> list[Mapping[str, Any]]:
    return list(neighbour.sent.all()["applied"])


# --- one notice


def test_a_notice_is_told_whole_under_its_id(neighbour: Service, service_on) -> None:
    service_on().send(NOTICE)

    assert sent(neighbour) == [
        {
            "key": NOTICE.id,
            "tenantId": "acme",
            "userId": "ana",
            "type": "allocation_expired",
            "title": "设备已到期",
            "message": "设备 phone-1 的使用时间已结束。",
            "data": {"deviceId": "phone-1", "durationSeconds": 60},
            "channels": ["in_app", "push"],
            "priority": "normal",
        }
    ]
    assert "X-Service-Token" in neighbour.seen[0].headers


@pytest.mark.parametrize(
    ("mood", "asked"),
    [
        ("down", 3),
        ("busy", 3),
        ("reset", 3),
        ("nonsense", 1),
        ("missing", 1),
        ("refusing", 1),
        ("redirect", 1),
        ("unauthorized", 2),
        ("huge", 1),
        ("drip", 2),
    ],
)
def test_a_service_that_does_not_say_that_it_has_it_is_told_again_later(
    neighbour: Service, service_on, mood: str, asked: int, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour.be(mood)

    with pytest.raises(Unavailable):
        service_on().send(NOTICE)

    assert len(neighbour.seen) in {asked, asked + 1} if mood == "drip" else len(neighbour.seen) == asked
    (line,) = [record for record in caplog.records if record.message == "notice not told"]
    assert (line.levelno, line.__dict__["notificationId"]) == (logging.WARNING, NOTICE.id)
    assert neighbour.url not in str(line.__dict__)


def test_a_slow_service_is_not_waited_for_longer_than_planned(neighbour: Service, service_on) -> None:
    neighbour.be("slow", 30)

    with pytest.raises(Unavailable):
        service_on().send(NOTICE)

    assert len(neighbour.seen) <= 3


def test_three_failures_in_a_row_spare_the_next_the_wait(neighbour: Service, service_on) -> None:
    neighbour.be("down")
    service = service_on()
    for _ in range(3):
        with pytest.raises(Unavailable):
            service.send(NOTICE)
    seen = len(neighbour.seen)

    with pytest.raises(Unavailable):
        service.send(NOTICE)

    assert len(neighbour.seen) == seen


def test_a_function_that_is_about_to_end_does_not_begin_to_tell(neighbour: Service, service_on) -> None:
    with pytest.raises(Unavailable):
        service_on(seconds_left=lambda: 0.5).send(NOTICE)

    assert neighbour.seen == []


# --- one fact


def test_consumers_at_the_same_time_have_the_user_told_once(
    database: Database, database_url: str, neighbour: Service, service_on
) -> None:
    event = refused()
    service = service_on(patience=SEND_PATIENCE)

    at_once(database_url, [lambda own: notifier_on(own, service).notify(event)] * 8)

    assert kept(database) == ["allocation_failed"]
    assert len(sent(neighbour)) == 1


class Unreliable:
    """A sender that loses every third call before, and every third after, the service has it."""

    def __init__(self, service: NotificationService) -> None:
        self._service = service
        self._calls = count()

    def send(self, notification: Notification) -> None:
        turn = next(self._calls) % 3
        if turn == 0:
            raise Unavailable
        self._service.send(notification)
        if turn == 1:
            raise Unavailable


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_and_however_often_each_fact_is_told_once(
    api: Api, database: Database, database_url: str, neighbour: Service, service_on, seed: int
) -> None:
    one_event_of_each_type(api, database)
    told = {entry.event for entry in CATALOGUE.values()}
    events = [event for event in published(database) if event["type"] in told]
    chance = random.Random(seed)
    sender = Unreliable(service_on(patience=SEND_PATIENCE))

    def consume_all(own: Database) -> None:
        waiting = events * 2
        chance.shuffle(waiting)
        while waiting:  # what fails comes again, behind the others
            event = waiting.pop()
            try:
                notifier_on(own, sender).notify(event)
            except Unavailable:
                waiting.insert(0, event)

    at_once(database_url, [consume_all] * 4)

    keys = [notice["key"] for notice in sent(neighbour)]
    rows = database.rows("SELECT id::text, told_at FROM notifications", {})
    assert sorted(keys) == sorted(row["id"] for row in rows)
    assert all(row["told_at"] for row in rows)
    notices = {notice.fact for notice in map(notice_of, events)}
    bare = database.call(
        "SELECT count(*) FROM device_allocations WHERE reservation_id IS NOT NULL OR EXISTS"
        " (SELECT FROM queue_entries e WHERE e.allocation_id = device_allocations.id)",
        {},
    )
    assert len(rows) == len(notices) - bare


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_delivered_again_the_user_is_told_once(
    database: Database, database_url: str, neighbour: Service, step: str
) -> None:
    command = [sys.executable, "-m", "tests.support.dying_notify", step, database_url, neighbour.url, neighbour.secret]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run(command, env=environment, timeout=PATIENCE_SECONDS, check=False)
    assert killed.returncode == -signal.SIGKILL

    for _ in range(2):
        consume("no step", database_url, neighbour.url, neighbour.secret)

    assert kept(database) == ["allocation_failed"]
    assert [notice["key"] for notice in sent(neighbour)] == [database.call("SELECT id::text FROM notifications", {})]
    assert database.call("SELECT told_at IS NOT NULL FROM notifications", {})


# --- the function


@dataclass
class Context:
    """What Lambda tells about an invocation."""

    remaining_ms: int = 28_000
    function_name: str = "notify"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@pytest.fixture
def app(api: Api, neighbour: Service, environment: pytest.MonkeyPatch) -> ModuleType:
    """The function as the template wires it."""
    environment.setenv("NOTIFICATION_SERVICE_URL", neighbour.url)
    environment.setenv("SERVICE_TOKEN_SECRET", neighbour.secret)
    return load_function("notify")


def batch(*bodies: Mapping[str, Any] | str) -> dict[str, Any]:
    return {"Records": [_record(number, body) for number, body in enumerate(bodies)]}


def _record(number: int, body: Mapping[str, Any] | str) -> dict[str, Any]:
    group = str(body["data"].get("userId")) if isinstance(body, Mapping) and "data" in body else "other"
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:notify.fifo",
        "awsRegion": "eu-central-1",
    }


def failed(answer: Mapping[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_a_batch_that_comes_twice_is_told_once(app: ModuleType, neighbour: Service) -> None:
    events = batch(refused("alice"), refused("bob"))

    answers = [failed(app.handler(events, Context())) for _ in range(2)]

    assert answers == [[], []]
    assert [notice["userId"] for notice in sent(neighbour)] == ["alice", "bob"]
    assert len(neighbour.seen) == 2


def test_a_broken_event_holds_up_its_own_group_only(app: ModuleType, neighbour: Service) -> None:
    broken = refused("alice")
    del broken["data"]["timestamp"]

    answer = app.handler(batch(broken, refused("alice"), refused("bob"), "no json"), Context())

    assert failed(answer) == ["message-0", "message-1", "message-3"]
    assert [notice["userId"] for notice in sent(neighbour)] == ["bob"]


def test_while_the_service_is_down_the_list_has_it_and_a_redelivery_tells_it(
    app: ModuleType, api: Api, neighbour: Service
) -> None:
    events = batch(EVENT)
    neighbour.be("down")
    assert failed(app.handler(events, Context())) == ["message-0"]
    assert api.get("/scheduler/notifications", USER).json["unread"] == 1
    neighbour.be("ok")

    assert failed(app.handler(events, Context())) == []

    assert len(sent(neighbour)) == 1
    assert api.get("/scheduler/notifications", USER).json["unread"] == 1


def test_without_a_service_notices_are_only_listed(
    app: ModuleType, api: Api, environment: pytest.MonkeyPatch, neighbour: Service
) -> None:
    environment.delenv("NOTIFICATION_SERVICE_URL")

    assert failed(app.handler(batch(refused("alice")), Context())) == []

    assert neighbour.seen == []
    assert api.get("/scheduler/notifications", USER).json["unread"] == 1


def test_health_tells_how_the_service_is(app: ModuleType, api: Api, neighbour: Service) -> None:
    assert api.get("/scheduler/health", None).data["parts"]["notificationService"] == "up"
    neighbour.shutdown()
    neighbour.server_close()

    health = api.get("/scheduler/health", None).data

    assert (health["status"], health["parts"]["notificationService"]) == ("degraded", "down")
