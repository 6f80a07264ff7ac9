"""Secrets are read late, kept for a while, and never told."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scheduler.adapters.aws import secrets
from scheduler.domain.errors import Unavailable

HIDDEN = "correct horse battery staple"


@pytest.fixture
def manager(monkeypatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    _forget()
    with mock_aws():
        yield boto3.client("secretsmanager")
    _forget()


def _forget() -> None:
    secrets._kept.clear()
    secrets._client.cache_clear()


def test_a_secret_is_read_once_and_kept(manager):
    manager.create_secret(Name="key", SecretString=HIDDEN)
    assert secrets.secret_value("key") == HIDDEN
    manager.update_secret(SecretId="key", SecretString="changed")

    assert secrets.secret_value("key") == HIDDEN


def test_a_changed_secret_is_seen_after_five_minutes(manager, monkeypatch):
    manager.create_secret(Name="key", SecretString=HIDDEN)
    secrets.secret_value("key")
    manager.update_secret(SecretId="key", SecretString="changed")

    _pass_time(monkeypatch)

    assert secrets.secret_value("key") == "changed"


def test_a_known_secret_outlives_an_outage(manager, monkeypatch):
    manager.create_secret(Name="key", SecretString=HIDDEN)
    secrets.secret_value("key")
    manager.delete_secret(SecretId="key", ForceDeleteWithoutRecovery=True)

    _pass_time(monkeypatch)

    assert secrets.secret_value("key") == HIDDEN


def test_a_refused_secret_is_read_anew_at_once(manager):
    manager.create_secret(Name="key", SecretString=HIDDEN)
    secrets.secret_value("key")
    manager.update_secret(SecretId="key", SecretString="changed")

    secrets.forget("key")

    assert secrets.secret_value("key") == "changed"


def test_a_secret_that_is_refused_again_and_again_is_not_read_each_time(manager, monkeypatch):
    manager.create_secret(Name="key", SecretString=HIDDEN)
    secrets.secret_value("key")
    secrets.forget("key")
    secrets.secret_value("key")
    manager.update_secret(SecretId="key", SecretString="changed")

    secrets.forget("key")
    assert secrets.secret_value("key") == HIDDEN

    late = secrets.time.monotonic() + secrets.REREAD_SECONDS
    monkeypatch.setattr(secrets.time, "monotonic", lambda: late)
    secrets.forget("key")
    assert secrets.secret_value("key") == "changed"


def _pass_time(monkeypatch: pytest.MonkeyPatch) -> None:
    late = secrets.time.monotonic() + secrets.KEPT_SECONDS
    monkeypatch.setattr(secrets.time, "monotonic", lambda: late)


def test_a_secret_that_cannot_be_read_makes_the_answer_unavailable(manager):
    with pytest.raises(Unavailable, match="could not be read"):
        secrets.secret_value("absent")


def test_the_fields_of_a_secret_are_read(manager):
    manager.create_secret(Name="database", SecretString='{"username": "scheduler", "password": "p", "port": 5432}')

    assert secrets.secret_fields("database") == {"username": "scheduler", "password": "p", "port": "5432"}


@pytest.mark.parametrize("text", [HIDDEN, f'["{HIDDEN}"]', f'"{HIDDEN}"'])
def test_a_secret_of_another_form_is_not_told_by_the_error(manager, text):
    manager.create_secret(Name="database", SecretString=text)

    with pytest.raises(Unavailable) as refusal:
        secrets.secret_fields("database")

    assert HIDDEN not in str(refusal.getrepr(style="long", showlocals=False))
    assert refusal.value.__suppress_context__
