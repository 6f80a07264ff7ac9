"""Each request counts for whom it acts; beyond the limit it is refused, told when to come back, and does nothing."""

import json
from collections.abc import Iterator

import pytest
import redis

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Api, Claims
from tests.support.cluster import valkey_cluster
from tools.embedded import ValkeyServer, valkey


@pytest.fixture
def limited(environment: pytest.MonkeyPatch, api: Api) -> Api:
    """Three changes, four look-ups, two batches; ten for all services of a tenant."""
    set_limits(environment)
    return api


def set_limits(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RATE_WRITE_PER_MINUTE", "3")
    environment.setenv("RATE_QUERY_PER_MINUTE", "4")
    environment.setenv("RATE_BATCH_PER_MINUTE", "2")
    environment.setenv("RATE_SERVICE_PER_MINUTE", "10")


@pytest.fixture
def commands(redis_url: str) -> Iterator[redis.Redis]:
    with redis.from_url(redis_url) as client:
        yield client


def messages(client: redis.Redis) -> int:
    """How many messages clients have sent, this question included."""
    return int(client.info("stats")["total_reads_processed"])


def test_the_fourth_change_in_a_minute_is_refused_and_changes_nothing(limited: Api, database: Database) -> None:
    limited.add_devices(5)
    answers = [limited.allocate(USER) for _ in range(4)]

    assert [answer.status for answer in answers] == [201, 201, 201, 429]
    refused = answers[-1]
    assert (refused.code, refused.json["retryable"]) == ("rate_limited", True)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit-Policy"] == '"user-write";q=3;w=60'
    assert refused.headers["RateLimit"] == f'"user-write";r=0;t={refused.headers["Retry-After"]}'
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 3


def test_a_success_tells_what_is_left(limited: Api) -> None:
    answer = limited.get("/scheduler/allocations", SERVICE)

    assert answer.headers["RateLimit-Policy"] == '"service";q=10;w=60, "user-query";q=4;w=60'
    told = [window.split(";t=")[0] for window in answer.headers["RateLimit"].split(", ")]
    assert told == ['"service";r=9', '"user-query";r=3']


def test_a_service_is_counted_for_whom_it_acts(limited: Api) -> None:
    limited.add_devices(5)
    for _ in range(3):
        limited.allocate(SERVICE, userId="alice")

    assert limited.allocate(SERVICE, userId="alice").status == 429
    assert limited.allocate(USER).status == 429, "alice's own requests and those for her share a window"
    assert limited.allocate(SERVICE, userId="bob").status == 201
    assert limited.allocate({**OTHER_TENANT, "scope": ""}, userId="rival").status == 201


def test_a_renewal_counts_for_the_holder_whoever_asks(limited: Api) -> None:
    limited.add_devices(1)
    allocation = limited.allocate(USER).data["allocationId"]
    for _ in range(2):
        limited.renew(allocation, 10)

    assert limited.renew(allocation, 10).status == 429
    assert limited.allocate(USER).status == 429


def test_all_services_of_a_tenant_have_a_total(limited: Api) -> None:
    for number in range(10):
        assert limited.get("/scheduler/allocations", SERVICE, userId=f"user-{number}").status == 200
    colleague = {**SERVICE, "sub": "desk"}

    assert limited.get("/scheduler/allocations", colleague).status == 429
    assert limited.allocate(SERVICE, userId="carol").status == 429
    assert limited.get("/scheduler/allocations", USER).status == 200
    assert limited.get("/scheduler/allocations", OTHER_TENANT).status == 200


def test_a_batch_is_one_of_its_kind_and_as_many_as_its_items_in_the_total(limited: Api) -> None:
    users = [f"user-{number}" for number in range(6)]
    path = "/scheduler/allocations/batch/query"

    first = limited.post(path, SERVICE, {"userIds": users})
    second = limited.post(path, SERVICE, {"userIds": users})

    assert '"service";r=4' in first.headers["RateLimit"]
    assert '"user-batch";r=1' in first.headers["RateLimit"]
    assert second.status == 429
    assert limited.post(path, SERVICE, {"userIds": users[:4]}).status == 200, "the refused batch was counted"


def test_a_replay_counts_as_any_request(limited: Api) -> None:
    limited.add_devices(1)
    answers = [limited.allocate(USER, key="once") for _ in range(4)]

    assert [answer.status for answer in answers] == [201, 201, 201, 429]


def test_who_asks_nonsense_is_limited_too(limited: Api) -> None:
    answers = [limited.allocate(USER, durationMinutes="long") for _ in range(4)]
    assert [answer.status for answer in answers] == [422, 422, 422, 429]
    assert '"user-write";r=2' in answers[0].headers["RateLimit"]

    broken = [limited.post("/scheduler/queue", OTHER_USER, "{") for _ in range(4)]
    assert [answer.status for answer in broken] == [400, 400, 400, 429]


def test_what_is_found_missing_before_the_line_counts_once(limited: Api) -> None:
    answers = [limited.renew("1b1a9c1e-6c0f-4f0e-9d53-0d5c1f0f7c11", 10) for _ in range(4)]

    assert [answer.status for answer in answers] == [404, 404, 404, 429]


def test_health_is_free(limited: Api) -> None:
    answers = [limited.get("/scheduler/health", None) for _ in range(8)]

    assert {answer.status for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_zero_is_no_limit(environment: pytest.MonkeyPatch, limited: Api) -> None:
    for name in ("RATE_WRITE_PER_MINUTE", "RATE_SERVICE_PER_MINUTE"):
        environment.setenv(name, "0")
    limited.add_devices(5)

    answers = [limited.allocate() for _ in range(5)]

    assert {answer.status for answer in answers} == {201}
    assert "RateLimit" not in answers[0].headers


@pytest.mark.parametrize("caller", [USER, SERVICE], ids=["a user", "a service"])
def test_a_warm_request_asks_redis_twice_and_postgres_once(
    environment: pytest.MonkeyPatch, limited: Api, commands: redis.Redis, caller: Claims
) -> None:
    """Redis counts and admits, then lets go, with the eviction in the same message."""
    environment.setenv("RATE_WRITE_PER_MINUTE", "10")
    limited.add_devices(2)
    limited.release(limited.allocate(caller).data["deviceId"], caller, userId="alice")
    link = runtime.database()

    before, asked = messages(commands), link.round_trips
    granted = limited.allocate(caller)
    between, asked_between = messages(commands), link.round_trips
    released = limited.release(granted.data["deviceId"], caller, userId="alice")
    after, asked_after = messages(commands), link.round_trips

    assert (granted.status, released.status) == (201, 200)
    assert '"user-write";r=6' in released.headers["RateLimit"], "one was not counted"
    assert (between - before - 1, asked_between - asked) == (2, 1)
    assert (after - between - 1, asked_after - asked_between) == (2, 1)


def test_a_release_too_many_changes_nothing_and_keeps_no_lock(limited: Api, commands: redis.Redis) -> None:
    limited.add_devices(3)
    lent = [limited.allocate(USER).data["deviceId"] for _ in range(3)]

    answer = limited.release(lent[0], USER)

    assert (answer.status, answer.code) == (429, "rate_limited")
    assert commands.keys("allocation:*") == []
    assert limited.release(lent[0], SERVICE).status == 200, "the phone is lent no more"


def test_with_redis_gone_everybody_is_served_and_a_metric_says_so(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with valkey() as own:
        environment.setenv("REDIS_HOST", "127.0.0.1")
        environment.setenv("REDIS_PORT", str(own.port))
        set_limits(environment)
        api = Api()
        api.add_devices(6)
        api.allocate(USER)
        own.kill()
        capsys.readouterr()

        allocated = [api.allocate(USER) for _ in range(4)]
        listed = api.get("/scheduler/allocations", USER)

    assert {answer.status for answer in allocated} == {201}
    assert listed.status == 200
    assert "RateLimit" not in listed.headers
    assert skipped(capsys.readouterr().out) == 5


def skipped(printed: str) -> int:
    metrics = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return sum(int(sum(metric.get("RateLimitSkipped", [0]))) for metric in metrics)


def test_on_a_cluster_it_counts_the_same(environment: pytest.MonkeyPatch, valkey_server: ValkeyServer) -> None:
    with valkey_cluster() as node:
        environment.setenv("REDIS_HOST", "127.0.0.1")
        environment.setenv("REDIS_PORT", str(node.port))
        environment.setenv("REDIS_CLUSTER", "true")
        set_limits(environment)
        api = Api()
        api.add_devices(5)

        answers = [api.allocate(SERVICE) for _ in range(4)]

        assert [answer.status for answer in answers] == [201, 201, 201, 429]
        assert '"service";r=7' in answers[2].headers["RateLimit"]
        assert [api.get("/scheduler/allocations", SERVICE).status for _ in range(5)] == [200] * 4 + [429]


def test_an_operator_who_names_a_user_is_counted_for_her(limited: Api) -> None:
    for _ in range(4):
        limited.get("/scheduler/allocations", OPERATOR, tenantId="acme", userId="alice")

    assert limited.get("/scheduler/allocations", USER).status == 429
    assert limited.get("/scheduler/allocations", OPERATOR).status == 200
