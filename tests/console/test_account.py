"""Signing in with an account: the console against a provider that checks all there is, and what goes wrong is told."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.conftest import Opened
from tests.support.oidc_provider import CLIENT, SUBJECT, Provider, challenge_of
from tools.region.issuer import Issuer
from tools.region.layout import Layout

ACCOUNT = "Sign in with your account"
UNDER_WAY = "console.login"

Begun = Callable[..., Any]


@pytest.fixture
def begun(open_at: Opened, provider: Provider) -> Begun:
    """Open the console at a place and go from it to the provider, which asks; it is well again."""
    provider.be_well()

    def begin(place: str = "fleet", *, quiet: bool = True, **wishes: Any) -> Any:
        page = open_at(place, quiet=quiet, signed_in=False, **wishes)
        page.locator(".signin button.primary").click()
        page.get_by_role("link", name="Allow").wait_for()
        return page

    return begin


def answered(page: Any, word: str = "Allow") -> Any:
    page.get_by_role("link", name=word).click()
    return page


def without_provider(route: Any) -> None:
    reply = route.fetch()
    body = re.sub('<meta name="oidc"[^>]*>', "", reply.text())
    assert body != reply.text()
    route.fulfill(body=body, headers={**reply.headers, "content-type": "text/html"})


def kept(page: Any) -> Any:
    return json.loads(page.evaluate("JSON.stringify({...sessionStorage})"))


def test_an_operator_signs_in_with_an_account_comes_back_to_the_place_and_out_again(
    begun: Begun, provider: Provider
) -> None:
    page = begun("queue", quiet=False)
    asked = {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}
    answered(page).get_by_role("heading", name="Queue", level=1).wait_for()

    assert re.search(r"/scheduler/console#queue$", page.url)
    assert page.get_by_text(SUBJECT, exact=True).is_visible()
    assert (asked["code_challenge_method"], asked["client_id"]) == ("S256", CLIENT)
    assert challenge_of(provider.forms[0]["code_verifier"]) == asked["code_challenge"]
    assert len({asked["state"], asked["nonce"], provider.forms[0]["code_verifier"]}) == 3
    assert kept(page).keys() == {"console.token"}
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)").count("eyJ") == 0

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name=ACCOUNT).wait_for()
    assert kept(page) == {}
    assert len(provider.forms) == 1


def test_each_sign_in_is_begun_with_secrets_of_its_own(begun: Begun) -> None:
    first, second = (parse_qs(urlsplit(begun().url).query) for _ in range(2))

    assert [name for name in ("state", "nonce", "code_challenge") if first[name] == second[name]] == []


@pytest.mark.parametrize(
    ("language", "told"), [("en", "The sign-in service denied access"), ("zh", "登录服务拒绝了访问")]
)
def test_who_is_denied_is_told_so(begun: Begun, provider: Provider, language: str, told: str) -> None:
    page = answered(begun(language=language), "Deny")

    page.get_by_text(told).wait_for()
    assert urlsplit(page.url).query == ""
    assert provider.forms == []


@pytest.mark.parametrize("state", ["forged", "", None])
def test_an_answer_with_another_state_is_not_used(begun: Begun, provider: Provider, state: str | None) -> None:
    page = begun()
    allowed = page.get_by_role("link", name="Allow").get_attribute("href")
    forged = "" if state is None else f"&state={state}"
    page.goto(re.sub(r"&state=[^&]*", forged, allowed))

    page.get_by_text("for no sign-in of this tab").wait_for()
    assert provider.forms == []
    assert kept(page) == {}
    assert urlsplit(page.url).query == ""


def test_an_answer_that_nobody_asked_for_is_not_used(open_at: Opened, provider: Provider) -> None:
    provider.be_well()
    page = open_at("fleet", quiet=True, signed_in=False)
    page.goto(f"{provider.callback}?code=theirs&state=theirs")

    page.get_by_text("for no sign-in of this tab").wait_for()
    assert provider.forms == []


def test_a_token_for_another_sign_in_is_not_used(begun: Begun, provider: Provider) -> None:
    page = begun()
    provider.nonce = "of another"

    answered(page).get_by_text("for no sign-in of this tab").wait_for()
    assert kept(page) == {}


def test_a_provider_that_gives_no_answer_is_told(begun: Begun, provider: Provider) -> None:
    page = begun()
    provider.is_dead = True

    answered(page).get_by_text("The sign-in service cannot be reached").wait_for()
    provider.is_dead = False
    page.get_by_role("button", name=ACCOUNT).click()
    answered(page).get_by_role("heading", name="Fleet", level=1).wait_for()


def test_a_code_that_was_used_gives_no_second_token(begun: Begun, provider: Provider) -> None:
    page = begun()
    asked = {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}
    allowed = page.get_by_role("link", name="Allow").get_attribute("href")
    answered(page).get_by_role("heading", name="Fleet", level=1).wait_for()
    again = {name: asked[name] for name in ("state", "nonce")} | {"verifier": provider.forms[0]["code_verifier"]}
    page.get_by_role("button", name="Sign out").click()
    page.evaluate(f"it => sessionStorage.setItem('{UNDER_WAY}', it)", json.dumps(again))
    page.goto(allowed)

    page.get_by_text("The sign-in service gave no token").wait_for()
    assert [form["code"] for form in provider.forms] == 2 * [provider.forms[0]["code"]]
    assert kept(page) == {}


@pytest.mark.parametrize("scope", ["", "scheduler.service"])
def test_an_account_that_is_no_operators_is_told_so(begun: Begun, provider: Provider, scope: str) -> None:
    page = begun()
    provider.scope = scope

    answered(page).get_by_text("not an operator's").wait_for()
    assert kept(page) == {}


def test_after_a_token_has_expired_one_comes_back_to_the_same_place(
    begun: Begun, region: dict[str, str], provider: Provider
) -> None:
    page = answered(begun("queue"))
    page.get_by_role("heading", name="Queue", level=1).wait_for()
    issuer = Issuer.with_key(region["ISSUER_URL"], Layout(Path(region["REGION_HOME"])).signing_key)
    expired = issuer.token(SUBJECT, None, "scheduler.operator", seconds=-60)
    page.evaluate("token => sessionStorage.setItem('console.token', token)", expired)
    page.get_by_text("Your token has expired").wait_for()
    page.get_by_role("button", name=ACCOUNT).click()

    answered(page).get_by_role("heading", name="Queue", level=1).wait_for()


def test_the_page_sends_nothing_to_anybody_else(open_at: Opened) -> None:
    page = open_at("fleet", quiet=True, signed_in=False)
    blocked = page.evaluate(
        """() => new Promise((done) => {
            addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
            fetch('http://127.0.0.1:9/').catch(() => {});
        })"""
    )

    assert blocked == "connect-src"


def test_without_a_provider_there_is_the_token_alone(open_at: Opened) -> None:
    page = open_at("fleet", quiet=True, signed_in=False)
    page.get_by_role("button", name=ACCOUNT).wait_for()
    page.route("**/scheduler/console", without_provider)
    page.reload()

    page.get_by_label("Access token").wait_for()
    assert page.get_by_role("button", name=re.compile("^Sign in")).all_inner_texts() == ["Sign in"]
