"""From an event to a webhook: kept once for each that wants it, sent by one sender, tried again, given up."""

import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from standardwebhooks import Webhook as Reference

from scheduler import runtime
from scheduler.adapters.http.target_guard import TargetGuard
from scheduler.adapters.http.webhook_courier import WebhookCourier
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.adapters.postgres.webhook_deliveries import PostgresDeliveries
from scheduler.domain.webhooks import DISABLE_AFTER_FAILURES, DISABLE_AFTER_HOURS, RETRY_SECONDS, Reply
from scheduler.service.webhook_sender import WebhookSender
from tests.support.api import OTHER_TENANT, SERVICE, Api, Claims, Context
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter
from tests.support.receiver import Receiver, receiver
from tests.support.sessions import administrator, holding, waiting
from tests.support.wiring import forget_wiring
from tools.handlers import load_function

WEBHOOKS = "/scheduler/webhooks"
LEASE = 30.0
DELIVERED, BROKEN, GONE = Reply(200), Reply(500, "status 500"), Reply(410, "status 410")


@pytest.fixture
def target(environment: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as running:
        environment.setenv("WEBHOOK_ALLOWED_TARGETS", running.target)
        environment.setenv("WEBHOOK_SECONDS", "0")
        yield running


@pytest.fixture
def store(database: Database) -> PostgresDeliveries:
    return PostgresDeliveries(database)


def register(api: Api, target: Receiver, path: str = "/hook", claims: Claims = SERVICE, *types: str) -> Any:
    body = {"url": target.url(path), "types": list(types) or ["*"]}
    return api.post(WEBHOOKS, claims, body).data


def event(number: int = 1, kind: str = "device.released", tenant: str | None = "acme") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(int=number)),
        "type": kind,
        "source": "/scheduler",
        "subject": "phone-1",
        "data": {"tenantId": tenant, "userId": "mrs.miller@example.org"},
    }


def keep(*events: Mapping[str, Any] | str) -> list[str]:
    """Have the queue deliver events; give those that come back."""
    records = [
        {
            "messageId": f"m-{number}",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {"MessageGroupId": f"group-{number}"},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:hook.fifo",
        }
        for number, body in enumerate(events)
    ]
    answer = load_function("hook").handler({"Records": records}, Context())
    return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]


def send() -> Mapping[str, int]:
    """Let the schedule send what is due."""
    figures: Mapping[str, int] = load_function("hook").handler({"source": "aws.events"}, Context())
    return figures


def deliveries(database: Database, column: str) -> list[Any]:
    rows = database.rows(f"SELECT {column} AS value FROM webhook_deliveries ORDER BY event_id, webhook_id", {})
    return [row["value"] for row in rows]


def add(database: Database, tenant: str = "acme", types: str = "{*}") -> str:
    """Insert a webhook that leads nowhere."""
    made: str = database.call(
        "INSERT INTO webhooks (tenant_id, slot, url, secret, types, created_at)"
        " SELECT %(tenant)s, count(*) + 1, 'https://h.example/', 'whsec_AAAA', %(types)s::text[], scheduler_clock()"
        " FROM webhooks WHERE tenant_id = %(tenant)s RETURNING id::text",
        {"tenant": tenant, "types": types},
    )
    return made


def spread(store: PostgresDeliveries, number: int = 1, kind: str = "device.released") -> Mapping[str, Any]:
    return store.spread("acme", str(uuid.UUID(int=number)), kind, "{}")


# --- from the queue to the target


def test_an_event_reaches_the_webhook_signed_with_its_secret(api: Api, target: Receiver) -> None:
    hook = register(api, target)
    assert keep(event()) == []

    assert send() == {"delivered": 1}

    (request,) = target.received
    assert Reference(hook["secret"]).verify(request.body, dict(request.headers)) == event()
    seen = api.get(f"{WEBHOOKS}/{hook['id']}", SERVICE).data
    assert (seen["failuresInRow"], bool(seen["lastDeliveredAt"])) == (0, True)
    assert send() == {}


def test_a_ping_reaches_the_webhook(api: Api, target: Receiver) -> None:
    hook = register(api, target, "/hook", SERVICE, "device.allocated")
    event_id = api.post(f"{WEBHOOKS}/{hook['id']}/ping", SERVICE).data["eventId"]

    assert send() == {"delivered": 1}

    (request,) = target.received
    told = Reference(hook["secret"]).verify(request.body, dict(request.headers))
    assert (told["id"], told["type"], request.headers["webhook-id"]) == (event_id, "scheduler.webhook.ping", event_id)
    assert told["data"] == {"webhookId": hook["id"], "tenantId": "acme"}


