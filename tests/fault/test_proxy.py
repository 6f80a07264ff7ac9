"""Each fault of the proxy, as clients of Postgres, Redis and HTTP see it, and what the server did meanwhile."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis
import requests

from tests.fault.proxy import FaultProxy, fault_proxy
from tools.embedded import PostgresServer, ValkeyServer, postgres, valkey

INSERT = "INSERT INTO seen SELECT count(*) FROM seen RETURNING n"
SHORT_SECONDS = 0.3
PATIENCE_SECONDS = 10.0
MOST_MORE_MS = 0.2


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[FaultProxy]:
    """A proxy in front of Postgres."""
    with fault_proxy(postgres_server.port) as running:
        yield running


@pytest.fixture
def url(postgres_server: PostgresServer, database_url: str, proxy: FaultProxy) -> str:
    """URL of a database with a table to count in, by way of the proxy."""
    with closing(connect(database_url)) as direct:
        run(direct, "CREATE TABLE seen (n int)")
    return database_url.replace(f":{postgres_server.port}/", f":{proxy.port}/")


@pytest.fixture
def cache_proxy(valkey_server: ValkeyServer, redis_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of an empty Valkey."""
    with fault_proxy(valkey_server.port) as running:
        yield running


def connect(url: str) -> Any:
    connection = psycopg2.connect(url, connect_timeout=3)
    connection.autocommit = True
    return connection


