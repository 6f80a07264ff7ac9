"""The embedded servers do what the fault tests ask of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tools.embedded import POSTGRES_BIN, EmbeddedServer, PostgresServer, ServerError, ValkeyServer, postgres, valkey

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def cache() -> Iterator[ValkeyServer]:
    with valkey(password="kept-in-a-file") as server:
        yield server


@pytest.fixture(params=["database", "cache"])
def server(request: pytest.FixtureRequest) -> EmbeddedServer:
    found: EmbeddedServer = request.getfixturevalue(request.param)
    return found


def value(url: str, statement: str) -> object:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None
    finally:
        connection.close()


def test_a_crashed_server_starts_again_on_its_port(server: EmbeddedServer) -> None:
    port = server.port
    server.kill()
    assert not server.answers()
    server.start()

    assert server.answers()
    assert server.port == port


def test_a_stopped_server_starts_again(server: EmbeddedServer) -> None:
    server.stop()
    server.stop()
    assert not server.running
    server.start()

    assert server.answers()


def test_a_frozen_server_does_not_answer_until_it_thaws(server: EmbeddedServer) -> None:
    server.pause()
    frozen = server.answers()
    server.resume()

    assert not frozen
    assert server.answers()


def test_a_database_is_copied_from_a_template(database: PostgresServer) -> None:
    connection = psycopg2.connect(database.create_database("original"))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
    connection.close()

    copy = database.create_database("copy", template="original")

    assert value(copy, "SELECT number FROM kept") == 7
    database.drop_database("copy")


def test_there_is_room_for_two_hundred_connections(database: PostgresServer) -> None:
    assert int(str(value(database.url, "SELECT current_setting('max_connections')"))) >= 200


def test_the_benchmark_program_comes_along() -> None:
    assert os.access(POSTGRES_BIN / "pgbench", os.X_OK)


def test_valkey_asks_for_its_password(cache: ValkeyServer) -> None:
    with redis.Redis.from_url(cache.url) as client:
        assert client.ping()
    with (
        redis.Redis(port=cache.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, cache: ValkeyServer) -> None:
    taken = ValkeyServer(tmp_path, port=cache.port, password="another")
    with pytest.raises(ServerError, match="in use"):
        taken.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_servers_end_with_the_process_that_started_them_even_when_it_is_killed() -> None:
    program = (
        "import time\nfrom tools.embedded import valkey\n"
        "with valkey() as server:\n    print(server.pid, flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()

        gone, _ = psutil.wait_procs([child], timeout=10)
        assert gone or child.status() == psutil.STATUS_ZOMBIE
