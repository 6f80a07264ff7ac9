"""The provider that the console is tested with gives nothing to whoever gets a single thing wrong."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tests.support.oidc_provider import CLIENT, Provider, Refused, challenge_of, provider_up
from tools.region.issuer import AUDIENCE, Issuer

VERIFIER = "v" * 72
CALLBACK = "http://127.0.0.1:1/scheduler/console"
ASKED = {
    "response_type": "code",
    "client_id": CLIENT,
    "redirect_uri": CALLBACK,
    "scope": "openid scheduler.operator",
    "state": "s",
    "nonce": "n",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
FORM = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer.with_key("http://127.0.0.1:2", tmp_path_factory.mktemp("issuer") / "key.pem")


@pytest.fixture
def provider(issuer: Issuer) -> Iterator[Provider]:
    with provider_up() as server:
        server.issuer, server.callback = issuer, CALLBACK
        yield server


def code_of(provider: Provider) -> str:
    (code,) = parse_qs(urlsplit(provider.answers(ASKED)["Allow"]).query)["code"]
    return code


def post(url: str, form: dict[str, str]) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, urlencode(form).encode(), timeout=10) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_gives_a_token_of_the_issuer_once(provider: Provider, issuer: Issuer) -> None:
    form = FORM | {"code": code_of(provider)}
    status, given = post(provider.token_url, form)

    claims = jwt.decode(given["access_token"], issuer.key.public_key(), algorithms=["RS256"], audience=AUDIENCE)
    assert (status, claims["scope"], claims["iss"]) == (200, "scheduler.operator", issuer.url)
    assert post(provider.token_url, form) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"response_type": "token"}, id="the implicit grant"),
        pytest.param({"client_id": "another"}, id="another client"),
        pytest.param({"redirect_uri": CALLBACK + "/"}, id="another callback"),
        pytest.param({"code_challenge_method": "plain", "code_challenge": VERIFIER}, id="a plain challenge"),
        pytest.param({"code_challenge": ""}, id="no challenge"),
        pytest.param({"state": ""}, id="no state"),
    ],
)
def test_nobody_is_asked_about_a_request_that_is_wrong(provider: Provider, wrong: dict[str, str]) -> None:
    with pytest.raises(Refused):
        provider.answers(ASKED | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"code": "guessed"}, id="a code that was not given"),
        pytest.param({"client_id": "another"}, id="another client"),
        pytest.param({"redirect_uri": CALLBACK + "?"}, id="another callback"),
        pytest.param({"code_verifier": challenge_of(VERIFIER)}, id="the challenge as verifier"),
        pytest.param({"code_verifier": ""}, id="no verifier"),
        pytest.param({"grant_type": "password"}, id="another grant"),
    ],
)
def test_a_code_with_anything_wrong_gives_nothing_and_is_used_up(provider: Provider, wrong: dict[str, str]) -> None:
    code = code_of(provider)
    with pytest.raises(Refused):
        provider.tokens(FORM | {"code": code} | wrong)
    if "code" not in wrong:
        with pytest.raises(Refused):
            provider.tokens(FORM | {"code": code})
