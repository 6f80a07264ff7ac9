"""Lending by hand: a grant with its address, a refusal with what can be had instead, and one effect for one wish."""

from typing import Any

from tests.console.conftest import Opened
from tests.console.test_fleet import press
from tools.browser.scene import Scene


def lending(open_at: Opened, user: str, *, cores: int | None = None, quiet: bool = False) -> Any:
    """Open the form, filled in; it is not sent."""
    page = open_at("fleet", quiet=quiet)
    page.get_by_role("button", name="Lend…").click()
    form = page.get_by_role("dialog")
    assert form.get_by_label("Minutes").input_value() == "60"
    form.get_by_label("User").fill(user)
    form.get_by_label("Tenant").fill("acme")
    if cores:
        form.get_by_label("CPU at least").fill(str(cores))
    return page


def held_by(scene: Scene, user: str) -> Any:
    return scene.call("GET", f"/allocations?status=allocated&userId={user}")


def test_a_device_is_lent_and_its_address_told(open_at: Opened, scene: Scene) -> None:
    page = lending(open_at, "lena", cores=4)
    page.get_by_label("Minutes").fill("45")
    press(page, "Lend")

    page.get_by_role("heading", name="is lent").wait_for()
    (lent,) = held_by(scene, "lena")
    address = scene.call("GET", f"/allocations/{lent['allocationId']}")
    told = page.get_by_role("dialog").inner_text()
    assert lent["deviceId"] in told
    assert f"{address['adbHost']}:{address['adbPort']}" in told
    assert lent["durationMinutes"] == 45
    press(page, "Close")
    page.get_by_role("button", name="lena · acme").wait_for()


def test_a_refusal_offers_what_can_be_had_and_takes_it(open_at: Opened, scene: Scene) -> None:
    page = lending(open_at, "refused", cores=12, quiet=True)
    press(page, "Lend")
    page.get_by_text("No device that fits is free.").first.wait_for()
    page.get_by_text("A place in the queue").wait_for()
    assert held_by(scene, "refused") == []

    page.get_by_role("button", name="Take it: Now, a smaller one: ").click()
    page.get_by_role("heading", name="is lent").wait_for()
    assert len(held_by(scene, "refused")) == 1


def test_a_later_window_is_reserved_and_a_place_in_line_taken(open_at: Opened, scene: Scene) -> None:
    page = lending(open_at, "later", cores=12, quiet=True)
    press(page, "Lend")
    page.get_by_role("button", name="Take it: From").click()
    page.get_by_text("Booked phone-xlarge").wait_for()
    (booked,) = scene.call("GET", "/reservations?userId=later")
    assert booked["status"] == "pending"

    page = lending(open_at, "waits", cores=12, quiet=True)
    press(page, "Lend")
    page.get_by_role("button", name="Take it: A place in the queue").click()
    page.get_by_text("waits waits for a device").wait_for()
    waiting = scene.call("GET", "/queue?status=waiting&limit=50", who="OPERATOR")
    (own,) = [entry for entry in waiting if entry["userId"] == "waits"]
    assert scene.call("POST", f"/queue/{own['id']}/cancel", {}, who="OPERATOR")


def test_answers_that_are_lost_lend_one_device(open_at: Opened, scene: Scene) -> None:
    page = lending(open_at, "lossy", quiet=True)
    lost: list[str] = []

    def lose(route: Any) -> None:
        if len(lost) == 2:  # it is sent once more by itself
            route.continue_()
            return
        lost.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    page.route("**/scheduler/devices/allocate", lose)
    press(page, "Lend")
    page.get_by_text("The API cannot be reached").wait_for()
    press(page, "Lend")

    page.get_by_role("heading", name="is lent").wait_for()
    assert len(set(lost)) == 1
    assert len(held_by(scene, "lossy")) == 1
