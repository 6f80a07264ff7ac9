"""Signing in, moving about, and what is shown when the API refuses or is gone."""

import re
from pathlib import Path
from typing import Any

from tests.console.conftest import Opened
from tools.region.issuer import Issuer
from tools.region.layout import Layout


def signed_out(open_at: Opened, place: str = "fleet") -> Any:
    page = open_at(place, quiet=True)
    page.get_by_role("button", name="Sign out").click()
    return page


def test_an_operator_signs_in_with_a_token_and_out_again(open_at: Opened, region: dict[str, str]) -> None:
    page = signed_out(open_at)
    page.get_by_label("Access token").fill(f"OPERATOR_TOKEN={region['OPERATOR_TOKEN']}\n")  # as it stands in .local/env
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.get_by_role("heading", name="Fleet").wait_for()
    assert region["OPERATOR_TOKEN"] not in page.url
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)").count("eyJ") == 0

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Access token").wait_for()
    assert page.evaluate("sessionStorage.getItem('console.token')") is None


def test_what_is_no_token_of_an_operator_is_told_so(open_at: Opened, region: dict[str, str]) -> None:
    page = signed_out(open_at)
    for text, told in (("nonsense", "no token"), (region["SERVICE_TOKEN"], "not an operator's")):
        page.get_by_label("Access token").fill(text)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_text(told).wait_for()


def test_a_forged_token_is_refused_by_the_api(open_at: Opened, region: dict[str, str]) -> None:
    page = signed_out(open_at)
    head, claims, _ = region["OPERATOR_TOKEN"].split(".")
    page.get_by_label("Access token").fill(f"{head}.{claims}.AAAA")
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.get_by_text("The API refused this token").wait_for()


def test_a_token_that_expires_meanwhile_ends_the_session(open_at: Opened, region: dict[str, str]) -> None:
    layout = Layout(Path(region["REGION_HOME"]))
    expired = Issuer.with_key(region["ISSUER_URL"], layout.signing_key).token(
        "operator", None, "scheduler.operator", seconds=-60
    )
    page = open_at("fleet", quiet=True)
    page.get_by_role("list", name="Fleet").wait_for()
    page.evaluate("token => sessionStorage.setItem('console.token', token)", expired)

    page.get_by_text("Your token has expired").wait_for()


def test_a_dead_api_is_told_and_what_was_seen_stays(open_at: Opened) -> None:
    page = open_at("fleet", quiet=True)
    page.get_by_role("list", name="Fleet").wait_for()
    page.context.set_offline(True)
    try:
        page.get_by_text("The API does not answer").wait_for(timeout=30_000)
        assert page.locator(".tile").count() > 10
    finally:
        page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("The API does not answer").wait_for(state="detached")


def test_a_dead_api_from_the_start_is_told_with_a_way_to_try_again(open_at: Opened) -> None:
    page = open_at("fleet", quiet=True)
    page.route("**/scheduler/fleet*", lambda route: route.abort())
    page.reload()

    page.get_by_text("The API cannot be reached").wait_for()
    page.unroute("**/scheduler/fleet*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("list", name="Fleet").wait_for()


def test_polling_sends_tags_and_nothing_comes_back_when_nothing_changed(open_at: Opened) -> None:
    page = open_at("fleet")
    page.get_by_role("list", name="Fleet").wait_for()
    with page.expect_response(re.compile("/scheduler/fleet")) as again:
        pass

    assert again.value.request.headers["if-none-match"]
    assert again.value.status in {200, 304}
    with page.expect_response(lambda reply: "/scheduler/fleet" in reply.url and reply.status == 304):
        pass


def test_language_and_colours_are_remembered(open_at: Opened) -> None:
    page = open_at("fleet")
    page.get_by_role("button", name="中文").click()

    page.get_by_role("heading", name="设备").wait_for()
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.get_by_role("button", name="深色或浅色").click()
    assert page.evaluate("localStorage.getItem('console.theme')") == "dark"
