"""What a simulated day is played on: the stores and their clock, in memory or in a real Postgres."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.migrate import migrate
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.quotas import BuiltInQuotas, seed_plans
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.adapters.postgres.reservation_calendar import PostgresReservationCalendar
from scheduler.adapters.postgres.reservations import PostgresReservations
from scheduler.domain.model import User
from scheduler.domain.plans import BUILT_IN_PLANS
from scheduler.ports import AllocationStore, DeviceStore, KeyStore
from scheduler.ports.batches import QuotaBook
from scheduler.ports.queue import QueueStore
from scheduler.ports.renewals import RenewalStore
from scheduler.ports.reservations import Attendances, ReservationCalendar, ReservationStore
from tools.embedded import postgres
from tools.embedded.clock import Clock
from tools.simulate.history import Few
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.calendar import MemoryCalendar
from tools.simulate.memory.devices import MemoryDevices
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.keys import KeptAnswers
from tools.simulate.memory.queue import MemoryQueue
from tools.simulate.memory.quotas import MemoryQuotas
from tools.simulate.memory.renewals import MemoryRenewals
from tools.simulate.memory.reservations import MemoryReservations

type Prefer = Callable[[User, int, Few], str]
"""Choose for a user and her minutes."""

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday, when every simulation begins."""
DEFAULT_PLAN = "free"


class Reservations(ReservationStore, Attendances, Protocol):
    """Where devices are promised, and where it is noted that owners came."""


class Stage(Protocol):
    """The adapters of one kind, and the only clock there is."""

    @property
    def allocations(self) -> AllocationStore:
        """Where devices are lent."""

    @property
    def renewals(self) -> RenewalStore:
        """Where they are lent for longer."""

    @property
    def queue(self) -> QueueStore:
        """Where users wait."""

    @property
    def reservations(self) -> Reservations:
        """Where devices are promised."""

    @property
    def calendar(self) -> ReservationCalendar:
        """Where promises fall due."""

    @property
    def devices(self) -> DeviceStore:
        """Where the fleet is kept."""

    @property
    def quotas(self) -> QuotaBook:
        """Where plans are looked up."""

    @property
    def keys(self) -> KeyStore:
        """Where answers are kept."""

    def go_to(self, seconds: float) -> None:
        """Let it be so many seconds after the start."""

    def score(self, scores: Mapping[str, float]) -> None:
        """Write placement scores, by device: of the free ones that fit, the highest is lent."""

    def weigh(self, prefer: Prefer) -> None:
        """Let the best few by score be weighed once more, for a user and her minutes."""


class MemoryStage:
    """Stores in memory. They forget what has ended, so that a run of millions fits."""

    def __init__(self, plans: Mapping[User, str]) -> None:
        """Start without devices; `plans` names the plan of each user."""
        self._store = MemoryAllocations(remembers=False)
        numbers = count(1)
        self._store.new_id = lambda: f"00000000-0000-4000-8000-{next(numbers):012x}"
        self._store.now = START
        self.allocations, self.renewals = self._store, MemoryRenewals(self._store)
        self.queue, self.devices = MemoryQueue(self._store), MemoryDevices(self._store)
        self.reservations, self.calendar = MemoryReservations(self._store), MemoryCalendar(self._store)
        self.quotas, self.keys = (
            MemoryQuotas(plans, DEFAULT_PLAN),
            KeptAnswers(self._store.keys, lambda: self._store.now),
        )

    def go_to(self, seconds: float) -> None:
        """Set the clock."""
        self._store.now = START + timedelta(seconds=seconds)

    def weigh(self, prefer: Prefer) -> None:
        """Ask within each claim."""
        store = self._store

        def gap(device: MemoryDevice) -> float | None:
            begins = device.next_reserved_at
            return (begins - store.now) / timedelta(hours=1) if begins else None

        def choose(user: User, minutes: int, few: Sequence[MemoryDevice]) -> MemoryDevice:
            return store.fleet.devices[prefer(user, minutes, {device.id: gap(device) for device in few})]

        store.fleet.prefer = choose

    def score(self, scores: Mapping[str, float]) -> None:
        """Put the devices where claims find them."""
        fleet = self._store.fleet
        for device_id, score in scores.items():
            device = fleet.devices[device_id]
            if device.score != score:
                device.score = score
                fleet.place(device)


class PostgresStage:
    """The real adapter on a database whose clock is moved."""

    def __init__(self, database: Database, plans: Mapping[User, str]) -> None:
        """Take a migrated database without devices; `plans` names the plan of each user."""
        self._database = database
        self._clock = Clock(database)
        self._clock.stop()
        self.go_to(0)
        self.allocations, self.renewals = PostgresAllocations(database), PostgresRenewals(database)
        self.queue, self.devices = PostgresQueue(database), PostgresDevices(database)
        self.reservations, self.calendar = PostgresReservations(database), PostgresReservationCalendar(database)
        self.quotas, self.keys = BuiltInQuotas(database, DEFAULT_PLAN), PostgresKeys(database)
        database.call(
            "INSERT INTO quotas (tenant_id, user_id, plan_name)"
            " SELECT * FROM unnest(%(tenants)s::text[], %(users)s::text[], %(plans)s::text[])",
            {
                "tenants": [user.tenant_id for user in plans],
                "users": [user.user_id for user in plans],
                "plans": list(plans.values()),
            },
        )

    def go_to(self, seconds: float) -> None:
        """Move the database's clock."""
        self._clock.go_to(START + timedelta(seconds=seconds))

    def weigh(self, prefer: Prefer) -> None:
        """The claim's own SQL would; here the highest score is lent."""

    def score(self, scores: Mapping[str, float]) -> None:
        """Write the scores in one statement."""
        self._database.call(
            "UPDATE devices d SET placement_score = given.score"
            " FROM unnest(%(ids)s::text[], %(scores)s::float8[]) AS given (id, score)"
            " WHERE d.id = given.id AND d.placement_score <> given.score",
            {"ids": list(scores), "scores": list(scores.values())},
        )


@contextmanager
def fresh_database() -> Iterator[Database]:
    """Give a migrated database of a server that lives as long."""
    with postgres() as server:
        url = server.create_database("simulation")
        migrate(url)
        with closing(Database(lambda: url)) as database:
            seed_plans(database, BUILT_IN_PLANS)
            yield database
