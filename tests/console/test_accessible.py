"""axe-core finds nothing in any view, in either scheme and language, wide and narrow, and Lighthouse gives its score.

axe also holds what Lighthouse does not weigh: best practices, and rules of WCAG 2.2.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.console.conftest import Opened
from tools.browser.lighthouse.judge import Judge
from tools.browser.scene import Scene
from tools.console_build import WORK

AXE = WORK / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("fleet", "timeline", "queue", "allocations", "users", "users/alice?tenant=acme", "health", "audit")
LOOKS: dict[str, dict[str, Any]] = {
    "light, en, wide": {},
    "dark, en, wide": {"theme": "dark"},
    "dark, zh, narrow": {"theme": "dark", "language": "zh", "window": (380, 760)},
}
LEAST_SCORE = 95
LEAST_AUDITS = 10
"""Of those that apply to a page: fewer, and it was not looked at."""

Checked = Callable[[Any], None]


@pytest.fixture
def checked(lighthouse: Judge) -> Checked:
    """Hold a page to both, as it is shown; it may not be wider than its window either."""

    def check(page: Any) -> None:
        assert told(report(page)) == []
        judged = lighthouse.judge(page)
        sys.stdout.write(f"Lighthouse: {judged.score}, {len(judged.passed)} passed, {page.url}\n")
        assert judged.score >= LEAST_SCORE, judged.failed
        assert len(judged.passed) >= LEAST_AUDITS
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    return check


def report(page: Any) -> Any:
    """Let axe look at the page by the rules of WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(AXE.read_text())  # through the debugger: the page's own policy lets in no foreign script
    return json.loads(
        page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(found => JSON.stringify({passes: found.passes, violations: found.violations}))"
        )
    )


def told(found: Any) -> list[str]:
    """Name each fault with the first element that has it."""
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in found["violations"]]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible_and_as_wide_as_its_window(
    open_at: Opened, checked: Checked, view: str, look: str
) -> None:
    page = open_at(view, **LOOKS[look])
    page.locator("main h1").wait_for()
    page.locator(".loading").first.wait_for(state="detached", timeout=30_000)

    checked(page)


@pytest.mark.parametrize("look", LOOKS)
def test_an_allocation_is_accessible(open_at: Opened, checked: Checked, scene: Scene, look: str) -> None:
    (one, *_) = scene.call("GET", "/allocations?status=allocated&limit=1", who="OPERATOR")
    page = open_at(f"allocations/{one['allocationId']}", **LOOKS[look])
    page.locator("main h3").first.wait_for()

    checked(page)


@pytest.mark.parametrize("look", LOOKS)
def test_dialogs_are_accessible(open_at: Opened, checked: Checked, look: str) -> None:
    page = open_at("fleet?device=phone-small-22", **LOOKS[look])
    page.locator("dialog .acts button").first.click()
    page.locator("dialog .effects").wait_for()

    checked(page)


@pytest.mark.parametrize("look", LOOKS)
def test_lending_is_accessible(open_at: Opened, checked: Checked, look: str) -> None:
    page = open_at("fleet", quiet=True, **LOOKS[look])
    page.locator(".view-head .primary").click()
    page.locator("dialog input").first.fill("nobody-gets-this")
    page.locator("dialog input[type=number]").nth(1).fill("12")
    page.locator("dialog .primary").click()
    page.locator(".offers").wait_for()

    checked(page)


@pytest.mark.parametrize("look", LOOKS)
def test_signing_in_is_accessible(open_at: Opened, checked: Checked, look: str) -> None:
    page = open_at("fleet", quiet=True, signed_in=False, **LOOKS[look])
    page.locator(".signin textarea").wait_for()
    page.goto(page.url.replace("#", "?error=login_required#"))
    page.locator(".told").filter(has_text=re.compile(".")).wait_for()

    checked(page)


def test_both_see_planted_faults(open_at: Opened, lighthouse: Judge) -> None:
    page = open_at("fleet", quiet=True)
    page.get_by_role("list", name="Fleet").wait_for()
    assert lighthouse.judge(page).failed == ()
    page.evaluate(
        """() => {
            document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=x><p>pale</p>');
            document.querySelector('main > p:last-child').style.color = '#ddd';
        }"""
    )
    planted = {"button-name", "image-alt", "color-contrast"}
    judged = lighthouse.judge(page)

    assert {rule["id"] for rule in report(page)["violations"]} >= planted
    assert {fault.partition(":")[0] for fault in judged.failed} == planted
    assert judged.score < LEAST_SCORE


def test_each_view_is_reached_by_keys_alone(open_at: Opened) -> None:
    page = open_at("fleet")
    page.get_by_role("list", name="Fleet").wait_for()
    for key, heading in (("t", "Timeline"), ("q", "Queue"), ("a", "Allocations"), ("u", "Users"), ("h", "Health")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("heading", name=heading, level=1).wait_for()
