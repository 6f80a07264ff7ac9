"""A secret that was rotated costs one refused attempt, which the caller does not notice."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
from moto import mock_aws
from psycopg2 import sql

from scheduler import runtime
from scheduler.adapters.aws import secrets
from scheduler.adapters.postgres.migrate import migrate
from tests.support.api import Api
from tests.support.cluster import valkey_cluster
from tests.support.sessions import administrator
from tools.embedded import PostgresServer, ValkeyServer, postgres, valkey
from tools.neighbours.user_service import user_service

ROLE = "lender"
OLD, NEW = "old-password", "new-password"
DATABASE, REDIS, TOKEN = "database", "redis", "token"


@pytest.fixture(autouse=True)
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager with the old secrets; boto3's client belongs to this test only."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    _forget()
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=DATABASE, SecretString=login(OLD))
        client.create_secret(Name=REDIS, SecretString=OLD)
        client.create_secret(Name=TOKEN, SecretString=OLD * 4)
        yield client
    _forget()


def _forget() -> None:
    secrets._kept.clear()
    secrets._client.cache_clear()


def login(password: str) -> str:
    return json.dumps({"username": ROLE, "password": password})


# --- Postgres


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A Postgres whose log only these tests fill."""
    with postgres() as server:
        yield server


@pytest.fixture
def url(own_postgres: PostgresServer) -> str:
    """A database in which the role logs in with the old password."""
    url = own_postgres.create_database(f"rotated_{uuid.uuid4().hex}")
    migrate(url)
    with administrator(url) as session, session.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {ROLE}")
        cursor.execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD %s", (OLD,))
    return url


@pytest.fixture
def api(environment: pytest.MonkeyPatch, own_postgres: PostgresServer, url: str) -> Api:
    """The functions with a login from the secret."""
    environment.delenv("DATABASE_URL")
    environment.setenv("DB_HOST", "127.0.0.1")
    environment.setenv("DB_PORT", str(own_postgres.port))
    environment.setenv("DB_DATABASE", url.rpartition("/")[2])
    environment.setenv("DB_SECRET_ID", DATABASE)
    api = Api()
    api.add_devices(3)
    return api


def change_password(url: str, password: str) -> None:
    with administrator(url) as session, session.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(password)))


def refused_logins(log: Path) -> int:
    return log.read_text().count("password authentication failed")


def test_a_rotated_database_password_costs_one_attempt_and_no_request(
    own_postgres: PostgresServer, url: str, api: Api, manager: Any
) -> None:
    before = refused_logins(own_postgres.log)
    change_password(url, NEW)
    manager.update_secret(SecretId=DATABASE, SecretString=login(NEW))

    assert api.allocate().status == 201  # over the open connection
    runtime.database().close()
    assert api.allocate().status == 201

    assert refused_logins(own_postgres.log) - before == 1


def test_a_password_that_is_refused_and_did_not_change_is_shown_once(
    own_postgres: PostgresServer, url: str, api: Api
) -> None:
    before = refused_logins(own_postgres.log)
    change_password(url, NEW)
    runtime.database().close()

    answer = api.allocate()

    assert (answer.status, answer.code) == (503, "unavailable")
    assert refused_logins(own_postgres.log) - before == 1


# --- Redis


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    with valkey(password=OLD) as server:
        yield server


def rotate_redis(server: ValkeyServer, manager: Any) -> redis.Redis:
    """Change the password and end all sessions; give an administrator's client."""
    with redis.from_url(server.url) as before:
        before.config_set("requirepass", NEW)
        before.client_kill_filter(_type="normal", skipme=False)
    manager.update_secret(SecretId=REDIS, SecretString=NEW)
    return redis.Redis(port=server.port, password=NEW)


def test_a_rotated_redis_password_is_read_anew(
    environment: pytest.MonkeyPatch, own_valkey: ValkeyServer, manager: Any
) -> None:
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(own_valkey.port))
    environment.setenv("REDIS_SECRET_ID", REDIS)
    api = Api()
    api.add_devices(2)
    assert api.allocate().status == 201
    with rotate_redis(own_valkey, manager) as client:
        client.flushall()

        assert api.allocate().status == 201

        assert client.exists("scheduler:quota:{acme|alice}"), "it went on without Redis"
        assert sum(entry["count"] for entry in client.acl_log()) == 1
        client.acl_log_reset()


@pytest.mark.parametrize("warm", [True, False])
def test_a_rotated_password_of_a_cluster_is_read_anew(
    manager: Any, environment: pytest.MonkeyPatch, warm: bool
) -> None:
    with valkey_cluster(password=OLD) as node:
        environment.setenv("REDIS_HOST", "127.0.0.1")
        environment.setenv("REDIS_PORT", str(node.port))
        environment.setenv("REDIS_CLUSTER", "true")
        environment.setenv("REDIS_SECRET_ID", REDIS)
        api = Api()
        api.add_devices(2)
        assert api.allocate().status == 201
        if not warm:
            runtime._redis_link()._client = None
        with rotate_redis(node, manager) as client:
            client.flushall()

            assert api.allocate().status == 201

            assert client.exists("scheduler:quota:{acme|alice}"), "it went on without Redis"


# --- the user service


def test_a_rotated_key_of_service_tokens_is_read_anew(environment: pytest.MonkeyPatch, manager: Any) -> None:
    with user_service(secret=OLD * 4) as neighbour:
        environment.setenv("USER_SERVICE_URL", neighbour.url)
        environment.setenv("SERVICE_TOKEN_SECRET_ID", TOKEN)
        api = Api()
        api.add_devices(2)
        assert api.allocate().status == 201
        neighbour.secret = NEW * 4
        manager.update_secret(SecretId=TOKEN, SecretString=NEW * 4)

        assert api.allocate(userId="bob").status == 201

        assert len(neighbour.seen) == 3  # alice's; bob's refused and repeated
