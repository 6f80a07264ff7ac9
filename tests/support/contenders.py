"""Users who ask at the same instant, each over connections of her own, as Lambda environments do."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from scheduler.adapters.open_gate import OpenGate
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.redis.client import RedisLink, connect
from scheduler.adapters.redis.gate import RedisGate
from scheduler.domain.errors import SchedulerError
from scheduler.domain.model import Allocation, AllocationRequest, DeviceWants, User
from scheduler.ports import Gate
from scheduler.service.allocator import Allocator
from tests.support.fake_meter import FakeMeter

type Allocate = Callable[[AllocationRequest], Allocation]
type MakeAllocate = Callable[[Database], Allocate]


@dataclass
class Outcome:
    """What came of many requests."""

    grants: list[Allocation] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def devices(self) -> set[str]:
        """The devices that were lent."""
        return {grant.device_id for grant in self.grants}


def request(user_id: str, minutes: int = 30, wants: DeviceWants | None = None) -> AllocationRequest:
    """One wish of a user of tenant acme."""
    return AllocationRequest(User("acme", user_id), minutes, wants or DeviceWants())


def redis_gate(port: int, wait_seconds: float = 5.0) -> Gate:
    """Locks in the Valkey on a port, whether one listens there or not."""
    link = RedisLink(lambda: connect("127.0.0.1", port, tls=False, cluster=False, password=None), on_skip=lambda: None)
    return RedisGate(link, FakeMeter(), wait_seconds)


def allocator_on(database: Database, gate: Gate | None = None) -> Allocator:
    """The production use case on one connection."""
    return Allocator(PostgresAllocations(database), BuiltInQuotas(database, "pro"), gate or OpenGate(), FakeMeter())


def ask_at_once(database_url: str, requests: Sequence[AllocationRequest], make_allocate: MakeAllocate) -> Outcome:
    """Send all requests at the same instant, each over its own connection."""
    outcome, lock, start = Outcome(), threading.Lock(), threading.Barrier(len(requests))

    def ask(wish: AllocationRequest) -> None:
        database = Database(lambda: database_url)
        database.call("SELECT 1", {})
        allocate = make_allocate(database)
        start.wait(timeout=30)
        try:
            grant = allocate(wish)
        except SchedulerError as refusal:
            with lock:
                outcome.refusals[refusal.code] += 1
        else:
            with lock:
                outcome.grants.append(grant)
        finally:
            database.close()

    with ThreadPoolExecutor(max_workers=len(requests)) as pool:
        list(pool.map(ask, requests))
    return outcome


def add_devices(database: Database, count: int, **columns: object) -> list[str]:
    """Put devices of one kind straight into the fleet; give their ids."""
    from scheduler.adapters.postgres.devices import PostgresDevices

    prefix = str(columns.pop("prefix", "phone"))
    device = {
        "device_type": "android-14",
        "status": "running",
        "cpu_cores": 4,
        "memory_mb": 4096,
        "storage_mb": 65536,
        "adb_host": "10.0.0.7",
        "adb_port": 5555,
    } | columns
    devices = [device | {"id": f"{prefix}-{n:04}", "name": f"{prefix}-{n:04}"} for n in range(count)]
    facts = PostgresDevices(database).register(devices, None)
    return list(facts["ids"])
