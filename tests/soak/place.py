"""Where a soak happens: servers, workers for many laps, the jobs, and a database clock that skips from day to day."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scheduler.adapters.postgres.connection import Database
from tests.fault.crew import Crew, crew
from tests.fault.worker import Birth
from tests.soak.shift import Lap, serve
from tests.soak.sink import sink
from tests.soak.sizes import sizes
from tests.support.clock import Clock
from tests.support.contenders import add_devices
from tests.support.databases import migrated_database
from tests.support.ledger import audited
from tests.support.limits import RAISED_LIMITS
from tools.embedded import PostgresServer, postgres, valkey
from tools.repeating import repeating

WORKERS = 4
DEVICES = 200
LAP = 2_500
"""Operations of each worker a lap. A lap is one day of the database's clock."""
ANSWER_SECONDS = 600.0
DATABASE = "soak"


class Soak:
    """Warm workers, the jobs beside them, and the database."""

    def __init__(self, lines: list[Connection], jobs: Crew, database: Database) -> None:
        """Work on these parts."""
        self._lines, self._jobs, self._database, self._clock = lines, jobs, database, Clock(database)

    def lap(self) -> Mapping[str, Any]:
        """Run one lap of all workers, let the relay follow, then let the day end: sweep, clean up, take figures."""
        started = time.monotonic()
        for line in self._lines:
            line.send(LAP)
        laps = [_answer(line) for line in self._lines]
        self._wait_for_the_relay()
        self._clock.advance(days=1)
        for job in ("expire", "cleanup", "statistics"):
            self._jobs.invoke(job, {}, ANSWER_SECONDS)
        return {
            "operations": sum(lap.operations for lap in laps),
            "failed": sum(lap.failed for lap in laps),
            "seconds": time.monotonic() - started,
            "own_bytes": [lap.own_bytes for lap in laps],
            "sizes": sizes(self._database),
        }

    def audited(self) -> list[str]:
        """Name what the audit finds."""
        return list(audited(self._database))

    def _wait_for_the_relay(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._database.call("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)", {}):
            if time.monotonic() > deadline:
                raise TimeoutError("the relay does not follow")
            time.sleep(0.2)


@contextmanager
def place(home: Path, session: int) -> Iterator[Soak]:
    """Start everything on the database of earlier sessions, or on a new one."""
    with ExitStack() as parts:
        server = parts.enter_context(postgres(home / "postgres"))
        cache = parts.enter_context(valkey())
        url = _database(server)
        database = Database(lambda: url)
        parts.callback(database.close)
        environment = {
            "DATABASE_URL": url,
            "DEFAULT_PLAN": "basic",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(cache.port),
            **RAISED_LIMITS,
            "EVENTS_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:sink.fifo",
            "RELAY_SECONDS": "5",
            "AWS_ENDPOINT_URL": parts.enter_context(sink()),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        jobs = parts.enter_context(crew(3, Birth(environment)))
        parts.enter_context(repeating(lambda: jobs.invoke("relay", {}, 30), 0.1))
        parts.enter_context(repeating(lambda: jobs.invoke("expire", {}, 30), 1.0))
        yield Soak(parts.enter_context(_workers(environment, session)), jobs, database)


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


def _answer(line: Connection) -> Lap:
    if not line.poll(ANSWER_SECONDS):
        raise TimeoutError("a worker does not finish its lap")
    lap: Lap = line.recv()
    return lap
