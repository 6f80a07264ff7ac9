"""The IAM password is botocore's, byte by byte."""

import datetime as clock
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.auth
import botocore.crt.auth
import pytest

from scheduler.adapters.aws import database_token as ours
from scheduler.adapters.aws.database_token import NoAwsCredentials, database_token

NOON = clock.datetime(2026, 3, 2, 12, 0, 0, tzinfo=clock.UTC)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an/example+key", "AWS_REGION": "eu-central-1"}
HOST = "phones.cluster-abc.eu-central-1.rds.amazonaws.com"


class Noon(clock.datetime):
    """A clock that stands at noon."""

    @classmethod
    def now(cls, tz: clock.tzinfo | None = None) -> clock.datetime:
        """Give noon."""
        return NOON if tz else NOON.replace(tzinfo=None)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both sign at the same instant."""
    monkeypatch.setattr(ours, "datetime", Noon)
    for signer in (botocore.auth, botocore.crt.auth):  # it signs by either
        monkeypatch.setattr(signer, "get_current_datetime", lambda **_: NOON)


def of_botocore(host: str, port: int, user: str, environment: Mapping[str, str]) -> str:
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        region_name=environment["AWS_REGION"],
    )
    return str(session.client("rds").generate_db_auth_token(host, port, user))


def parts(token: str) -> tuple[str, Mapping[str, list[str]]]:
    url = urlsplit(f"https://{token}")
    return f"{url.netloc}{url.path}", parse_qs(url.query, strict_parsing=True)


@pytest.mark.parametrize("user", ["scheduler_app", "o'brien & co/ü"])
@pytest.mark.parametrize("port", [5432, 6432])
@pytest.mark.parametrize("more", [{}, {"AWS_SESSION_TOKEN": "a/session+token=="}], ids=["keys", "session"])
def test_a_token_is_what_botocore_signs(user: str, port: int, more: Mapping[str, str]) -> None:
    environment = KEYS | more

    assert parts(database_token(HOST, port, user, environment)) == parts(of_botocore(HOST, port, user, environment))


@pytest.mark.parametrize("missing", KEYS)
def test_without_credentials_it_says_what_is_missing(missing: str) -> None:
    with pytest.raises(NoAwsCredentials, match="is not set") as told:
        database_token(HOST, 5432, "scheduler_app", {name: text for name, text in KEYS.items() if name != missing})

    assert not any(text in str(told.value) for text in KEYS.values())