def test_each_webhook_gets_what_it_wants_of_its_own_tenant(api: Api, target: Receiver) -> None:
    register(api, target, "/all")
    register(api, target, "/ends", SERVICE, "device.released", "scheduler.allocation.expired")
    register(api, target, "/grants", SERVICE, "device.allocated")
    register(api, target, "/theirs", OTHER_TENANT)

    keep(event(1), event(2, "scheduler.allocation.expired"), event(3, tenant=None), event(4, tenant="globex"))
    while send():
        """One at a time to each."""

    assert sorted(target.paths()) == ["/all", "/all", "/ends", "/ends", "/theirs"]


def test_an_event_that_is_told_twice_is_kept_once(api: Api, target: Receiver, database: Database) -> None:
    register(api, target)
    keep(event())
    send()

    assert keep(event(), event()) == []

    assert send() == {}
    assert len(target.received) == 1
    assert database.call("SELECT waiting FROM webhooks", {}) == 0


def test_a_broken_record_comes_back_alone(api: Api, target: Receiver) -> None:
    register(api, target)

    assert keep("no json", event(1), "{}", event(2)) == ["m-0", "m-2"]

    assert send() == {"delivered": 1}


def test_a_webhook_that_hangs_delays_no_other(api: Api, target: Receiver, database: Database) -> None:
    target.answers.hanging.add("/slow")
    register(api, target, "/slow")
    for number in range(5):
        register(api, target, f"/quick-{number}")
    keep(event())
    patient = WebhookCourier(TargetGuard([target.target]), seconds=60.0)
    sender = WebhookSender(PostgresDeliveries(runtime.database()), patient, FakeMeter())
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sender.run, 0)
        while database.call("SELECT count(*) FROM webhook_deliveries WHERE delivered_at IS NOT NULL", {}) < 5:
            assert not sending.done(), "the slow one was waited for"
        target.answers.let_go.set()

        assert sending.result() == {"delivered": 6}


def test_a_webhook_that_is_refused_is_tried_again_and_not_told_why(
    environment: pytest.MonkeyPatch, api: Api, target: Receiver, database: Database
) -> None:
    hook = register(api, target)
    keep(event())
    environment.setenv("WEBHOOK_ALLOWED_TARGETS", "")  # the address is as private as before

    forget_wiring()
    assert send() == {"retried": 1}

    assert target.received == []
    assert deliveries(database, "last_reason") == ["target refused"]
    assert "refused" not in api.get(f"{WEBHOOKS}/{hook['id']}", SERVICE).text


def test_nothing_of_it_is_logged(api: Api, target: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "scheduler")
    hook = register(api, target, "/path-with-a-token")
    target.answers.status["/path-with-a-token"] = 500
    keep(event(), "no json")
    send()
    api.call("DELETE", f"{WEBHOOKS}/{hook['id']}", SERVICE)

    text = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    told = {record.message for record in caplog.records}
    assert told >= {"webhook registered", "webhook not delivered", "event not applied", "webhook removed"}
    for hidden in ("path-with-a-token", target.target, hook["secret"], "mrs.miller"):
        assert hidden not in text


# --- one at a time to each, by one sender


def test_one_attempt_is_in_flight_to_each_webhook(database: Database, store: PostgresDeliveries) -> None:
    first, second = add(database), add(database)
    for number in range(3):
        assert spread(store, number) == {"kept": 2, "missed": 0}

    begun = store.claim(10, LEASE)

    assert sorted(delivery.webhook_id for delivery in begun) == sorted([first, second])
    assert store.claim(10, LEASE) == []
    store.settle(begun[0], DELIVERED, None)
    assert [delivery.webhook_id for delivery in store.claim(10, LEASE)] == [begun[0].webhook_id]


def test_two_senders_never_begin_the_same(database: Database, database_url: str, store: PostgresDeliveries) -> None:
    for _ in range(20):
        add(database)
    spread(store)
    start = threading.Barrier(8)

    def claim(_: int) -> list[str]:
        with closing(Database(lambda: database_url)) as own:
            own.answers()
            start.wait()
            return [delivery.webhook_id for delivery in PostgresDeliveries(own).claim(20, LEASE)]

    with ThreadPoolExecutor(8) as pool:
        begun = [hook for hooks in pool.map(claim, range(8)) for hook in hooks]

    begun += [delivery.webhook_id for delivery in store.claim(20, LEASE)]  # passed over while locked
    assert len(begun) == len(set(begun)) == 20


