"""Random lives of allocations, a billing service that comes and goes, messages twice and late: every bill is exact."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from scheduler.adapters.http.billing_service import TELL_PATIENCE, BillingMetering
from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.interventions import PostgresInterventions
from scheduler.adapters.postgres.usage_records import PostgresUsageRecords
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import AllocationRequest, ReleaseRequest, User
from scheduler.domain.quota import NO_LIMITS
from scheduler.ports.interventions import FailoverOrder
from scheduler.service.biller import Biller
from tests.support.billing import reconciled
from tests.support.clock import Clock
from tests.support.contenders import add_devices
from tests.support.fake_meter import FakeMeter
from tests.support.ledger import disagreements
from tools.neighbours.billing_service import BillingService, billing_service

STEPS = 600
DEVICES = 12
ENDS = (
    *("device.released", "scheduler.allocation.expired", "scheduler.allocation.revoked"),
    "scheduler.allocation.failed_over",
)
USERS = [User("acme", f"user-{number}") for number in range(4)]


@dataclass
class Street:
    """Users who lend, devices that fail, and time that passes; all by chance."""

    database: Database
    clock: Clock
    chance: random.Random

    def step(self) -> None:
        """Let something happen."""
        act = self.chance.choices(
            [self.lend, self.give_back, self.fail, self.revoke, self.expire], weights=[5, 2, 2, 1, 1]
        )
        act[0]()
        self.clock.advance(seconds=self.chance.uniform(0, 400))

    def lend(self) -> None:
        """Lend a device for some minutes."""
        wish = AllocationRequest(self.chance.choice(USERS), self.chance.randint(1, 60))
        PostgresAllocations(self.database).claim(wish, NO_LIMITS, last_attempt=True)

    def give_back(self) -> None:
        """Release one, be it overdue."""
        if held := self.one():
            PostgresAllocations(self.database).release(ReleaseRequest("acme", None, held["device_id"]))

    def fail(self) -> None:
        """Have a device fail that may have been silent for a while, longer than it served."""
        if held := self.one():
            silent = timedelta(seconds=self.chance.choice([0, 7.5, 10_000]))
            order = FailoverOrder(held["id"], "no answer", self.clock.read() - silent, is_failure=False)
            PostgresInterventions(self.database).fail_over(order, NO_LIMITS, may_move=True, last_attempt=True)

    def revoke(self) -> None:
        """Revoke one."""
        if held := self.one():
            PostgresInterventions(self.database).revoke(held["id"], "not paid", None)

    def expire(self) -> None:
        """Sweep."""
        PostgresAllocations(self.database).expire_due(100)

    def one(self) -> dict[str, Any] | None:
        """Choose an active allocation."""
        active = self.database.rows(
            "SELECT id::text, device_id FROM device_allocations WHERE status = 'allocated' ORDER BY device_id",
            {},
        )
        return self.chance.choice(active) if active else None


@pytest.fixture
def neighbour() -> Iterator[BillingService]:
    with billing_service() as running:
        yield running


@pytest.mark.parametrize("seed", range(3))
def test_every_bill_is_exact_whatever_happens(
    database: Database, still_clock: Clock, neighbour: BillingService, seed: int
) -> None:
    chance = random.Random(seed)
    add_devices(database, DEVICES)
    street = Street(database, still_clock, chance)
    for number in range(STEPS):
        street.step()
        if number % 25 == 0:
            _deliver(database, neighbour, chance, mood=chance.choice(["ok", "down", "nonsense", "reset"]))
    still_clock.advance(days=2)
    street.expire()
    _deliver(database, neighbour, chance, mood="ok")
    _deliver(database, neighbour, chance, mood="ok")

    told = reconciled(database, tells=True)
    assert (told["complete"], told["mismatches"], told["undelivered"]) == (True, 0, 0)
    assert disagreements(database) == {}
    applied = neighbour.ledger.usage()["applied"]
    assert len(applied) == len({each["key"] for each in applied}) == _count(database)
    assert neighbour.ledger.usage()["seconds"] == _owed(database)


def _deliver(database: Database, neighbour: BillingService, chance: random.Random, mood: str) -> None:
    """Bring the events of ends in any order, some twice; those that fail come again later."""
    neighbour.be(mood)
    events = database.rows("SELECT data FROM outbox WHERE type = ANY (%(ends)s)", {"ends": list(ENDS)})
    service = Neighbour(neighbour.url, lambda: neighbour.secret)
    patience = replace(TELL_PATIENCE, tries=1, pause=lambda _: None)
    metering = BillingMetering(service, RedisBreakerStore(None), FakeMeter(), circuit=mood, patience=patience)
    biller = Biller(metering, PostgresUsageRecords(database))
    with closing(service):
        for event in [*chance.sample(events, len(events)), *chance.sample(events, len(events) // 3)]:
            with suppress(Unavailable):
                biller.deliver({"id": "event", "data": event["data"]})


def _count(database: Database) -> int:
    count: int = database.call("SELECT count(*)::int FROM usage_records", {})
    return count


def _owed(database: Database) -> Counter[str]:
    """Add up what allocations lasted, from the allocations, and take off the credits that events told of."""
    lasted = database.rows(
        "SELECT user_id, sum(duration_seconds)::int AS seconds FROM device_allocations GROUP BY user_id", {}
    )
    owed = Counter({row["user_id"]: row["seconds"] for row in lasted})
    for row in database.rows("SELECT user_id, seconds FROM usage_records WHERE kind = 'credit'", {}):
        owed[row["user_id"]] -= row["seconds"]
    return owed
