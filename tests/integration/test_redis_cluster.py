"""Locks, quota and list behave on a Redis cluster as on one node; a serverless cache is always a cluster."""

from collections.abc import Iterator

import pytest
from redis.cluster import RedisCluster

from tests.support.api import SERVICE, Api
from tests.support.cluster import ClusterNode, valkey_cluster
from tools.embedded import free_port


@pytest.fixture(scope="module")
def node() -> Iterator[ClusterNode]:
    with valkey_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster_client(node: ClusterNode) -> Iterator[RedisCluster]:
    client = RedisCluster(host="127.0.0.1", port=node.port, decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def cluster_api(environment: pytest.MonkeyPatch, node: ClusterNode, cluster_client: RedisCluster) -> Api:
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(node.port))
    environment.setenv("REDIS_CLUSTER", "true")
    return Api()


def test_a_users_lock_is_taken_and_given_back(cluster_api: Api, cluster_client: RedisCluster) -> None:
    cluster_api.add_devices(1)

    assert cluster_api.allocate().status == 201

    assert cluster_client.get("allocation:user:{acme|alice}") is None
    assert cluster_client.exists("scheduler:quota:{acme|alice}"), "the gate went on without Redis"


def test_a_lock_that_is_held_makes_others_busy(
    environment: pytest.MonkeyPatch, cluster_api: Api, cluster_client: RedisCluster
) -> None:
    environment.setenv("LOCK_WAIT_SECONDS", "0")
    cluster_client.set("allocation:user:{acme|alice}", "somebody", px=5000)

    assert cluster_api.allocate().code == "user_busy"


def test_a_cluster_that_is_taken_for_a_node_serves_as_well(
    environment: pytest.MonkeyPatch, cluster_api: Api, cluster_client: RedisCluster
) -> None:
    environment.setenv("REDIS_CLUSTER", "false")
    environment.setenv("LOCK_WAIT_SECONDS", "0")
    cluster_api.add_devices(1)

    for _ in range(3):
        granted = cluster_api.allocate(SERVICE)
        assert granted.status == 201, granted.text
        assert len(granted.headers["RateLimit"].split(",")) == 2
        assert cluster_api.release(granted.data["deviceId"]).status == 200

    assert cluster_client.get("allocation:user:{acme|alice}") is None


def test_the_available_list_is_kept_and_evicted(cluster_api: Api, cluster_client: RedisCluster) -> None:
    cluster_api.add_devices(1)
    cluster_api.get("/scheduler/devices/available", SERVICE)
    assert cluster_client.hlen("scheduler:available-devices") == 1

    cluster_api.allocate()

    assert not cluster_client.exists("scheduler:available-devices")
    assert cluster_api.get("/scheduler/devices/available", SERVICE).json["total"] == 0


def test_a_cluster_that_was_never_reached_is_like_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(free_port()))
    environment.setenv("REDIS_CLUSTER", "true")
    api = Api()

    api.add_devices(1)

    assert api.allocate().status == 201
