"""Commands to one node: what is told is done in order, and its answers are nobody else's."""

import gc
import time
import weakref

import pytest
import redis
from redis.connection import Connection

from scheduler.adapters.redis.client import TIMEOUT_SECONDS, connect
from scheduler.adapters.redis.node import Node
from tools.embedded import ValkeyServer, valkey


@pytest.fixture
def node(valkey_server: ValkeyServer, redis_url: str) -> Node:
    client = connect("127.0.0.1", valkey_server.port, tls=False, cluster=False, password=None)
    assert isinstance(client, Node)
    with redis.Redis.from_url(redis_url) as other:
        other.config_resetstat()
    return client


def test_an_answer_is_that_of_its_own_command_whatever_was_told_before(node: Node) -> None:
    node.tell([("SET", "one", 1), ("GET", "one")])
    node.tell([("INCR", "one")])

    assert node.run([("GET", "one"), ("PING",)]) == ["2", "PONG"]
    assert node.run([("PING",)]) == ["PONG"]


def test_what_is_told_and_refused_harms_nobody(node: Node) -> None:
    node.tell([("SET", "word", "a"), ("INCR", "word"), ("NONSENSE",)])

    assert node.run([("GET", "word")]) == ["a"]


def test_much_that_is_told_is_all_done(node: Node) -> None:
    for _ in range(200):
        node.tell([("INCR", "count"), ("GET", "count")])

    assert node.run([("GET", "count")]) == ["200"]


def test_a_connection_that_was_cut_after_telling_is_made_anew(node: Node, redis_url: str) -> None:
    node.tell([("SET", "one", 1)])
    cut(redis_url)

    assert node.run([("GET", "one")]) == ["1"]
    assert node.run([("PING",)]) == ["PONG"]


def test_hanging_up_forgets_what_was_still_to_be_read(node: Node, redis_url: str) -> None:
    node.tell([("SET", "one", 1), ("GET", "one")])

    node.close()

    assert node.run([("PING",)]) == ["PONG"]
    with redis.Redis.from_url(redis_url) as other:
        assert other.info("commandstats")["cmdstat_ping"]["calls"] == 1, "an answer was waited for that cannot come"


def test_whoever_is_forgotten_in_a_ring_hangs_up(valkey_server: ValkeyServer) -> None:
    ring = [connect("127.0.0.1", valkey_server.port, tls=False, cluster=False, password=None)]
    ring.append(ring)  # type: ignore[arg-type]
    gc.collect(0)  # what is made before is older now than the socket, which would be collected first, and complain
    ring[0].run([("PING",)])
    hung_up = weakref.ref(ring[0]._socket)  # type: ignore[attr-defined]

    del ring
    gc.collect()

    assert hung_up() is None


def test_what_cannot_be_sent_is_told(valkey_server: ValkeyServer) -> None:
    nobody = Node(Connection(port=1, socket_connect_timeout=1))

    with pytest.raises(redis.ConnectionError):
        nobody.tell([("PING",)])


def test_a_silent_server_is_waited_for_no_longer_than_twice() -> None:
    with valkey() as server:
        client = connect("127.0.0.1", server.port, tls=False, cluster=False, password=None)
        client.run([("PING",)])
        server.pause()
        started = time.monotonic()

        with pytest.raises(redis.TimeoutError):
            client.run([("PING",)])

    assert time.monotonic() - started < 10 * TIMEOUT_SECONDS


def cut(url: str) -> None:
    with redis.Redis.from_url(url) as other:
        other.get("one")
        other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
