"""The afternoon: maintenance, a suspension, a reservation that begins, and time that is over."""

from typing import Any

from tools.demo.day import Day, at
from tools.demo.stage import expect

BEGIN_SECONDS = 120.0
"""A start falls due between two runs of dispatch, and a run may be slow to begin here."""
EXPIRE_SECONDS = 210.0
"""A minute until it is due, one until the sweep, 30 s that I8 allows, and a slow machine."""


def maintenance_begins(day: Day) -> None:
    """Take Ben's phone into maintenance: he moves on."""
    before = day.allocation("Ben")
    work = {"deviceId": before["deviceId"], "maintenanceType": "battery", "reason": "battery is swapped"}
    day.stage.send_event("device.maintenance", before["deviceId"], work)
    day.say(f"{day.label(before['deviceId'])}, which Ben has, goes to maintenance")
    after = day.moved("Ben", before["deviceId"])
    until = at(after["expiresAt"])
    day.say(f"Ben has {day.label(after['deviceId'])} now, token {after['fencingToken']}, still until {until}")
    day.stage.refused("POST", "/devices/allocate", day.wish("Hana", "phone"), code="no_available_devices")
    day.say(f"{day.label(before['deviceId'])} is lent to nobody meanwhile")


def a_user_is_suspended(day: Day) -> None:
    """Suspend Cem: both phones are taken back, and he is lent none."""
    lost = [day.label(day.allocation(name)["deviceId"]) for name in ("Cem", "Cem's second")]
    who = {"userId": day.cast.user_id("Cem"), "tenantId": day.cast.tenant_id}
    day.suspended = "Cem"
    day.stage.send_event("user.suspended", who["userId"], who)
    for name in ("Cem", "Cem's second"):
        day.status(name, "revoked", 60)
    day.say(f"Cem is suspended and loses {' and '.join(lost)}")
    day.stage.refused("POST", "/devices/allocate", day.wish("Cem", "phone"), code="quota_exceeded")
    day.say("He asks for another: refused")


def a_reservation_begins(day: Day) -> None:
    """See Fay's reservation become an allocation."""

    def executing() -> dict[str, Any] | None:
        now: dict[str, Any] = day.stage.call("GET", f"/reservations/{day.reservation}")["data"]
        expect(now["status"] in {"pending", "executing"}, f"the reservation is {now['status']}: {now['reason']}")
        return now if now["status"] == "executing" else None

    begun = day.stage.until("Fay's reservation begins", executing, BEGIN_SECONDS)
    day.holds["Fay"] = begun["allocationId"]
    held = day.allocation("Fay")
    label, until = day.label(begun["deviceId"]), at(held["expiresAt"])
    day.say(f"As promised Fay has {label}, token {held['fencingToken']}, until {until}")


def time_is_over(day: Day) -> None:
    """See Eve's minute end by itself."""
    ended = day.status("Eve", "expired", EXPIRE_SECONDS)
    expect(ended["durationSeconds"] == 60, f"Eve is billed {ended['durationSeconds']} s for a minute")
    day.say(
        f"Eve's minute was over at {at(ended['expiresAt'])}: {day.label(ended['deviceId'])} is free, 60 s are billed"
    )