def run(connection: Any, statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def rows(database_url: str) -> int:
    with closing(connect(database_url)) as direct:
        return int(run(direct, "SELECT count(*) FROM seen"))


def waited(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def becomes(what: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(what())


def cache(proxy: FaultProxy) -> redis.Redis:
    return redis.Redis(port=proxy.port, socket_timeout=SHORT_SECONDS, retry=None)


# --- Postgres


def test_ordinary_traffic_passes_both_ways(url: str) -> None:
    with closing(connect(url)) as connection:
        assert [run(connection, INSERT) for _ in range(3)] == [0, 1, 2]
        assert len(run(connection, "SELECT repeat('x', 5000000)")) == 5_000_000


def test_it_costs_little(url: str, database_url: str) -> None:
    def fastest_ms(connection: Any) -> float:
        return min(waited(lambda: run(connection, "SELECT 1")) for _ in range(500)) * 1000

    with closing(connect(url)) as through, closing(connect(database_url)) as direct:
        run(through, "SELECT 1")
        assert fastest_ms(through) - fastest_ms(direct) < MOST_MORE_MS


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_lost_reply_is_an_error_for_the_client_and_done_by_the_server(
    proxy: FaultProxy, url: str, database_url: str, then: str
) -> None:
    proxy.arm("drop_reply", when=b"INSERT", then=then)
    with closing(connect(url)) as connection:
        assert run(connection, "SELECT 1") == 1
        with pytest.raises(psycopg2.OperationalError):
            run(connection, INSERT)

    assert (rows(database_url), proxy.applied()) == (1, 1)
    with closing(connect(url)) as connection:  # once is once
        assert run(connection, INSERT) == 1


@pytest.mark.parametrize(("kind", "how"), [("drop_reply", {"then": "silent"}), ("half_open", {"gone": "server"})])
def test_a_reply_may_be_lost_without_a_word(
    proxy: FaultProxy, url: str, database_url: str, kind: Any, how: dict[str, str]
) -> None:
    proxy.arm(kind, when=b"INSERT", **how)
    with ThreadPoolExecutor(1) as pool, closing(connect(url)) as connection:
        asking = pool.submit(run, connection, INSERT)
        assert proxy.wait_applied(1, PATIENCE_SECONDS)
        assert rows(database_url) == 1
        with pytest.raises(TimeoutError):
            asking.result(SHORT_SECONDS)
        proxy.heal()
        with pytest.raises(psycopg2.OperationalError):
            asking.result(PATIENCE_SECONDS)


def test_a_reset_request_does_not_reach_the_server(proxy: FaultProxy, url: str, database_url: str) -> None:
    with closing(connect(url)) as connection:
        proxy.arm("reset", when=b"INSERT", times=1)
        with pytest.raises(psycopg2.OperationalError):
            run(connection, INSERT)

    assert (rows(database_url), proxy.applied()) == (0, 1)


def test_all_links_are_reset_until_it_is_healed(proxy: FaultProxy, url: str) -> None:
    with closing(connect(url)) as one, closing(connect(url)) as other:
        proxy.apply("reset")
        assert proxy.applied() == 2
        for connection in (one, other):
            with pytest.raises(psycopg2.OperationalError):
                run(connection, "SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        connect(url)

    proxy.heal()

    with closing(connect(url)) as connection:
        assert run(connection, "SELECT 1") == 1


def test_a_client_that_vanished_leaves_its_session_open(proxy: FaultProxy, url: str, database_url: str) -> None:
    with closing(connect(url)) as connection, closing(connect(database_url)) as direct:
        backend = connection.info.backend_pid
        proxy.arm("half_open", when=b"INSERT", gone="client")
        with pytest.raises(psycopg2.OperationalError):
            run(connection, INSERT)
        there = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}"

        assert (rows(database_url), run(direct, there)) == (1, 1)
        proxy.heal()
        assert becomes(lambda: run(direct, there) == 0)


def test_a_server_that_left_leaves_its_clients_waiting(proxy: FaultProxy, url: str, database_url: str) -> None:
    with closing(connect(url)) as connection, closing(connect(database_url)) as direct:
        backend = connection.info.backend_pid
        proxy.apply("half_open", gone="server")
        assert becomes(lambda: run(direct, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}") == 0)
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(run, connection, "SELECT 1")
            with pytest.raises(TimeoutError):
                asking.result(SHORT_SECONDS)
            proxy.heal()
            with pytest.raises(psycopg2.OperationalError):
                asking.result(PATIENCE_SECONDS)


def test_refused_connections_are_refused_and_old_ones_live_on(proxy: FaultProxy, url: str) -> None:
    with closing(connect(url)) as old:
        proxy.apply("refuse")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=1)
        with pytest.raises(OSError, match="in use"), socket.socket() as thief:
            thief.bind(("127.0.0.1", proxy.port))
        assert run(old, "SELECT 1") == 1

        proxy.heal()
        with closing(connect(url)) as connection:
            assert run(connection, "SELECT 1") == 1


def test_only_matching_requests_are_struck_and_only_so_often(proxy: FaultProxy, url: str, database_url: str) -> None:
    proxy.arm("drop_reply", when=b"INSERT", times=3)

    def ask(_: int) -> bool:
        with closing(connect(url)) as connection:
            assert run(connection, "SELECT 1") == 1
            try:
                run(connection, INSERT)
            except psycopg2.OperationalError:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(ask, range(24)))

    assert answered.count(False) == 3
    assert (rows(database_url), proxy.applied()) == (24, 3)


def test_the_server_may_be_restarted_behind_it() -> None:
    with postgres() as server, fault_proxy(server.port) as proxy:
        url = server.url.replace(f":{server.port}/", f":{proxy.port}/")
        with closing(connect(url)) as connection:
            assert run(connection, "SELECT 1") == 1
            server.kill()
            with pytest.raises(psycopg2.OperationalError):
                run(connection, "SELECT 1")
        with pytest.raises(psycopg2.OperationalError):
            connect(url)

        server.start()

        with closing(connect(url)) as connection:
            assert run(connection, "SELECT 1") == 1


# --- Redis


def test_a_delayed_request_holds_back_those_behind_it(cache_proxy: FaultProxy) -> None:
    cache_proxy.arm("delay", when=b"first", seconds=SHORT_SECONDS, jitter=0.01)
    with socket.create_connection(("127.0.0.1", cache_proxy.port), timeout=PATIENCE_SECONDS) as link:
        link.sendall(b"APPEND key first\r\n")
        assert cache_proxy.wait_applied(1, PATIENCE_SECONDS)
        link.sendall(b"APPEND key second\r\n")
        assert waited(lambda: link.recv(4, socket.MSG_WAITALL)) >= SHORT_SECONDS / 2
        assert link.recv(5, socket.MSG_WAITALL) == b":11\r\n"
        link.sendall(b"GET key\r\n")
        assert link.recv(18, socket.MSG_WAITALL) == b"$11\r\nfirstsecond\r\n"[:18]


def test_a_delayed_request_arrives_though_its_client_is_gone(cache_proxy: FaultProxy, redis_url: str) -> None:
    with cache(cache_proxy) as client, redis.from_url(redis_url) as direct:
        client.ping()
        cache_proxy.apply("delay", seconds=SHORT_SECONDS * 1.5)
        with pytest.raises(redis.TimeoutError):
            client.set("key", "late")
        assert becomes(lambda: direct.get("key") == b"late")

        cache_proxy.heal()
        assert waited(client.ping) < SHORT_SECONDS


def test_a_lock_may_be_taken_without_its_taker_knowing(cache_proxy: FaultProxy, redis_url: str) -> None:
    with cache(cache_proxy) as client, redis.from_url(redis_url) as direct:
        cache_proxy.arm("drop_reply", when=b"NX", then="silent")
        with pytest.raises(redis.TimeoutError):
            client.set("lock", "mine", nx=True)
        assert direct.get("lock") == b"mine"
        assert client.set("lock", "yours", nx=True) is None


def test_a_black_hole_swallows_old_and_new_links_until_it_is_healed(cache_proxy: FaultProxy, redis_url: str) -> None:
    with cache(cache_proxy) as client, redis.from_url(redis_url) as direct:
        client.ping()
        cache_proxy.apply("black_hole")
        for _ in range(2):  # the old link, then a new one
            with pytest.raises(redis.TimeoutError):
                client.set("key", "lost")
        assert cache_proxy.applied() == 2

        cache_proxy.heal()

        assert client.ping()
        assert direct.get("key") is None


def test_a_pattern_is_found_across_two_segments_and_counted_once(cache_proxy: FaultProxy) -> None:
    cache_proxy.arm("drop_reply", when=b"needle", times=2)
    cache_proxy.arm("black_hole", when=b"a longer pattern that never comes")
    with socket.create_connection(("127.0.0.1", cache_proxy.port), timeout=SHORT_SECONDS) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(b"PING\r\n")
        assert link.recv(64) == b"+PONG\r\n"
        link.sendall(b"ECHO nee")
        assert cache_proxy.applied() == 0  # it has read the first segment by then
        link.sendall(b"dle\r\n")
        assert link.recv(64) == b""
    assert cache_proxy.applied() == 1
    with cache(cache_proxy) as client:
        assert client.ping()


def test_a_proxy_can_be_aimed_at_another_server(cache_proxy: FaultProxy) -> None:
    with valkey() as other, cache(cache_proxy) as client:
        client.set("where", "first")
        cache_proxy.aim(other.port)
        assert client.get("where") == b"first"  # a link stays where it is
        client.connection_pool.disconnect()
        assert client.get("where") is None


# --- HTTP


class Page(BaseHTTPRequestHandler):
    """Answers its path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[FaultProxy]:
    """A proxy in front of an HTTP server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    with fault_proxy(server.server_address[1]) as proxy:
        yield proxy
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("drop_reply", requests.ConnectionError),
        ("reset", requests.ConnectionError),
        ("refuse", requests.ConnectionError),
        ("black_hole", requests.ReadTimeout),
        ("half_open", requests.ReadTimeout),
    ],
)
def test_http_meets_every_fault_and_gets_well(web: FaultProxy, kind: Any, error: type[Exception]) -> None:
    page = f"http://127.0.0.1:{web.port}/here"
    web.apply(kind)
    with pytest.raises(error):
        requests.get(page, timeout=SHORT_SECONDS)
    web.heal()

    assert requests.get(page, timeout=PATIENCE_SECONDS).text == "/here"


