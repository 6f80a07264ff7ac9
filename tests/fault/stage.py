"""What runs play on: one Postgres, one Valkey, one SNS/SQS a process; a database, a topic and a crew for each run."""

import json
import secrets
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redis

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import migrate
from scheduler.domain.errors import Unavailable
from tests.fault.clients import Habits, Log
from tests.fault.crew import Crew, crew
from tests.fault.proxy import FaultProxy, fault_proxy
from tests.fault.topic import EventSide, event_side
from tests.fault.worker import Birth
from tests.support.clock import Clock
from tests.support.contenders import add_devices
from tests.support.databases import migrated_database
from tests.support.limits import RAISED_LIMITS
from tools.embedded import PostgresServer, ValkeyServer, postgres, valkey
from tools.embedded.aws import REGION, LocalAws, local_aws
from tools.neighbours.user_service import UserService, user_service

TEMPLATE = "migrated"
PLAN = "basic"
LIMIT = 5
"""Devices a user may hold on that plan."""
SERVICE_LIMIT = 10
"""Devices a user may hold when the user service is asked."""
POSTGRES_SETTINGS = {"synchronous_commit": "on", "max_connections": "110"}
JOB_WORKERS = 10
POLLERS = 3
RELAY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is made of; each promise has its own."""

    habits: Habits = field(default_factory=Habits)
    devices: int = 40
    relays: int = 1
    delivers: bool = False
    """Whether usage is told to the user service by the deliver function."""
    asks_user_service: bool = False
    """Whether quotas come from the user service, not from the built-in plans."""
    orderly: bool = False
    """Whether those who wait do nothing else, and no fault keeps dispatch from them: then their order is proved."""
    minutes_a_second: float = 0.0
    """How much faster the database's clock goes."""
    expire_every_seconds: float = 0.5
    dispatches: int = 0
    """How many dispatchers come again and again at the same time."""
    visibility_seconds: int = 1
    proxied: frozenset[str] = frozenset()
    """Which of postgres, redis and user_service are reached through a fault proxy."""
    password_in_secret: bool = False
    """Whether functions log in as a role of their own, with the password of a secret."""
    environment: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Callable[[], None], ...] = ()
    """What is different in every worker."""
    prepare: Callable[[Database], None] | None = None
    """What is different in the database."""


@dataclass
class Stage:
    """The servers that outlive a run."""

    postgres: PostgresServer
    valkey: ValkeyServer
    aws: LocalAws


@dataclass
class Scene:
    """One run's parts. `database` goes straight to Postgres and belongs to the main thread."""

    stage: Stage
    setting: Setting
    database_url: str
    database: Database
    clock: Clock
    crew: Crew
    jobs: Crew
    events: EventSide
    service: UserService
    proxies: Mapping[str, FaultProxy]
    log: Log
    outages: list[tuple[int, int]] = field(default_factory=list)
    _timekeeper: threading.Lock = field(default_factory=threading.Lock)
    time: Database = field(init=False)
    """For whoever asks what time it is."""

    def __post_init__(self) -> None:
        """Have a connection for the time."""
        self.time = self.own_database()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Note when a part is away, to tell the answers of that time from others; Redis' locks end with it."""
        started = time.monotonic_ns()
        yield
        self.outages.append((started, time.monotonic_ns()))

    def change_password(self, password: str) -> None:
        """Give the functions' role a new password, in the secret first, and end its sessions."""
        self.stage.aws.client("secretsmanager").put_secret_value(
            SecretId=self.role, SecretString=json.dumps({"username": self.role, "password": password})
        )
        self.database.call(f"ALTER ROLE {self.role} PASSWORD '{password}'", {})
        self.database.call(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %(role)s",
            {"role": self.role},
        )

    @property
    def role(self) -> str:
        """The Postgres role, secret and database of a run are of one name."""
        return self.database_url.rpartition("/")[2]

    def now(self) -> datetime:
        """Read the database's clock, from any thread; this machine's while the database is away."""
        with self._timekeeper:
            try:
                read: datetime = self.time.call("SELECT scheduler_clock()", {})
            except Unavailable:
                return datetime.now(UTC)
            return read

    def own_database(self) -> Database:
        """Give another connection, for another thread; it is closed by who asked."""
        return Database(lambda: self.database_url)

    def forget_cached_quotas(self) -> None:
        """Make the next request of each user read her quota."""
        with self.redis() as client:
            for key in client.scan_iter("scheduler:quota:*", count=1000):
                client.delete(key)

    def redis(self) -> redis.Redis:
        """Give a client of the run's Redis, past the proxy; it is closed by who asked."""
        return redis.from_url(self.stage.valkey.url)

    def wait_for(self, what: Callable[[], object], seconds: float) -> bool:
        """Wait until something holds; tell whether it came to that in time."""
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


