"""Postgres stopped at once, backends terminated, connections used up."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type

from scheduler.adapters.postgres.connection import Database
from tests.fault.clients import Habits
from tests.fault.run import NotKept
from tests.fault.stage import Scene, Setting

MOST_RECOVERY_SECONDS = 10.0
MOST_CONNECTIONS = 1000
HABITS = Habits(minutes=(10, 30))


class Restarts:
    """`stop -m immediate` and start again, under load."""

    name = "Postgres stopped and restarted"
    promise = "while Postgres is away the answer is 503 with Retry-After; after its start requests succeed within 10 s"
    short, long = 1, 20
    setting = Setting(habits=HABITS, delivers=True, minutes_a_second=1.0)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Stop it without any good order, wait a little, start it, and see requests succeed."""
        server = scene.stage.postgres
        for count in range(1, times + 1):
            time.sleep(rng.uniform(0.2, 1.0))
            server.stop_at_once()
            time.sleep(rng.uniform(0.0, 1.0))
            server.start()
            _see_it_recover(scene)
            progress(count)
        return times


class Terminations:
    """Backends terminated at random, and now and then all connections used up."""

    name = "backends terminated, connections exhausted"
    promise = "a terminated backend costs one retry that nobody sees, a missing connection a quick 503"
    short, long = 20, 500
    setting = Setting(habits=HABITS, delivers=True, minutes_a_second=1.0)
    _EXHAUST_EACH = 10
    _TERMINATE = (
        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'scheduler' AND pid <> pg_backend_pid()"
        " ORDER BY random() LIMIT %(most)s) victims"
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Terminate one to three at a time."""
        for count in range(1, times + 1):
            if count % self._EXHAUST_EACH == 0:
                _exhaust(scene, rng)
            scene.database.call(self._TERMINATE, {"most": rng.randint(1, 3)})
            time.sleep(rng.uniform(0.01, 0.1))
            progress(count)
        return times


def _exhaust(scene: Scene, rng: random.Random) -> None:
    """Take every connection that is left, also those of workers that die, until somebody is refused one.

    Raises:
        NotKept: Nobody was told 503.
    """
    taken: list[Connection] = []
    before = _refused(scene)

    def somebody_is_refused() -> bool:
        with suppress(psycopg2.OperationalError):
            while len(taken) < MOST_CONNECTIONS:
                taken.append(psycopg2.connect(scene.database_url, connect_timeout=2))
        scene.crew.kill_one(rng)
        return _refused(scene) > before

    try:
        if not scene.wait_for(somebody_is_refused, MOST_RECOVERY_SECONDS):
            raise NotKept("workers without a connection did not answer 503")
    finally:
        for connection in taken:
            connection.close()


def _refused(scene: Scene) -> int:
    return sum(operation.status == HTTPStatus.SERVICE_UNAVAILABLE for operation in scene.log.operations)


def _see_it_recover(scene: Scene) -> None:
    started = time.monotonic()
    database = scene.own_database()
    before = _newest(database)
    while _newest(database) == before:
        if time.monotonic() - started > MOST_RECOVERY_SECONDS:
            raise NotKept(f"no allocation within {MOST_RECOVERY_SECONDS:.0f} s of the restart")
        time.sleep(0.05)
    database.close()


def _newest(database: Database) -> int:
    """Give the newest position of the outbox: it grows with every grant and end."""
    with suppress(Exception):
        return int(database.call("SELECT coalesce(max(id), 0) FROM outbox", {}))
    return -1