def test_links_meet_faults_while_others_do_not(web: FaultProxy) -> None:
    web.arm("delay", when=b"GET /slow", times=4, seconds=SHORT_SECONDS)

    def ask(path: str) -> float:
        return waited(lambda: requests.get(f"http://127.0.0.1:{web.port}{path}", timeout=PATIENCE_SECONDS))

    with ThreadPoolExecutor(8) as pool:
        slow, fast = pool.map(ask, ["/slow"] * 4), pool.map(ask, ["/fast"] * 4)
        assert min(slow) >= SHORT_SECONDS
        assert min(fast) < SHORT_SECONDS
    assert web.applied() == 4


# --- the process


def test_nothing_is_left_of_it(web: FaultProxy) -> None:
    def proxies() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if "links.py" in " ".join(child.cmdline())]

    before, files = len(proxies()), len(os.listdir("/proc/self/fd"))
    with fault_proxy(web.port) as proxy:
        assert len(proxies()) == before + 1
        for _ in range(20):
            requests.get(f"http://127.0.0.1:{proxy.port}/", timeout=PATIENCE_SECONDS)
        held = next(child for child in proxies() if child.pid == proxy._process.pid)
        assert becomes(lambda: len(held.net_connections()) <= 2)  # it listens, and keeps its port
    assert len(proxies()) == before
    assert len(os.listdir("/proc/self/fd")) <= files


def test_it_ends_with_its_parent() -> None:
    program = (
        "import time; from tests.fault.proxy import FaultProxy; p = FaultProxy(1);"
        " print(p._process.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root)
    assert parent.stdout
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert becomes(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_proxy_that_is_gone_is_noticed(web: FaultProxy) -> None:
    proxy = FaultProxy(web.port)
    proxy._process.kill()
    proxy._process.wait()
    with pytest.raises((ConnectionError, BrokenPipeError)):
        proxy.heal()
    assert not proxy.wait_applied(1, PATIENCE_SECONDS)
    proxy.close()
