"""Redis stopped, frozen, flushed or lying costs speed and politeness, never a right answer."""

import time
from collections.abc import Iterator

import pytest
import redis

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import User
from tests.support.api import SERVICE, Api
from tests.support.contenders import redis_gate
from tests.support.ledger import assert_ledger_agrees
from tools.embedded import ValkeyServer, valkey

MOST_SECONDS_MORE = 1.0


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    """A Valkey that the test may break."""
    with valkey() as server:
        yield server


@pytest.fixture
def fragile_api(environment: pytest.MonkeyPatch, own_valkey: ValkeyServer) -> Api:
    """The functions over the Valkey that will break."""
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(own_valkey.port))
    return Api()


def full_cycle(api: Api) -> None:
    """Allocate, look, release."""
    grant = api.allocate()
    assert grant.status == 201
    assert api.get("/scheduler/devices/available", SERVICE).status == 200
    assert api.release(grant.data["deviceId"]).status == 200


@pytest.mark.parametrize("fault", ["stop", "kill", "pause"])
def test_with_redis_gone_everything_goes_on(
    fragile_api: Api, own_valkey: ValkeyServer, database: Database, fault: str
) -> None:
    fragile_api.add_devices(2)
    full_cycle(fragile_api)
    getattr(own_valkey, fault)()

    started = time.monotonic()
    full_cycle(fragile_api)

    # Three requests met the fault; the first pays for noticing it, the others skip Redis.
    assert time.monotonic() - started < MOST_SECONDS_MORE + 1
    assert_ledger_agrees(database)


def test_when_redis_is_back_it_is_used_again(fragile_api: Api, own_valkey: ValkeyServer) -> None:
    fragile_api.add_devices(1)
    own_valkey.stop()
    fragile_api.get("/scheduler/devices/available", SERVICE)
    own_valkey.start()

    assert fragile_api.get("/scheduler/health", None).data["parts"]["redis"] == "up"
    fragile_api.get("/scheduler/devices/available", SERVICE)
    with redis.from_url(own_valkey.url) as client:
        assert client.exists("scheduler:available-devices")


def test_a_flush_between_lock_and_unlock_harms_nobody(api: Api, redis_url: str, database: Database) -> None:
    api.add_devices(2)
    with redis.from_url(redis_url) as client:
        for _ in range(2):
            assert api.allocate().status == 201
            client.flushall()

    assert_ledger_agrees(database)


@pytest.mark.parametrize("devices", ['"many"', "-5", "1.5", "true", "[]", "99999999999"])
def test_a_cached_quota_that_is_none_is_read_anew(api: Api, redis_url: str, devices: str) -> None:
    api.add_devices(1)
    kept = (
        '{"user": ["acme", "alice"], "status": "active", "valid_until": null, "plan_name": "", "limits": {"devices": '
        + devices
        + "}}"
    )
    with redis.from_url(redis_url) as client:
        client.set("scheduler:quota:{acme|alice}", kept)

    assert api.allocate().status == 201


def test_a_cached_quota_is_its_owners_only(api: Api, database: Database, redis_url: str) -> None:
    """A bar in a tenant's name makes two users share a key."""
    database.call("INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES ('acme', 'b|c', 'free')", {})
    api.add_devices(3)
    api.allocate({**SERVICE, "tenant_id": "acme|b"}, userId="c")

    answers = [api.allocate(userId="b|c").status for _ in range(2)]

    assert answers == [201, 403]


def test_who_holds_the_users_lock_too_long_makes_others_busy(
    environment: pytest.MonkeyPatch, api: Api, redis_url: str
) -> None:
    environment.setenv("LOCK_WAIT_SECONDS", "0")
    api.add_devices(1)
    with redis.from_url(redis_url) as client:
        client.set("allocation:user:{acme|alice}", "somebody", px=5000)

        answer = api.allocate()

        assert (answer.status, answer.code) == (409, "user_busy")
        assert answer.json["retryable"] is True
        assert client.get("allocation:user:{acme|alice}") == b"somebody", "another's lock was released"
        assert api.allocate(userId="bob").status == 201


def test_a_connection_that_was_cut_and_scripts_that_were_forgotten_cost_nothing(
    api: Api, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.add_devices(1)
    full_cycle(api)
    with redis.from_url(redis_url) as client:
        client.script_flush()
        client.client_kill_filter(_type="normal", skipme=True)
        client.config_resetstat()
        capsys.readouterr()

        full_cycle(api)

        assert client.info("commandstats")["cmdstat_eval"]["calls"] >= 5, "no script was sent in full"
        assert "RedisSkipped" not in capsys.readouterr().out


def test_a_lock_that_ran_out_and_is_anothers_now_is_left_alone(valkey_server: ValkeyServer, redis_url: str) -> None:
    gate = redis_gate(valkey_server.port)
    with redis.from_url(redis_url) as client:
        with gate.admit_user(User("acme", "alice")):
            client.set("allocation:user:{acme|alice}", "somebody", px=5000)

        assert client.get("allocation:user:{acme|alice}") == b"somebody"


def test_a_lock_is_given_back_at_the_end(api: Api, redis_url: str) -> None:
    (device_id,) = api.add_devices(1)
    api.allocate()
    api.release(device_id)

    with redis.from_url(redis_url) as client:
        assert client.keys("allocation:*") == []


def test_the_quota_is_read_once_a_minute(api: Api, redis_url: str) -> None:
    api.add_devices(2)
    api.allocate()

    with redis.from_url(redis_url) as client:
        assert 0 < int(client.ttl("scheduler:quota:{acme|alice}")) <= 60


def test_an_unreadable_redis_password_is_like_no_redis(
    environment: pytest.MonkeyPatch, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(secret_id: str) -> str:
        raise Unavailable

    monkeypatch.setattr("scheduler.adapters.aws.secrets.secret_value", unreadable)
    environment.setenv("REDIS_SECRET_ID", "redis")
    api.add_devices(1)

    assert api.allocate().status == 201
