"""Users who wait, and dispatchers that serve them, on connections of their own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from scheduler.adapters.open_gate import NoCache
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.domain.model import DeviceWants, ReleaseRequest, User
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import QueueRequest, Tier, head_start_seconds
from scheduler.domain.quota import NO_LIMITS, QuotaTerms
from scheduler.service.dispatcher import Dispatcher
from scheduler.service.line import Line
from scheduler.service.queue import Queue
from tests.support.fake_meter import FakeMeter
from tools.simulate.services import AGEING_MINUTES, HOLD_MINUTES, NoEstimates, NoReservations

PATIENCE_SECONDS = 30


def line_on(database: Database, meter: FakeMeter | None = None) -> Line:
    """The production line on one connection."""
    quotas = BuiltInQuotas(database, "pro")
    return Line(PostgresQueue(database), PostgresAllocations(database), quotas, NoCache(), meter or FakeMeter())


def queue_on(database: Database) -> Queue:
    """What waiters ask, on one connection."""
    return Queue(
        PostgresQueue(database),
        line_on(database),
        BuiltInQuotas(database, "pro"),
        NoEstimates(),
        FakeMeter(),
        ageing_minutes=AGEING_MINUTES,
    )


def dispatcher_on(database: Database) -> Dispatcher:
    """The production dispatch on one connection, without reservations."""
    store, keys = PostgresQueue(database), PostgresKeys(database)
    return Dispatcher(
        store, line_on(database), NoReservations(), keys, FakeMeter(), hold_minutes=HOLD_MINUTES, pause=lambda _: None
    )


def wish(user_id: str, minutes: int = 30, max_wait: int = 120, **wants: object) -> QueueRequest:
    """One user of tenant acme wants to wait."""
    return QueueRequest(User("acme", user_id), minutes, max_wait, DeviceWants(**wants))  # type: ignore[arg-type]


def join(database: Database, request: QueueRequest, tier: Tier = Tier.FREE, terms: QuotaTerms = NO_LIMITS) -> str:
    """Put a user in line past her quota; give the entry."""
    facts = PostgresQueue(database).join(request, terms, tier, head_start_seconds(tier, AGEING_MINUTES))
    entry_id: str = facts["entryId"]
    return entry_id


def serve_one(database: Database) -> Facts:
    """Serve who is next, whoever is known to be busy."""
    return PostgresQueue(database).serve_next([], 50)


def release(database: Database, device_id: str) -> None:
    """Have a device given back by whoever holds it."""
    PostgresAllocations(database).release(ReleaseRequest(None, None, device_id))


def states(database: Database) -> dict[str, str]:
    """The newest state of each user's waits, by user."""
    rows = database.rows("SELECT user_id, status FROM queue_entries ORDER BY joined_at", {})
    return {row["user_id"]: row["status"] for row in rows}


def at_once(database_url: str, works: Sequence[Callable[[Database], object]]) -> list[object]:
    """Do all works at the same instant, each over a connection of its own; give what came of each, in order."""
    start = threading.Barrier(len(works))

    def do(work: Callable[[Database], object]) -> object:
        with closing(Database(lambda: database_url)) as database:
            database.call("SELECT 1", {})
            start.wait(timeout=PATIENCE_SECONDS)
            return work(database)

    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        return list(pool.map(do, works))
