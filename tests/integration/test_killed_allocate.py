"""Kill the process between any two steps of allocate: nothing is half done, and the same request succeeds once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.contenders import add_devices, allocator_on
from tests.support.dying_allocate import STEPS, wish
from tests.support.ledger import assert_ledger_agrees
from tools.embedded import ValkeyServer

PATIENCE_SECONDS = 20


@pytest.fixture
def start(database_url: str, valkey_server: ValkeyServer, redis_url: str) -> Iterator[object]:
    """Start processes that allocate; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(step: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.dying_allocate", step, database_url, str(valkey_server.port)]
        path = os.pathsep.join(sys.path)
        started.append(subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def assert_one_device_after_asking_again(database: Database) -> None:
    allocator_on(database).allocate(wish())

    assert database.call("SELECT count(*) FROM device_allocations WHERE status = 'allocated'", {}) == 1
    assert_ledger_agrees(database)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_nothing_is_half_done(database: Database, start, step: str) -> None:
    add_devices(database, 3)

    assert start(step).wait(PATIENCE_SECONDS) == -signal.SIGKILL

    assert_ledger_agrees(database)
    assert_one_device_after_asking_again(database)


@pytest.mark.parametrize("victim", ["the function", "its backend"])
def test_killed_inside_the_claim_nothing_is_half_done(
    database: Database, database_url: str, start, victim: str
) -> None:
    add_devices(database, 3)
    database.call("INSERT INTO quota_usage (tenant_id, user_id) VALUES ('acme', 'alice')", {})
    blocker = psycopg2.connect(database_url)
    blocker.cursor().execute("SELECT FROM quota_usage FOR UPDATE")  # the claim waits for alice's row
    process = start("no step")
    backend = waiting_backend(database)

    if victim == "the function":
        process.kill()
        process.wait(PATIENCE_SECONDS)
    else:
        database.call("SELECT pg_terminate_backend(%(pid)s)", {"pid": backend})
    blocker.close()
    wait_until_gone(database, backend)

    assert_ledger_agrees(database)
    assert_one_device_after_asking_again(database)


def waiting_backend(database: Database) -> int:
    """Give the backend whose claim waits for a lock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        pid = database.call(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE 'SELECT claim_device%%'",
            {},
        )
        if pid:
            return int(pid)
        time.sleep(0.02)
    raise TimeoutError("no claim came to wait")


def wait_until_gone(database: Database, backend: int) -> None:
    """Wait until the backend has committed or rolled back, and left."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while database.call("SELECT count(*) FROM pg_stat_activity WHERE pid = %(pid)s", {"pid": backend}):
        assert time.monotonic() < deadline, "the backend stays"
        time.sleep(0.02)
