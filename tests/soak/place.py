"""Where a soak happens: servers, workers for many laps, the jobs, and a database clock that skips from day to day."""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scheduler.adapters.postgres.connection import Database
from tests.fault.crew import Crew
from tests.fault.worker import Birth
from tests.soak.shift import Lap, serve
from tests.soak.sizes import sizes
from tests.support.clock import Clock
from tests.support.contenders import add_devices
from tests.support.databases import migrated_database
from tests.support.ledger import audited
from tools.embedded import PostgresServer, postgres, valkey
from tools.embedded.aws import REGION, LocalAws, local_aws

WORKERS = 4
DEVICES = 200
LAP = 2_500
"""Operations of each worker a lap. A lap is one day of the database's clock."""
ANSWER_SECONDS = 600.0
DATABASE = "soak"


class Soak:
    """Warm workers, the jobs beside them, and the database."""

    def __init__(
        self, lines: list[Connection], database: Database, aws: LocalAws, environment: Mapping[str, str]
    ) -> None:
        """Work on these parts."""
        self._lines, self._database, self._clock = lines, database, Clock(database)
        self._sns, self._environment = aws.client("sns"), environment
        self.jobs = self._jobs_of_the_day()

    def lap(self) -> Mapping[str, Any]:
        """Run one lap of all workers, then let the day end: sweep, clean up, take figures."""
        started = time.monotonic()
        for line in self._lines:
            line.send(LAP)
        laps = [_answer(line) for line in self._lines]
        self._clock.advance(days=1)
        for job in ("expire", "cleanup", "statistics"):
            self.jobs.invoke(job, {}, ANSWER_SECONDS)
        self.jobs.end()
        self.jobs = self._jobs_of_the_day()
        return {
            "operations": sum(lap.operations for lap in laps),
            "failed": sum(lap.failed for lap in laps),
            "seconds": time.monotonic() - started,
            "own_bytes": [lap.own_bytes for lap in laps],
            "sizes": sizes(self._database),
        }

    def _jobs_of_the_day(self) -> Crew:
        """Give jobs with a topic of their own: the emulated SNS looks through all that a topic had in five minutes."""
        name = f"soak-{uuid.uuid4().hex}.fifo"
        topic = self._sns.create_topic(Name=name, Attributes={"FifoTopic": "true"})["TopicArn"]
        return Crew(3, Birth({**self._environment, "EVENTS_TOPIC_ARN": topic}))

    def end_jobs(self) -> None:
        """End the jobs of the day."""
        self.jobs.end()

    def audited(self) -> list[str]:
        """Name what the audit finds."""
        return list(audited(self._database))


@contextmanager
def place(home: Path, session: int) -> Iterator[Soak]:
    """Start everything on the database of earlier sessions, or on a new one."""
    with ExitStack() as parts:
        server = parts.enter_context(postgres(home / "postgres"))
        cache = parts.enter_context(valkey())
        aws = parts.enter_context(local_aws())
        url = _database(server)
        database = Database(lambda: url)
        parts.callback(database.close)
        environment = {
            "DATABASE_URL": url,
            "DEFAULT_PLAN": "basic",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(cache.port),
            "RELAY_SECONDS": "5",
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        soak = Soak(parts.enter_context(_workers(environment, session)), database, aws, environment)
        parts.callback(soak.end_jobs)
        parts.enter_context(_repeating(lambda: soak.jobs.invoke("relay", {}, 30), 0.1))
        parts.enter_context(_repeating(lambda: soak.jobs.invoke("expire", {}, 30), 1.0))
        yield soak


def _database(server: PostgresServer) -> str:
    url = server.url_of(DATABASE)
    administration = Database(lambda: server.url)
    known = administration.call("SELECT count(*) FROM pg_database WHERE datname = %(name)s", {"name": DATABASE})
    administration.close()
    if known:
        return url
    migrated_database(server, DATABASE)
    database = Database(lambda: url)
    add_devices(database, DEVICES)
    database.close()
    return url


@contextmanager
def _workers(environment: Mapping[str, str], session: int) -> Iterator[list[Connection]]:
    fork, lines, processes = get_context("forkserver"), [], []
    for number in range(WORKERS):
        ours, theirs = fork.Pipe()
        process = fork.Process(target=serve, args=(theirs, 1000 * session + number, environment), daemon=True)
        process.start()
        theirs.close()
        lines.append(ours)
        processes.append(process)
    try:
        yield lines
    finally:
        for line, process in zip(lines, processes, strict=True):
            line.close()
            process.terminate()
            process.join(10)


@contextmanager
def _repeating(job: Any, pause_seconds: float) -> Iterator[None]:
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause_seconds):
            job()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


def _answer(line: Connection) -> Lap:
    if not line.poll(ANSWER_SECONDS):
        raise TimeoutError("a worker does not finish its lap")
    lap: Lap = line.recv()
    return lap
