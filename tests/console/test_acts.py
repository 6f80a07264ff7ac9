"""Every act of the views beside the fleet: asked back, done, and seen by the API."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from tests.console.conftest import Opened
from tests.console.test_fleet import press
from tools.browser.scene import Scene


def lent(scene: Scene, user: str, minutes: int = 20) -> Any:
    """Lend a phone, and give the allocation."""
    granted = scene.call("POST", "/devices/allocate", {"userId": user, "durationMinutes": minutes})
    assert granted, "nothing could be lent"
    return granted


def test_an_allocation_tells_its_story_and_is_renewed(open_at: Opened, scene: Scene) -> None:
    granted = lent(scene, "renata")
    page = open_at(f"allocations/{granted['allocationId']}")
    page.get_by_role("heading", name="renata").wait_for()
    page.get_by_text(f"Granted: {granted['device']['name']}").wait_for()
    page.get_by_role("heading", name="Why this device").wait_for()
    page.get_by_role("region", name="Candidates").get_by_role("link").first.wait_for()
    page.get_by_role("button", name="Renew", exact=True).click()
    page.get_by_label("Minutes more").fill("15")
    press(page, "Renew")

    page.get_by_text("Renewed until").wait_for()
    page.get_by_text("Renewed by 15 min").wait_for()
    assert scene.call("GET", f"/allocations/{granted['allocationId']}")["renewalCount"] == 1


def test_a_renewal_that_is_not_due_says_from_when_on_as_of_here(open_at: Opened, scene: Scene) -> None:
    granted = lent(scene, "patient", minutes=600)
    page = open_at(f"allocations/{granted['allocationId']}")
    hint = page.get_by_text("Possible:").inner_text()

    may = scene.call("GET", f"/allocations/{granted['allocationId']}/renewal")
    assert may["nextRenewalAt"] in may["detail"]
    here = page.evaluate("at => new Date(at).toLocaleTimeString('en-GB')", may["nextRenewalAt"])
    assert hint.endswith(f" {here}")


def test_an_allocation_is_moved_and_then_revoked_with_a_reason(open_at: Opened, scene: Scene) -> None:
    granted = lent(scene, "fiona")
    path = f"/allocations/{granted['allocationId']}"
    page = open_at(path.removeprefix("/"))
    page.get_by_role("button", name="Fail over", exact=True).click()
    page.get_by_label("Reason").fill("The screen flickers")
    press(page, "Fail over")
    page.get_by_text("Goes on on").wait_for()
    assert scene.call("GET", path)["deviceId"] != granted["deviceId"]

    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_text("This cannot be undone").wait_for()
    page.get_by_label("Reason").fill("Misuse")
    press(page, "Revoke")
    page.get_by_text("Revoked;").wait_for()
    page.get_by_text("revoked", exact=True).first.wait_for()
    assert scene.call("GET", path)["status"] == "revoked"


def test_allocations_are_listed_by_status_and_user(open_at: Opened, scene: Scene) -> None:
    lent(scene, "listed-user")
    page = open_at("allocations")
    page.get_by_placeholder("User id").fill("listed-user")

    page.locator("tbody tr:only-child").wait_for()
    page.locator("tbody tr").click()
    page.get_by_role("heading", name="listed-user").wait_for()


def test_the_queue_is_shown_in_order_and_a_waiter_taken_out(open_at: Opened, scene: Scene) -> None:
    page = open_at("queue")
    page.get_by_role("cell", name="alice · acme").wait_for()
    assert page.locator("tbody tr td:first-child").first.inner_text() == "1"
    assert page.get_by_text("tier pro; 1 ahead").first.is_visible()

    page.get_by_role("button", name="Take out: erin").click()
    press(page, "Take out")
    page.get_by_text("erin no longer waits").wait_for()
    waiting = scene.call("GET", "/queue?status=waiting&limit=50", who="OPERATOR")
    assert "erin" not in {entry["userId"] for entry in waiting}


def test_the_queue_is_served_on_request(open_at: Opened) -> None:
    page = open_at("queue")
    page.get_by_role("button", name="Serve now").click()
    press(page, "Serve now")

    page.get_by_text("Served: 0").wait_for()


def test_a_quota_is_shown_and_changed_after_being_asked(open_at: Opened, scene: Scene) -> None:
    page = open_at("users")
    page.get_by_placeholder("User or tenant").fill("grace")
    page.get_by_role("link", name="grace").click()
    page.get_by_role("meter", name="Devices").wait_for()
    page.get_by_role("button", name="Change quota").click()
    page.get_by_label("Most devices").fill("42")
    press(page, "Next")
    page.get_by_text("At most 42 devices").wait_for()
    press(page, "Change quota")

    page.get_by_text("The quota of grace is changed").wait_for()
    assert scene.call("GET", "/quotas/grace?tenantId=acme", who="OPERATOR")["limits"]["maxDevices"] == 42


def test_health_shows_parts_invariants_and_parked_messages(open_at: Opened) -> None:
    page = open_at("health")

    page.get_by_text("postgres: up").wait_for()
    page.get_by_text("Events to publish").wait_for()
    page.get_by_text("I1 holds").wait_for(timeout=30_000)
    page.get_by_role("cell", name="Billing", exact=True).wait_for()
    assert page.get_by_role("button", name="Redrive Billing").is_disabled()
    page.locator(".chart canvas").first.wait_for()


def park(region: dict[str, str]) -> None:
    """Put a heartbeat of a device that nobody has among the dead letters of the queue for events from outside."""
    options = {
        "endpoint_url": region["AWS_ENDPOINT_URL"],
        "region_name": region["AWS_DEFAULT_REGION"],
        "aws_access_key_id": region["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": region["AWS_SECRET_ACCESS_KEY"],
    }
    sqs = boto3.client("sqs", **options)
    (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "EventsInDeadLetters" in url]
    event = {"type": "device.heartbeat", "data": {"deviceId": "nobody", "observedAt": "2026-01-01T00:00:00Z"}}
    sqs.send_message(
        QueueUrl=url, MessageBody=json.dumps(event), MessageGroupId="nobody", MessageDeduplicationId=str(uuid.uuid4())
    )


def test_a_parked_message_is_sent_back(open_at: Opened, region: dict[str, str], scene: Scene) -> None:
    park(region)
    page = open_at("health")
    page.get_by_role("button", name="Redrive EventsIn").click()
    page.get_by_text("Up to 500 of 1 messages").wait_for()
    press(page, "Redrive")

    page.get_by_text("Sent back: 1, left: 0").wait_for()
    entries = scene.call("GET", "/audit-log?limit=50", who="OPERATOR")
    assert "POST /scheduler/dlqs/{name}/redrive" in {entry["route"] for entry in entries}


def test_the_audit_log_shows_before_and_after(open_at: Opened) -> None:
    page = open_at("audit?entityId=phone-medium-17")
    page.get_by_role("button", name="phone-medium-17").first.click()

    page.get_by_role("dialog").get_by_text("quarantined", exact=True).wait_for()
    page.get_by_role("dialog").get_by_text("POST /scheduler/devices/{deviceId}/quarantine").wait_for()


def test_a_drag_over_a_lane_books_what_is_free(open_at: Opened, scene: Scene) -> None:
    page = open_at("timeline?q=phone-medium-1")
    track = page.locator(".lane .track").first
    track.wait_for()
    box = track.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.80, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.92, box["y"] + 8, steps=5)
    page.mouse.up()
    page.get_by_text("Free: no conflict").wait_for()
    page.get_by_role("dialog").get_by_label("User").fill("dora")
    page.get_by_role("dialog").get_by_label("Tenant").fill("acme")
    press(page, "Book")
    page.get_by_text("Booked phone-").wait_for()

    (booked,) = scene.call("GET", "/reservations?userId=dora")
    assert booked["status"] == "pending"
    page.get_by_placeholder("Search device").fill(booked["deviceId"])
    page.get_by_role("button", name="reserved, dora").click()
    press(page, "Cancel reservation")
    press(page, "Cancel reservation")
    page.get_by_text("The reservation of dora is cancelled").wait_for()


def test_a_conflict_is_seen_before_it_is_booked(open_at: Opened, scene: Scene) -> None:
    start = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    wish = {"startTime": start.isoformat(), "durationMinutes": 60, "preferredSpecs": {"minCpu": 12}}
    for number in range(6):
        assert scene.call("POST", "/reservations", wish | {"userId": f"crowd-{number}"})
    page = open_at("timeline")
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_label("CPU at least").fill("12")
    local = page.evaluate(
        "text => { const d = new Date(text);"
        " return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16) }",
        start.isoformat(),
    )
    page.get_by_label("Start").fill(local)

    page.get_by_text("No fitting device is free").wait_for()
    assert page.get_by_role("dialog").get_by_role("button", name="Book", exact=True).is_disabled()
    page.locator(".preview button").first.click()
    page.get_by_text("Free: no conflict").wait_for()


def test_the_timeline_tells_what_it_leaves_out(open_at: Opened) -> None:
    page = open_at("timeline")
    page.locator(".lane").first.wait_for()
    assert not page.get_by_text("are not shown").is_visible()

    endless = {"success": True, "message": "", "data": [], "meta": {"limit": 200, "nextCursor": "more"}}
    for kind in ("allocations", "reservations"):
        page.route(f"**/scheduler/{kind}?*", lambda route: route.fulfill(json=endless))
    page.reload()
    page.get_by_text("More than 1,000 allocations began here").wait_for()
    page.get_by_text("More than 1,000 reservations are here").wait_for()