@contextmanager
def stage() -> Iterator[Stage]:
    """Start the servers. Postgres keeps what it committed, as in earnest, and has few connections to give."""
    with ExitStack() as parts:
        server = parts.enter_context(postgres(settings=POSTGRES_SETTINGS))
        cache = parts.enter_context(valkey())
        aws = parts.enter_context(local_aws())
        migrated_database(server, TEMPLATE)
        yield Stage(server, cache, aws)


@contextmanager
def scene(stage: Stage, setting: Setting, log: Log) -> Iterator[Scene]:
    """Set up one run: an empty database with a fleet, an empty Redis, a topic, workers."""
    name = f"run_{uuid.uuid4().hex}"
    url = stage.postgres.create_database(name, TEMPLATE)
    migrate(url)
    with ExitStack() as parts:
        parts.callback(stage.postgres.drop_database, name)
        database = Database(lambda: url)
        parts.callback(database.close)
        add_devices(database, setting.devices)
        clock = Clock(database)
        if setting.password_in_secret:
            parts.enter_context(_own_role(stage, database, name))
        if setting.prepare:
            setting.prepare(database)
        with redis.from_url(stage.valkey.url) as client:
            client.flushall()
        events = parts.enter_context(event_side(stage.aws, visibility_seconds=setting.visibility_seconds))
        service = parts.enter_context(user_service())
        targets = {"postgres": stage.postgres.port, "redis": stage.valkey.port, "user_service": service.server_port}
        proxies = {part: parts.enter_context(fault_proxy(targets[part])) for part in sorted(setting.proxied)}
        environment = _environment(stage, setting, url, events, service, proxies)
        workers = parts.enter_context(crew(setting.habits.clients, Birth(environment["api"], setting.changes)))
        jobs = parts.enter_context(crew(JOB_WORKERS, Birth(environment["jobs"], setting.changes)))
        place = Scene(stage, setting, url, database, clock, workers, jobs, events, service, proxies, log)
        parts.callback(place.time.close)
        yield place


@contextmanager
def _own_role(stage: Stage, database: Database, name: str) -> Iterator[None]:
    """Make a role that may work on the run's database and no more, and keep its password as a secret."""
    password = secrets.token_hex(16)
    stage.aws.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"username": name, "password": password})
    )
    database.call(
        f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE scheduler_worker, scheduler_engine, scheduler_relay",
        {},
    )
    database.call(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}", {})
    yield
    database.call(f"DROP OWNED BY {name}", {})
    database.call(f"DROP ROLE {name}", {})


def _environment(
    stage: Stage,
    setting: Setting,
    url: str,
    events: EventSide,
    service: UserService,
    proxies: Mapping[str, FaultProxy],
) -> Mapping[str, Mapping[str, str]]:
    """Give the environment variables of the functions behind the API, and of the jobs."""
    common = {
        "DATABASE_URL": url,
        "DEFAULT_PLAN": PLAN,
        "SERVICE_TOKEN_SECRET": service.secret,
        "EVENTS_TOPIC_ARN": events.topic_arn,
        "RELAY_SECONDS": str(RELAY_SECONDS),
        "DISPATCH_SECONDS": "0",
        "AWS_ENDPOINT_URL": stage.aws.url,
        "AWS_ENDPOINT_URL_SNS": events.endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(stage.valkey.port),
        **RAISED_LIMITS,
    }
    service_url = service.url
    if "postgres" in proxies:
        common["DATABASE_URL"] = url.replace(f":{stage.postgres.port}/", f":{proxies['postgres'].port}/")
    if "redis" in proxies:
        common["REDIS_PORT"] = str(proxies["redis"].port)
    if "user_service" in proxies:
        service_url = f"http://127.0.0.1:{proxies['user_service'].port}"
    if setting.password_in_secret:
        name = url.rpartition("/")[2]
        common |= {"DATABASE_URL": "", "DB_HOST": "127.0.0.1", "DB_PORT": str(stage.postgres.port)}
        common |= {"DB_DATABASE": name, "DB_USER": name, "DB_SECRET_ID": name}
    common |= setting.environment
    api = common | ({"USER_SERVICE_URL": service_url} if setting.asks_user_service else {})
    return {"api": api, "jobs": common | ({"USER_SERVICE_URL": service_url} if setting.delivers else {})}


def scratch_folder() -> Path:
    """Give a place for what a failed run leaves to look at."""
    return Path(tempfile.gettempdir()) / "scheduler-fault"
