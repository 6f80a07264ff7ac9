"""Sending to webhooks: a slow one delays no other, the database is used by one thread, and what fails is bounded."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from scheduler.domain.errors import Unavailable
from scheduler.domain.outcome import Facts
from scheduler.domain.webhooks import RETRY_SECONDS, Delivery, Reply
from scheduler.service.webhook_sender import WebhookSender
from tests.support.fake_meter import FakeMeter

PATIENCE_SECONDS = 30


def delivery(name: str, attempt: int = 1) -> Delivery:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    return Delivery(name, f"event-{name}", attempt, at, f"https://{name}.example/", "whsec_AAAA", "{}")


@dataclass
class ScriptedDeliveries:
    """Hands out what waits, as many as are asked for; remembers what came of each, and which threads asked."""

    waiting: list[Delivery]
    facts: Facts = field(default_factory=lambda: {"outcome": "delivered", "disabled": None})
    failing: int = 0
    asked: list[int] = field(default_factory=list)
    settled: list[tuple[str, Reply, float | None]] = field(default_factory=list)
    threads: set[threading.Thread] = field(default_factory=set)
    on_settle: Callable[[str], None] = lambda _: None

    def claim(self, limit: int, lease_seconds: float) -> Sequence[Delivery]:
        self._note()
        self.asked.append(limit)
        begun, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return begun

    def settle(self, delivery: Delivery, reply: Reply, retry_seconds: float | None) -> Facts:
        self._note()
        self.settled.append((delivery.webhook_id, reply, retry_seconds))
        self.on_settle(delivery.webhook_id)
        return self.facts

    def spread(self, tenant_id: str, event_id: str, event_type: str, body: str) -> Facts:
        raise AssertionError("a sender keeps no events")

    def _note(self) -> None:
        self.threads.add(threading.current_thread())
        if self.failing:
            self.failing -= 1
            raise Unavailable


@dataclass
class ScriptedCourier:
    """Answers at once, but for a target that hangs until it is let go."""

    reply: Reply = field(default_factory=lambda: Reply(200))
    hanging: str = ""
    let_go: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, delivery: Delivery) -> Reply:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if delivery.webhook_id == self.hanging:
            assert self.let_go.wait(PATIENCE_SECONDS), "nobody let it go: the others waited for it"
        with self._lock:
            self.at_once -= 1
        return self.reply


@dataclass
class IdleClock:
    """Time passes only while there is nothing to do."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.at += seconds


def run(deliveries: ScriptedDeliveries, courier: object, meter: FakeMeter | None = None, at_once: int = 4):
    clock = IdleClock()
    sender = WebhookSender(deliveries, courier, meter or FakeMeter(), at_once=at_once, now=clock.now, pause=clock.pause)
    return sender.run(2)


def test_a_target_that_hangs_delays_no_other():
    courier = ScriptedCourier(hanging="slow")
    others = [f"hook-{number}" for number in range(10)]
    deliveries = ScriptedDeliveries([delivery("slow"), *map(delivery, others)])
    # The slow one answers when all others are settled, and not before.
    deliveries.on_settle = lambda _: courier.let_go.set() if len(deliveries.settled) == len(others) else None

    assert run(deliveries, courier) == {"delivered": 11}

    assert {name for name, *_ in deliveries.settled[:-1]} == set(others)
    assert deliveries.settled[-1][0] == "slow"


def test_only_one_thread_works_on_the_database():
    deliveries = ScriptedDeliveries([delivery(f"hook-{number}") for number in range(20)])

    run(deliveries, ScriptedCourier())

    assert len(deliveries.settled) == 20
    assert deliveries.threads == {threading.current_thread()}


def test_no_more_are_begun_than_can_fly():
    courier = ScriptedCourier()
    deliveries = ScriptedDeliveries([delivery(f"hook-{number}") for number in range(30)])

    run(deliveries, courier, at_once=3)

    assert courier.most_at_once <= 3
    assert 0 < min(deliveries.asked) <= max(deliveries.asked) == 3


def test_a_run_of_no_time_sends_what_is_due_once():
    deliveries = ScriptedDeliveries([delivery(f"hook-{number}") for number in range(5)])

    done = WebhookSender(deliveries, ScriptedCourier(), FakeMeter(), at_once=2).run(0)

    assert (done, deliveries.asked) == ({"delivered": 2}, [2])


@pytest.mark.parametrize("attempt", range(1, 9))
def test_what_failed_is_tried_again_after_the_pause_of_its_attempt(attempt):
    deliveries = ScriptedDeliveries([delivery("hook", attempt)], {"outcome": "retried", "disabled": None})

    run(deliveries, ScriptedCourier(Reply(500, "status 500")))

    ((_, reply, seconds),) = deliveries.settled
    assert reply == Reply(500, "status 500")
    assert RETRY_SECONDS[attempt - 1] <= seconds <= 1.2 * RETRY_SECONDS[attempt - 1]


def test_the_last_attempt_has_no_other_after_it():
    deliveries = ScriptedDeliveries([delivery("hook", 9)], {"outcome": "failed", "disabled": None})

    run(deliveries, ScriptedCourier(Reply(500, "status 500")))

    assert [seconds for *_, seconds in deliveries.settled] == [None]


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ({"outcome": "delivered", "disabled": None}, {"WebhooksDelivered": 1}),
        ({"outcome": "retried", "disabled": None}, {"WebhooksRetried": 1}),
        ({"outcome": "failed", "disabled": None}, {"WebhooksFailed": 1}),
        ({"outcome": "failed", "disabled": "gone"}, {"WebhooksFailed": 1, "WebhooksDisabled": 1}),
        ({"outcome": "late"}, {}),
    ],
)
def test_each_outcome_is_counted(facts, counted):
    meter = FakeMeter()

    assert run(ScriptedDeliveries([delivery("hook")], facts), ScriptedCourier(), meter) == {facts["outcome"]: 1}

    assert meter.counted == counted


def test_a_courier_that_breaks_fails_its_own_delivery_only():
    class Clumsy(ScriptedCourier):
        def send(self, delivery: Delivery) -> Reply:
            if delivery.webhook_id == "broken":
                raise KeyError("https://broken.example/secret")
            return super().send(delivery)

    deliveries = ScriptedDeliveries([delivery("broken"), delivery("whole")])

    run(deliveries, Clumsy())

    replies = {name: reply for name, reply, _ in deliveries.settled}
    assert replies == {"broken": Reply(0, "KeyError"), "whole": Reply(200)}


def test_a_database_that_is_away_for_a_moment_is_asked_again():
    deliveries = ScriptedDeliveries([delivery("hook")], failing=2)

    assert run(deliveries, ScriptedCourier()) == {"delivered": 1}


def test_what_cannot_be_settled_is_left_to_the_lease():
    deliveries = ScriptedDeliveries([delivery("hook")])

    class AwayOnce(ScriptedCourier):
        def send(self, delivery: Delivery) -> Reply:
            deliveries.failing = 1
            return super().send(delivery)

    assert run(deliveries, AwayOnce()) == {"unsettled": 1}
