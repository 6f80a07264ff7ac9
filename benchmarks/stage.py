"""What a run happens on: servers, schema and fleet."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psycopg2
import redis

from benchmarks.apart import apart
from tools.embedded import postgres, valkey
from tools.embedded.postgres import PostgresServer
from tools.embedded.valkey import ValkeyServer
from tools.region.demo_fleet import devices as demo_devices

FLEET = 2000
PLAN = "enterprise"
SHOWN_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "autovacuum")
_TEMPLATE = "bench"
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Place:
    """What one part runs on: a fresh database with the fleet, an empty cache, a folder for scratch files.

    The environment of the functions names that database and cache. They are read once a process: call handlers in
    processes of their own (`benchmarks.crew`, `benchmarks.apart`), never in this one.
    """

    database_url: str
    cache_url: str
    folder: Path
    server: PostgresServer
    """For further databases: `create_database(name)`; "bench" is the template with the fleet."""


class Stage:
    """Running servers, and the template of each part's database."""

    def __init__(self, server: PostgresServer, cache: ValkeyServer) -> None:
        """Migrate, and register the fleet."""
        self._server, self._cache = server, cache
        url = server.create_database(_TEMPLATE)
        os.environ["DATABASE_URL"] = url
        apart(_fill)
        self.postgres = _server_facts(url)

    @contextmanager
    def place(self, name: str) -> Iterator[Place]:
        """Lend a place to one part; its database goes afterwards."""
        database = f"bench_{name.replace('-', '_')}"
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DATABASE_URL"] = url = self._server.create_database(database, _TEMPLATE)
            redis.Redis.from_url(self._cache.url).flushall()
            try:
                yield Place(url, self._cache.url, Path(folder), self._server)
            finally:
                self._server.drop_database(database)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start Postgres and Valkey; the environment of the functions is set meanwhile."""
    with postgres(durable=False) as server, valkey() as cache:
        before = dict(os.environ)
        os.environ.update(_environment(cache.port))
        try:
            yield Stage(server, cache)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _environment(redis_port: int) -> dict[str, str]:
    return {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_port),
        "REDIS_TLS": "false",
        "REDIS_CLUSTER": "false",
        "RATE_WRITE_PER_MINUTE": "1000000",  # counted as in an account, and never refused
        "RATE_QUERY_PER_MINUTE": "1000000",
        "RATE_BATCH_PER_MINUTE": "1000000",
        "RATE_SERVICE_PER_MINUTE": "1000000",
        "USER_SERVICE_URL": "",
        "DEFAULT_PLAN": PLAN,
        "PLACEMENT_STRATEGY": "resource_based",
        "POWERTOOLS_SERVICE_NAME": "scheduler",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "CloudPhoneScheduler",
        # As an account looks to a function; nothing is called.
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _fill() -> None:
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.runtime import database
    from scheduler.runtime.migration import migrate_database

    migrate_database()
    store, fleet = PostgresDevices(database()), fleet_columns(FLEET)
    for start in range(0, len(fleet), _BATCH):
        store.register(fleet[start : start + _BATCH], None)
    database().close()
    _query(os.environ["DATABASE_URL"], "VACUUM ANALYZE")


def fleet_columns(size: int) -> list[dict[str, Any]]:
    """Give a fleet with the sizes and types of the demo fleet, by column."""
    return [
        {
            "id": f"phone-{number:05}",
            "name": f"Phone {number}",
            "device_type": device["deviceType"],
            "status": "running",
            "cpu_cores": device["cpuCores"],
            "memory_mb": device["memoryMB"],
            "storage_mb": device["storageMB"],
            "adb_host": "10.0.0.1",
            "adb_port": 5555,
        }
        for number, device in enumerate(islice(cycle(demo_devices()), size))
    ]


def _server_facts(url: str) -> dict[str, str]:
    names = ("server_version", *SHOWN_SETTINGS)
    return {name: _query(url, f"SHOW {name}")[0][0] for name in names}


def _query(url: str, statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
