"""Tokens and the `env` file of the local region."""

import stat
from pathlib import Path

import jwt
import pytest

from tools.region.identities import read_environment, tokens_and_ids, write_environment
from tools.region.issuer import AUDIENCE, Issuer

DAY = 24 * 3600


def claims_of(issuer: Issuer, token: str) -> dict[str, object]:
    document = issuer.document("/.well-known/jwks.json")
    assert document is not None
    key = jwt.PyJWK(document["keys"][0])
    claims: dict[str, object] = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer.url)
    return claims


@pytest.mark.parametrize(
    ("name", "tenant", "scope"),
    [
        ("USER_TOKEN", "TENANT_ID", None),
        ("OTHER_USER_TOKEN", "TENANT_ID", None),
        ("SERVICE_TOKEN", "TENANT_ID", "scheduler.service"),
        ("OTHER_TENANT_TOKEN", "OTHER_TENANT_ID", "scheduler.service"),
        ("OPERATOR_TOKEN", None, "scheduler.operator"),
    ],
)
def test_each_token_says_what_its_name_promises(
    issuer: Issuer, name: str, tenant: str | None, scope: str | None
) -> None:
    values = tokens_and_ids(issuer)
    claims = claims_of(issuer, values[name])

    assert claims.get("tenant_id") == (values[tenant] if tenant else None)
    assert claims.get("scope") == scope


def test_the_tokens_of_the_users_are_theirs(issuer: Issuer) -> None:
    values = tokens_and_ids(issuer)

    assert claims_of(issuer, values["USER_TOKEN"])["sub"] == values["USER_ID"]
    assert claims_of(issuer, values["OTHER_USER_TOKEN"])["sub"] == values["OTHER_USER_ID"] != values["USER_ID"]


def test_a_token_lives_at_least_a_day(issuer: Issuer) -> None:
    claims = claims_of(issuer, issuer.token("alice", "acme"))

    assert int(str(claims["exp"])) - int(str(claims["iat"])) >= DAY


def test_a_key_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = Issuer.with_key("http://127.0.0.1:1", tmp_path / "key.pem")
    second = Issuer.with_key("http://127.0.0.1:1", tmp_path / "key.pem")

    assert first.document("/.well-known/jwks.json") == second.document("/.well-known/jwks.json")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_the_env_file_is_private_and_reads_back(tmp_path: Path) -> None:
    values = {"A": "plain", "B": "with 'quotes' and $signs=", "C": ""}
    write_environment(tmp_path / "env", values)

    assert read_environment(tmp_path / "env") == values
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
