"""axe-core finds nothing in any view, in either scheme and language, wide and narrow."""

import json
import re
from typing import Any

import pytest

from tests.console.conftest import Opened
from tools.browser.scene import Scene
from tools.console_build import WORK

AXE = WORK / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("fleet", "timeline", "queue", "allocations", "users", "users/alice?tenant=acme", "health", "audit")
LOOKS: dict[str, dict[str, Any]] = {
    "light, en, wide": {},
    "dark, zh, narrow": {"theme": "dark", "language": "zh", "window": (380, 760)},
}
WEIGHTS = {"minor": 1, "moderate": 3, "serious": 7, "critical": 10}
"""As much as each kind of fault weighs in a score like Lighthouse's."""
LEAST_SCORE = 95


def report(page: Any) -> Any:
    """Let axe look at the page by the rules of WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(AXE.read_text())  # through the debugger: the page's own policy lets in no foreign script
    return json.loads(
        page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(found => JSON.stringify({passes: found.passes, violations: found.violations}))"
        )
    )


def score(found: Any) -> float:
    """Give the share of rules that hold, 0 to 100, each by its weight."""
    held = sum(WEIGHTS[rule["impact"] or "serious"] for rule in found["passes"])
    broken = sum(WEIGHTS[rule["impact"] or "serious"] for rule in found["violations"])
    return 100 * held / (held + broken)


def told(found: Any) -> list[str]:
    """Name each fault with the first element that has it."""
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in found["violations"]]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible_and_as_wide_as_its_window(open_at: Opened, view: str, look: str) -> None:
    page = open_at(view, **LOOKS[look])
    page.locator("main h1").wait_for()
    page.locator(".loading").first.wait_for(state="detached", timeout=30_000)
    found = report(page)

    assert told(found) == []
    assert score(found) >= LEAST_SCORE
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", LOOKS)
def test_an_allocation_is_accessible(open_at: Opened, scene: Scene, look: str) -> None:
    (one, *_) = scene.call("GET", "/allocations?status=allocated&limit=1", who="OPERATOR")
    page = open_at(f"allocations/{one['allocationId']}", **LOOKS[look])
    page.locator("main h3").first.wait_for()

    assert told(report(page)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", LOOKS)
def test_dialogs_are_accessible(open_at: Opened, look: str) -> None:
    page = open_at("fleet?device=phone-small-22", **LOOKS[look])
    page.locator("dialog .acts button").first.click()
    page.locator("dialog .effects").wait_for()

    assert told(report(page)) == []


@pytest.mark.parametrize("look", LOOKS)
def test_lending_is_accessible(open_at: Opened, look: str) -> None:
    page = open_at("fleet", quiet=True, **LOOKS[look])
    page.locator(".view-head .primary").click()
    page.locator("dialog input").first.fill("nobody-gets-this")
    page.locator("dialog input[type=number]").nth(1).fill("12")
    page.locator("dialog .primary").click()
    page.locator(".offers").wait_for()

    assert told(report(page)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", LOOKS)
def test_signing_in_is_accessible(open_at: Opened, look: str) -> None:
    page = open_at("fleet", quiet=True, signed_in=False, **LOOKS[look])
    page.locator(".signin textarea").wait_for()
    page.goto(page.url.replace("#", "?error=login_required#"))
    page.locator(".told").filter(has_text=re.compile(".")).wait_for()

    assert told(report(page)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_check_sees_a_fault(open_at: Opened) -> None:
    page = open_at("fleet", quiet=True)
    page.get_by_role("list", name="Fleet").wait_for()
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=x>')")
    found = report(page)

    assert {rule["id"] for rule in found["violations"]} >= {"button-name", "image-alt"}
    assert score(found) < LEAST_SCORE


def test_each_view_is_reached_by_keys_alone(open_at: Opened) -> None:
    page = open_at("fleet")
    page.get_by_role("list", name="Fleet").wait_for()
    for key, heading in (("t", "Timeline"), ("q", "Queue"), ("a", "Allocations"), ("u", "Users"), ("h", "Health")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("heading", name=heading, level=1).wait_for()
