"""The morning: a fleet, its first users, more minutes, a wait, and a phone that breaks."""

from datetime import datetime
from typing import Any

from tools.demo.day import Day, at
from tools.demo.stage import expect

FAILED_AGO_SECONDS = 3
"""How long a phone has failed when that is told; credited, together with the time that the move takes."""


def a_fleet_joins(day: Day) -> None:
    """Register the devices of this demo, dedicated to its tenant."""
    bodies = day.cast.devices()
    day.stage.operate("POST", "/devices", {"devices": bodies})
    day.registered = [body["id"] for body in bodies]
    free = day.stage.call("GET", f"/devices/available?deviceType={day.cast.device_type('phone')}&limit=1000")["data"]
    ours = [device for device in free if device["id"] in day.registered]
    expect(len(ours) == 5, f"{len(ours)} of 5 phones are free")
    day.say(f"Five phones, a tablet, a foldable, a mini; for tenant {day.cast.tenant_id} alone")


def users_take_devices(day: Day) -> None:
    """Lend phones to three users, the only tablet to a fourth, the mini to a fifth for a minute."""
    for name, kind, minutes in (
        *(("Ana", "phone", 60), ("Ben", "phone", 60), ("Cem", "phone", 60)),
        *(("Dora", "tablet", 60), ("Eve", "mini", 1)),
    ):
        lent = day.allocate(name, kind, minutes)
        label, until = day.label(lent["deviceId"]), at(lent["expiresAt"])
        day.say(f"{name} has {label} until {until}, fencing token {lent['fencingToken']}")
    second = day.allocate("Cem", "phone", known_as="Cem's second")
    day.say(f"Cem takes another, {day.label(second['deviceId'])}; one phone is left")


def a_reservation_is_made(day: Day, starts_at: datetime) -> None:
    """Promise the foldable to Fay for later."""
    wish = {**day.wish("Fay", "foldable"), "startTime": starts_at.isoformat(), "durationMinutes": 15}
    booked = day.stage.call("POST", "/reservations", {**wish, "remindBeforeMinutes": 0})["data"]
    day.reservation = booked["reservationId"]
    expect(booked["status"] == "pending", f"the reservation is {booked['status']}")
    day.stage.refused("POST", "/devices/allocate", day.wish("Gus", "foldable"), code="no_available_devices")
    day.say(
        f"Fay reserves {day.label(booked['deviceId'])} from {at(booked['startTime'])}; nobody else is lent it till then"
    )


def time_is_added(day: Day) -> None:
    """Renew Ana's allocation as herself."""
    path = f"/allocations/{day.holds['Ana']}/renew"
    renewed = day.stage.call("POST", path, {"additionalMinutes": 30, "reason": "still testing"}, user="Ana")["data"]
    expect(renewed["totalDurationMinutes"] == 90, f"90 minutes in all, not {renewed['totalDurationMinutes']}")
    day.say(
        f"Ana adds 30 minutes: until {at(renewed['newExpiresAt'])}, not {at(renewed['oldExpiresAt'])}; "
        f"{renewed['remainingRenewals']} renewals are left"
    )


def somebody_waits(day: Day) -> None:
    """Have Gus wait for the only tablet, and be served as Dora gives it back."""
    entry = day.stage.call("POST", "/devices/allocate", {**day.wish("Gus", "tablet"), "wait": True})["data"]
    path = f"/queue/{entry['id']}"
    expect(entry["status"] == "waiting", f"Gus's entry is {entry['status']}")
    place = entry["position"]  # of all who wait, another demo's Gus too
    band = entry["estimatedWaitSeconds"]
    minutes = f"{band['p50'] // 60} to {band['p90'] // 60} minutes"
    day.say(f"No tablet is free: Gus waits, number {place} in line, for about {minutes}")
    ended = day.release("Dora")
    day.say(f"Dora gives {day.label(ended['deviceId'])} back after {ended['durationSeconds']} s")

    def served() -> dict[str, Any] | None:
        now: dict[str, Any] = day.stage.call("GET", path)["data"]
        return now if now["status"] == "fulfilled" else None

    served_entry = day.stage.until("Gus is served", served)
    day.holds["Gus"] = served_entry["allocationId"]
    expect(served_entry["deviceId"] == ended["deviceId"], "Gus was lent another device")
    day.say(f"Gus, who waited, has {day.label(served_entry['deviceId'])}")


def a_phone_fails(day: Day) -> None:
    """Report Ana's phone as failed: the same allocation goes on elsewhere."""
    before = day.allocation("Ana")
    day.let_pass(before["allocatedAt"], FAILED_AGO_SECONDS)
    reason = {"deviceId": before["deviceId"], "reason": "screen is black"}
    day.stage.send_event("device.failed", before["deviceId"], reason, ago_seconds=FAILED_AGO_SECONDS)
    day.say(f"{day.label(before['deviceId'])} fails under Ana")
    after = day.moved("Ana", before["deviceId"])
    expect(after["expiresAt"] == before["expiresAt"], "the end of Ana's allocation changed")
    day.broken = before
    day.say(
        f"The same allocation goes on: {day.label(before['deviceId'])}, token {before['fencingToken']} → "
        f"{day.label(after['deviceId'])}, token {after['fencingToken']}"
    )
    stale = {name: before[name] for name in ("deviceId", "allocationId", "fencingToken")}
    day.stage.refused("POST", "/devices/release", stale, code="allocation_not_found")
    day.say("Her old token opens nothing any more: allocation_not_found")


def the_old_token_comes_late(day: Day) -> None:
    """Repair the phone, lend it to Hana, and let Ana's old token come back for it."""
    before = day.broken
    day.stage.operate("PATCH", f"/devices/{before['deviceId']}", {"status": "running"})
    lent = day.allocate("Hana", "phone")
    expect(lent["deviceId"] == before["deviceId"], "Hana was lent another phone")
    expect(lent["fencingToken"] > before["fencingToken"], "the fencing token did not grow")
    day.say(f"Repaired, {day.label(lent['deviceId'])} is lent to Hana with token {lent['fencingToken']}")
    late = {"deviceId": before["deviceId"], "fencingToken": before["fencingToken"]}
    day.stage.refused("POST", "/devices/release", late, code="stale_fencing_token")
    expect(day.allocation("Hana")["status"] == "allocated", "Hana lost her phone to an old token")
    day.say(f"A late release with token {before['fencingToken']} is refused: stale_fencing_token")
    day.release("Hana")