def test_what_a_killed_sender_had_begun_comes_again(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    spread(store)
    (lost,) = store.claim(1, LEASE)
    still_clock.advance(seconds=LEASE - 1)
    assert store.claim(1, LEASE) == []
    still_clock.advance(seconds=1)

    (again,) = store.claim(1, LEASE)

    assert (lost.attempt, again.attempt, again.event_id) == (1, 2, lost.event_id)


def test_a_sender_that_was_frozen_does_not_spoil_the_next_attempt(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    spread(store)
    (frozen,) = store.claim(1, LEASE)
    still_clock.advance(seconds=LEASE)
    (running,) = store.claim(1, LEASE)

    assert store.settle(frozen, BROKEN, 5.0)["outcome"] == "late"
    assert store.settle(running, DELIVERED, None)["outcome"] == "delivered"
    assert store.settle(running, DELIVERED, None)["outcome"] == "late"
    assert deliveries(database, "last_status") == [200]
    assert database.call("SELECT failures_in_row + waiting FROM webhooks", {}) == 0


def test_a_success_counts_however_late(database: Database, store: PostgresDeliveries, still_clock: Clock) -> None:
    add(database)
    spread(store)
    (frozen,) = store.claim(1, LEASE)
    still_clock.advance(seconds=LEASE)
    (running,) = store.claim(1, LEASE)

    assert store.settle(frozen, DELIVERED, None)["outcome"] == "delivered"
    assert store.settle(running, BROKEN, 5.0)["outcome"] == "late"
    assert database.call("SELECT waiting FROM webhooks", {}) == 0


def test_an_event_that_comes_during_an_attempt_waits_for_its_end(database: Database, store: PostgresDeliveries) -> None:
    add(database)
    spread(store, 1)
    (first,) = store.claim(1, LEASE)
    spread(store, 2)
    assert store.claim(1, LEASE) == []

    store.settle(first, DELIVERED, None)

    assert [delivery.event_id for delivery in store.claim(1, LEASE)] == [str(uuid.UUID(int=2))]


def test_an_event_is_not_lost_however_it_meets_an_attempt_that_ends(
    database: Database, database_url: str, store: PostgresDeliveries
) -> None:
    add(database)
    events = 60

    def tell() -> None:
        with closing(Database(lambda: database_url)) as own:
            for number in range(events):
                spread(PostgresDeliveries(own), number)

    with ThreadPoolExecutor(1) as pool:
        telling = pool.submit(tell)
        while not telling.done():
            for delivery in store.claim(5, LEASE):
                store.settle(delivery, DELIVERED, None)
        telling.result()
    for _ in range(events):
        for delivery in store.claim(5, LEASE):
            store.settle(delivery, DELIVERED, None)

    assert len([at for at in deliveries(database, "delivered_at") if at]) == events
    assert database.rows("SELECT waiting, next_attempt_at FROM webhooks", {}) == [
        {"waiting": 0, "next_attempt_at": None}
    ]


# --- tried again, given up


def test_an_event_is_tried_nine_times_and_given_up(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    spread(store)
    outcomes = []
    for attempt in range(1, 10):
        (delivery,) = store.claim(1, LEASE)
        assert delivery.attempt == attempt
        pause = RETRY_SECONDS[attempt - 1] if attempt < 9 else None
        outcomes.append(store.settle(delivery, BROKEN, pause)["outcome"])
        still_clock.advance(seconds=(pause or 0) - 1)
        assert store.claim(1, LEASE) == []
        still_clock.advance(seconds=1)

    assert outcomes == ["retried"] * 8 + ["failed"]
    still_clock.advance(days=1)
    assert store.claim(1, LEASE) == []
    assert (deliveries(database, "failed_at IS NOT NULL"), deliveries(database, "last_status")) == ([True], [500])


def test_a_webhook_that_fails_rests_a_little_longer_each_time(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    for number in range(10):
        spread(store, number)
    rests = []
    for _ in range(8):
        (delivery,) = store.claim(1, LEASE)
        store.settle(delivery, BROKEN, 10_000)
        rest = database.call("SELECT extract(epoch FROM busy_until - scheduler_clock())::int FROM webhooks", {})
        rests.append(rest)
        still_clock.advance(seconds=rest)

    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_webhook_that_only_fails_for_a_day_is_disabled(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    hook = add(database)
    last: Mapping[str, Any] = {}
    for number in range(DISABLE_AFTER_FAILURES + 5):
        spread(store, number)
        (delivery,) = store.claim(1, LEASE)
        last = store.settle(delivery, BROKEN, 1_000_000)
        assert last == {"outcome": "retried", "disabled": None}, "a day has not passed"
        still_clock.advance(minutes=10)
    still_clock.advance(hours=DISABLE_AFTER_HOURS)
    spread(store, 100)

    (delivery,) = store.claim(1, LEASE)
    assert store.settle(delivery, BROKEN, 5.0)["disabled"] == "failing"

    assert database.rows("SELECT id::text, status, disabled_reason, waiting, next_attempt_at FROM webhooks", {}) == [
        {"id": hook, "status": "disabled", "disabled_reason": "failing", "waiting": 0, "next_attempt_at": None}
    ]
    assert set(deliveries(database, "failed_at IS NOT NULL")) == {True}
    assert spread(store, 101) == {"kept": 0, "missed": 0}
    assert store.claim(5, LEASE) == []


def test_few_failures_disable_nobody_however_long_they_last(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    for number in range(DISABLE_AFTER_FAILURES - 1):
        spread(store, number)
        (delivery,) = store.claim(1, LEASE)
        assert store.settle(delivery, BROKEN, None) == {"outcome": "failed", "disabled": None}
        still_clock.advance(days=2)


def test_one_success_begins_the_count_anew(database: Database, store: PostgresDeliveries, still_clock: Clock) -> None:
    add(database)
    for number in range(3 * DISABLE_AFTER_FAILURES):
        spread(store, number)
        (delivery,) = store.claim(1, LEASE)
        reply = DELIVERED if number % (DISABLE_AFTER_FAILURES - 1) == 0 else BROKEN
        assert store.settle(delivery, reply, None)["disabled"] is None
        still_clock.advance(days=2)


def test_a_target_that_is_gone_is_disabled_at_once(api: Api, target: Receiver, database: Database) -> None:
    hook = register(api, target)
    target.answers.status["/hook"] = 410
    keep(event(1), event(2))

    assert send() == {"failed": 1}

    seen = api.get(f"{WEBHOOKS}/{hook['id']}", SERVICE).data
    assert (seen["status"], seen["disabledReason"]) == ("disabled", "gone")
    assert set(deliveries(database, "failed_at IS NOT NULL")) == {True}
    del target.answers.status["/hook"]
    api.post(f"{WEBHOOKS}/{hook['id']}/enable", SERVICE)
    keep(event(3))
    assert send() == {"delivered": 1}


def test_a_webhook_that_is_removed_during_an_attempt_leaves_nothing(
    api: Api, target: Receiver, database: Database, store: PostgresDeliveries
) -> None:
    hook = register(api, target)
    keep(event(1), event(2))
    (flying,) = store.claim(1, LEASE)

    assert api.call("DELETE", f"{WEBHOOKS}/{hook['id']}", SERVICE).status == 200

    assert store.settle(flying, DELIVERED, None) == {"outcome": "late"}
    assert deliveries(database, "event_id") == []


@pytest.mark.parametrize(
    "change",
    ["remove_webhook(id, NULL)", "disable_webhook(id, 'gone', scheduler_clock())"],
)
def test_an_event_that_meets_the_end_of_a_webhook_waits_for_it_and_is_not_kept(
    database: Database, database_url: str, store: PostgresDeliveries, change: str
) -> None:
    add(database)
    with (
        ThreadPoolExecutor(1) as pool,
        administrator(database_url) as watching,
        holding(database_url, f"SELECT {change} FROM webhooks") as ending,
    ):
        told = pool.submit(spread, store)
        waiting(watching, "Lock")
        ending.commit()

        assert told.result() == {"kept": 0, "missed": 0}

    assert deliveries(database, "event_id") == []


def test_a_webhook_has_room_for_so_many_and_misses_the_rest(database: Database, store: PostgresDeliveries) -> None:
    add(database)
    database.call("UPDATE webhooks SET waiting = 10000", {})

    assert spread(store) == {"kept": 0, "missed": 1}


# --- forgotten


def test_finished_deliveries_are_kept_for_seven_days(
    database: Database, store: PostgresDeliveries, still_clock: Clock
) -> None:
    add(database)
    for number, reply in enumerate((DELIVERED, BROKEN)):
        spread(store, number)
        (delivery,) = store.claim(1, LEASE)
        store.settle(delivery, reply, None)
        still_clock.advance(seconds=60)
    spread(store, 2)
    upkeep = PostgresUpkeep(database)
    still_clock.advance(days=6, hours=23)
    assert upkeep.delete_spent(10) == 0
    still_clock.advance(hours=2)

    assert (upkeep.delete_spent(1), upkeep.delete_spent(10), upkeep.delete_spent(10)) == (1, 1, 0)
    assert deliveries(database, "event_id::text") == [str(uuid.UUID(int=2))]
