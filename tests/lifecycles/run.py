"""Lives many lives at once on real parts, kills the workers that serve them, and gives what is wrong afterwards."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from scheduler.adapters.postgres.connection import Database
from tests.fault.crew import Crew, crew
from tests.fault.worker import Birth
from tests.lifecycles.findings import everything
from tests.lifecycles.life import Diary, Life
from tests.lifecycles.mail import Mail
from tests.support.clock import Clock
from tests.support.contenders import add_devices
from tests.support.databases import migrated_database
from tests.support.ledger import audited
from tools.embedded import PostgresServer
from tools.neighbours.billing_service import billing_service
from tools.neighbours.notification_service import notification_service
from tools.neighbours.user_service import user_service

DRIVERS = 4
WORKERS = 8
DEVICES = 300
KILL_SECONDS = (0.05, 0.4)
"""From one kill to the next."""
MINUTES_A_SECOND = 10.0
"""How much faster the database's clock goes, so that what is left expires."""
ABOUT_A_MINUTE = "answer without its grant"
"""Takes a key for held for less than a minute, which is a tenth of a second here."""
_TICK_SECONDS = 0.02
_SWEEP_SECONDS = 55.0
_DRAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `findings` is empty when all is right."""

    lives: int
    kills: int
    redelivered: int
    repeated: int
    happened: Mapping[str, int]
    ended: int
    records: int
    credits: int
    notices: int
    findings: Mapping[str, list[str]]


def run(
    server: PostgresServer,
    lives: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
    prepare: Callable[[Database], None] = lambda _: None,
) -> Outcome:
    """Live `lives` lives on a database of its own; `prepare` may plant a bug in it."""
    name = f"lives_{uuid.uuid4().hex}"
    url = migrated_database(server, name)
    with ExitStack() as parts:
        parts.callback(server.drop_database, name)
        database = Database(lambda: url)
        parts.callback(database.close)
        add_devices(database, DEVICES)
        clock = Clock(database)
        prepare(database)
        users = parts.enter_context(user_service())
        billing = parts.enter_context(billing_service(secret=users.secret))
        notices = parts.enter_context(notification_service(secret=users.secret))
        environment = {"DATABASE_URL": url, "SERVICE_TOKEN_SECRET": users.secret, "USER_SERVICE_URL": users.url}
        environment |= {"BILLING_SERVICE_URL": billing.url, "NOTIFICATION_SERVICE_URL": notices.url}
        workers = parts.enter_context(crew(WORKERS, Birth(environment)))
        diary, mail = Diary(), Mail(lambda: Database(lambda: url), workers, seed)
        with mail.running(), _passing_time(url), _sweeping(workers):
            with _killing(workers, seed):
                _live(lives, seed, workers, url, diary, progress)
            clock.advance(hours=3)
            _drain(database, mail, workers)
        billed, sent = billing.ledger.usage(), notices.sent.all()
        found = everything(database, diary.incidents, billed["applied"], sent["applied"])
        found["audit"] = [f"{check}: {rows}" for check, rows in audited(database).items() if check != ABOUT_A_MINUTE]
        return Outcome(
            lives=diary.lives,
            kills=workers.deaths,
            redelivered=sum(times - 1 for queue in mail.queues for times in queue.deliveries.values()),
            repeated=billed["repeated"] + sent["repeated"],
            happened=dict(sorted(diary.happened.items())),
            ended=database.call("SELECT count(*) FROM device_allocations WHERE status <> 'allocated'", {}),
            records=database.call("SELECT count(*) FROM usage_records WHERE kind = 'usage'", {}),
            credits=database.call("SELECT count(*) FROM usage_records WHERE kind = 'credit'", {}),
            notices=database.call("SELECT count(*) FROM notifications", {}),
            findings={what: wrong for what, wrong in found.items() if wrong},
        )


def _live(lives: int, seed: int, workers: Crew, url: str, diary: Diary, progress: Callable[[int], None]) -> None:
    local = threading.local()

    def now() -> datetime:
        if not hasattr(local, "database"):
            local.database = Database(lambda: url)
        read: datetime = local.database.call("SELECT scheduler_clock()", {})
        return read

    def live(number: int) -> None:
        Life(number, seed, workers, now, diary).live()
        progress(diary.lives)

    with ThreadPoolExecutor(DRIVERS) as pool:
        for done in pool.map(live, range(lives)):
            assert done is None


@contextmanager
def _killing(workers: Crew, seed: int) -> Iterator[None]:
    rng, over = random.Random(f"{seed} kills"), threading.Event()

    def kill() -> None:
        while not over.wait(rng.uniform(*KILL_SECONDS)):
            workers.kill_one(rng)

    with _thread(kill, over):
        yield


@contextmanager
def _sweeping(workers: Crew) -> Iterator[None]:
    over = threading.Event()
    schedule = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}

    def sweep() -> None:
        while not over.wait(0.5):
            for function in ("expire", "remind"):
                workers.invoke(function, schedule, _SWEEP_SECONDS)

    with _thread(sweep, over):
        yield


@contextmanager
def _passing_time(url: str) -> Iterator[None]:
    over, database = threading.Event(), Database(lambda: url)
    shift = f"UPDATE clock_offset SET shift = shift + interval '{_TICK_SECONDS * MINUTES_A_SECOND} min'"

    def tick() -> None:
        while not over.wait(_TICK_SECONDS):
            database.call(shift, {})

    with _thread(tick, over):
        yield
    database.close()


@contextmanager
def _thread(work: Callable[[], None], over: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_SWEEP_SECONDS)


def _drain(database: Database, mail: Mail, workers: Crew) -> None:
    """Wait until everything has ended and everything is told."""
    left = (
        "SELECT (SELECT count(*) FROM device_allocations WHERE status = 'allocated')"
        " + (SELECT count(*) FROM outbox WHERE published_at IS NULL)"
    )
    deadline = time.monotonic() + _DRAIN_SECONDS
    while database.call(left, {}) or not mail.is_done:
        assert time.monotonic() < deadline, f"{database.call(left, {})} rows are left, mail done: {mail.is_done}"
        time.sleep(0.1)
