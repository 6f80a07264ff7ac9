"""The evening: everything is given back, and then the accounts: notices, bill, audit. And what is cleared up."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from tools.demo.day import Day, at
from tools.demo.stage import Surprise, expect

_ACCOUNTS_SECONDS = 90.0
"""Notices and bills go through outbox, topic and queues."""


def devices_come_back(day: Day) -> None:
    """Have everybody who still holds a device give it back."""
    for name in ("Ana", "Ben", "Gus", "Fay"):
        ended = day.release(name)
        day.say(f"{name} gives {day.label(ended['deviceId'])} back after {ended['durationSeconds']} s")
    left = day.stage.call("GET", "/allocations?status=allocated&limit=200")["data"]
    expect(not left, f"{len(left)} allocations of tenant {day.cast.tenant_id} are still active")


def notices_were_sent(day: Day) -> None:
    """Show what Ana was told in the app."""
    wanted = {"allocation_granted", "allocation_failed_over"}
    path = f"/notifications?userId={day.cast.user_id('Ana')}"

    def told() -> list[dict[str, Any]] | None:
        notices: list[dict[str, Any]] = day.stage.call("GET", path)["data"]
        return notices if wanted <= {notice["type"] for notice in notices} else None

    notices = day.stage.until("Ana is told of her phones", told, _ACCOUNTS_SECONDS)
    twice = [kind for kind, count in Counter(notice["type"] for notice in notices).items() if count > 1]
    expect(not twice, f"Ana was told twice: {', '.join(twice)}")
    rows = [(at(notice["createdAt"]), notice["title"], notice["message"]) for notice in reversed(notices)]
    day.screen.table(("at", "Ana was told", "text"), rows)
    ids = {notice["id"] for notice in notices}
    if _next_door(day, "NOTIFICATION_SERVICE_URL", "/control/sent", lambda known: ids <= _keys(known)):
        day.say("The notification service next door was given the same to send")


def the_bill_is_written(day: Day) -> None:
    """Show the usage report, and compare it with what the allocations say."""
    ended = day.stage.call("GET", "/allocations?limit=200")["data"]
    expected: Counter[str] = Counter()
    for allocation in ended:
        expected[allocation["userId"]] += allocation["durationSeconds"]
    report = day.stage.call("GET", f"/usage?groupBy=user&from={day.began_at:%Y-%m-%dT%H:%M:%SZ}")["data"]
    billed = {row["userId"]: row["seconds"] for row in report}
    expect(billed == dict(expected), f"billed {billed}, but the allocations lasted {dict(expected)}")
    rows = [(row["userId"], row["seconds"], row["creditedSeconds"], row["billedSeconds"]) for row in report]
    day.screen.table(("user", ">used, s", ">credited, s", ">billed, s"), rows)
    day.say("Each user's time is what her allocations lasted, to the second")
    lost = next(row["creditedSeconds"] for row in report if row["userId"] == day.cast.user_id("Ana"))
    expect(lost > 0, "Ana is credited nothing for the time after her phone had failed")
    day.say(f"Ana is credited the {lost} s in which her phone had failed")
    owed = {row["userId"]: row["billedSeconds"] for row in report}
    if _next_door(day, "BILLING_SERVICE_URL", "/control/usage", lambda known: owed.items() <= known["seconds"].items()):
        day.say("The billing service next door was told the same seconds")


def everything_is_proved(day: Day) -> None:
    """Ask the audit: every invariant holds."""
    audit = day.stage.operate("GET", "/audit")["data"]
    rows = [("✓" if found["holds"] else "✗", found["id"], found["statement"]) for found in audit["invariants"]]
    day.screen.table(("", "", "what the audit found in the rows"), rows)
    broken = [found["id"] for found in audit["invariants"] if not found["holds"]]
    expect(not broken, f"the audit found rows that break {', '.join(broken)}")
    day.say("Every invariant holds")


def clear_up(day: Day) -> list[str]:
    """Give back whatever the demo took; return what could not be."""
    problems: list[str] = []
    for step in (_lift_the_suspension, _leave_the_queue, _cancel_reservations, _release_all, _remove_devices):
        try:
            step(day)
        except Surprise as surprise:
            problems.append(f"not cleared up: {surprise}")
    return problems


def _next_door(day: Day, variable: str, path: str, agrees: Callable[[Any], bool]) -> bool:
    """Wait until a service next door agrees; tell whether there is one."""

    def asked() -> bool | None:
        known = day.stage.neighbour(variable, path)
        if known is None:
            return False
        return True if agrees(known) else None

    return day.stage.until(f"the service next door ({variable}) knows it", asked, _ACCOUNTS_SECONDS)


def _keys(known: Any) -> set[str]:
    return {entry["key"] for entry in known["applied"]}


def _lift_the_suspension(day: Day) -> None:
    if day.suspended:
        who = {"userId": day.cast.user_id(day.suspended), "tenantId": day.cast.tenant_id}
        day.stage.send_event("user.activated", who["userId"], who)


def _leave_the_queue(day: Day) -> None:
    for entry in day.stage.call("GET", "/queue?status=waiting&limit=200")["data"]:
        day.stage.call("POST", f"/queue/{entry['id']}/cancel", {})


def _cancel_reservations(day: Day) -> None:
    for booked in day.stage.call("GET", "/reservations?status=pending&limit=200")["data"]:
        day.stage.call("POST", f"/reservations/{booked['reservationId']}/cancel", {})


def _release_all(day: Day) -> None:
    for held in day.stage.call("GET", "/allocations?status=allocated&limit=200")["data"]:
        day.stage.call("POST", "/devices/release", {"deviceId": held["deviceId"]})


def _remove_devices(day: Day) -> None:
    for device_id in day.registered:
        day.stage.operate("DELETE", f"/devices/{device_id}")
