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

from tools.embedded import postgres, valkey
from tools.region.demo_fleet import devices as demo_devices

FLEET = 2000
PLAN = "enterprise"
_BATCH = 100
SHOWN_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "autovacuum")


@dataclass(frozen=True, slots=True)
class Stage:
    """A migrated database with a fleet, the settings it runs with, and a folder for scratch files."""

    database_url: str
    folder: Path
    postgres: dict[str, str]


@contextmanager
def stage() -> Iterator[Stage]:
    """Start Postgres and Valkey, migrate, register the fleet; the environment of the functions is set meanwhile."""
    with postgres(durable=False) as server, valkey() as cache, tempfile.TemporaryDirectory() as folder:
        url = server.create_database("bench")
        before = dict(os.environ)
        os.environ.update(_environment(url, cache.port))
        try:
            _fill(url)
            yield Stage(url, Path(folder), _server_facts(url))
        finally:
            os.environ.clear()
            os.environ.update(before)


def _environment(database_url: str, redis_port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
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


def _fill(url: str) -> None:
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.runtime import database
    from scheduler.runtime.migration import migrate_database

    migrate_database()
    store, fleet = PostgresDevices(database()), fleet_columns(FLEET)
    for start in range(0, len(fleet), _BATCH):
        store.register(fleet[start : start + _BATCH], None)
    database().close()
    _query(url, "VACUUM ANALYZE")


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
