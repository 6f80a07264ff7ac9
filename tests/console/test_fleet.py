"""The fleet: tiles, filters, keys, and the acts on a device."""

from typing import Any

import psycopg2
import pytest

from tests.console.conftest import Opened
from tools.browser.scene import Scene


def press(page: Any, name: str) -> None:
    """Press a button of the dialog on top."""
    page.get_by_role("dialog").last.get_by_role("button", name=name, exact=True).first.click()


def fleet(open_at: Opened) -> Any:
    page = open_at("fleet")
    page.get_by_role("list", name="Fleet").wait_for()
    return page


def test_each_device_is_a_tile_that_says_who_has_it_and_until_when(open_at: Opened) -> None:
    page = fleet(open_at)

    assert page.get_by_text("60 devices").is_visible()
    tile = page.get_by_role("button", name="alice · acme").first
    assert "until" in tile.inner_text()
    assert "left" in tile.inner_text()


@pytest.mark.parametrize("view", ["fleet", "timeline", "users"])
def test_a_fleet_that_is_too_large_is_not_cut_in_silence(open_at: Opened, view: str) -> None:
    page = open_at("health")
    asked: list[str] = []

    def endless(route: Any) -> None:
        asked.append(route.request.url)
        one = {"deviceType": "a", "life": "in_service", "status": "running", "healthScore": 100, "cpuCores": 2}
        many = [{**one, "memoryMB": 4096, "id": f"{len(asked)}-{n}", "name": f"{len(asked)}-{n}"} for n in range(1000)]
        route.fulfill(json={"success": True, "data": many, "meta": {"limit": 1000, "nextCursor": "more"}})

    page.route("**/scheduler/fleet*", endless)
    page.evaluate(f"location.hash = '{view}'")

    page.get_by_text("Only the first 20,000 devices are read here.").wait_for()
    assert len(asked) >= 20


def test_state_and_search_choose_tiles(open_at: Opened) -> None:
    page = fleet(open_at)
    page.get_by_role("button", name="quarantined 1").click()
    page.get_by_text("1 of 60 devices").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("nobody-has-this-name")

    page.get_by_text("No device fits").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_text("60 devices").wait_for()


def test_arrow_keys_move_and_enter_opens_and_escape_closes(open_at: Opened) -> None:
    page = fleet(open_at)
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.locator('.tile[data-n="59"]:focus').wait_for()
    page.keyboard.press("Enter")

    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_device_is_drained_and_restored_after_being_asked(open_at: Opened, scene: Scene) -> None:
    page = open_at("fleet?device=phone-small-24")
    press(page, "Drain")
    page.get_by_text("It is lent to nobody any more").wait_for()
    press(page, "Cancel")
    assert scene.call("GET", "/devices/phone-small-24", who="OPERATOR")["life"] == "in_service"

    press(page, "Drain")
    press(page, "Drain")
    page.get_by_text("is draining").wait_for()
    assert scene.call("GET", "/devices/phone-small-24", who="OPERATOR")["life"] == "draining"

    press(page, "Restore")
    press(page, "Restore")
    page.get_by_text("is back in service").wait_for()


def test_a_quarantine_keeps_its_reason(open_at: Opened, scene: Scene) -> None:
    page = open_at("fleet?device=phone-small-23")
    press(page, "Quarantine")
    page.get_by_label("Reason").fill("The screen flickers")
    press(page, "Quarantine")

    page.get_by_text("is quarantined").wait_for()
    assert scene.call("GET", "/devices/phone-small-23", who="OPERATOR")["lifeReason"] == "The screen flickers"


def test_a_device_that_is_wiped_comes_back(open_at: Opened, scene: Scene, region: dict[str, str]) -> None:
    connection = psycopg2.connect(region["DATABASE_URL"])
    with connection, connection.cursor() as cursor:  # as an ended allocation leaves it where devices are recycled
        cursor.execute(
            "UPDATE devices SET life = 'recycling', recycling_since = scheduler_clock() WHERE id = 'phone-small-20'"
        )
    connection.close()
    page = open_at("fleet?device=phone-small-20")
    press(page, "Mark as wiped")
    page.get_by_text("It counts as wiped and may be lent again").wait_for()
    press(page, "Mark as wiped")

    page.get_by_text("counts as wiped", exact=False).last.wait_for()
    assert scene.call("GET", "/devices/phone-small-20", who="OPERATOR")["life"] == "in_service"


def test_a_device_is_deleted_and_its_tile_goes(open_at: Opened, scene: Scene) -> None:
    spare = {"id": "spare-1", "name": "Spare 1", "deviceType": "android-14", "adbHost": "h", "adbPort": 5555}
    assert scene.call("POST", "/devices", spare | {"cpuCores": 2, "memoryMB": 4096, "storageMB": 65536}, who="OPERATOR")
    page = open_at("fleet?device=spare-1")
    press(page, "Delete")
    page.get_by_text("Delete Spare 1 for good?").wait_for()
    press(page, "Delete")

    page.get_by_text("Spare 1 is deleted").wait_for()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_text("60 devices").wait_for()
    assert scene.call("GET", "/devices/spare-1", who="OPERATOR") is None
