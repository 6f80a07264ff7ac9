"""The day as it goes: who holds what, how long an hour takes, and what must be given back in the end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.demo.cast import Cast
from tools.demo.screen import FIRST_HOUR, Screen
from tools.demo.stage import Stage, Surprise, expect

SECONDS_AN_HOUR = 30.0
"""Ten hours are five minutes."""
_TICK_SECONDS = 0.25


class Day:
    """What the chapters share."""

    def __init__(self, stage: Stage, cast: Cast, screen: Screen, *, fast: bool = False) -> None:
        """Begin at the first hour. A fast day does not wait for the clock."""
        self.stage = stage
        self.cast = cast
        self.screen = screen
        self.fast = fast
        self.holds: dict[str, str] = {}
        """Allocation by the name that the story gives it: mostly its holder's."""
        self.registered: list[str] = []
        self.reservation = ""
        self.broken: dict[str, Any] = {}
        """Ana's allocation as it was on the device that failed."""
        self.suspended = ""
        self.began_at = datetime.now(UTC)
        self._started = time.monotonic()

    def wait_for(self, hour: float) -> None:
        """Let time pass until this hour."""
        while not self.fast and self._hour() < hour:
            self.screen.hour(self._hour())
            time.sleep(_TICK_SECONDS)

    def let_pass(self, since: str, seconds: float) -> None:
        """Wait, also on a fast day, until that many seconds have passed since a time of the API."""
        left = seconds - (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
        time.sleep(min(max(left, 0), seconds))

    def moment(self, hour: float, at_least_seconds: float) -> datetime:
        """Return when it will be this hour, or that soon when it is passed or not waited for."""
        seconds = 0.0 if self.fast else (hour - self._hour()) * SECONDS_AN_HOUR
        return datetime.now(UTC) + timedelta(seconds=max(seconds, at_least_seconds))

    def allocate(self, name: str, kind: str, minutes: int = 60, *, known_as: str = "") -> dict[str, Any]:
        """Have a user lend a device of this kind and return the allocation."""
        wish = {**self.wish(name, kind), "durationMinutes": minutes}
        allocation: dict[str, Any] = self.stage.call("POST", "/devices/allocate", wish)["data"]
        self.holds[known_as or name] = allocation["allocationId"]
        return allocation

    def wish(self, name: str, kind: str) -> dict[str, Any]:
        """Return what a user asks for."""
        return {"userId": self.cast.user_id(name), "deviceType": self.cast.device_type(kind)}

    def allocation(self, known_as: str) -> dict[str, Any]:
        """Return an allocation as it is now."""
        found: dict[str, Any] = self.stage.call("GET", f"/allocations/{self.holds[known_as]}")["data"]
        return found

    def status(self, known_as: str, wanted: str, seconds: float) -> dict[str, Any]:
        """Wait until an allocation has this status and return it."""

        def seen() -> dict[str, Any] | None:
            now = self.allocation(known_as)
            return now if now["status"] == wanted else None

        return self.stage.until(f"{known_as}'s allocation is {wanted}", seen, seconds)

    def moved(self, known_as: str, old_device: str) -> dict[str, Any]:
        """Wait until an allocation has left a device, and return it: it must live on."""

        def seen() -> dict[str, Any] | None:
            now = self.allocation(known_as)
            return now if now["deviceId"] != old_device or now["status"] != "allocated" else None

        now = self.stage.until(f"{known_as}'s allocation leaves {self.label(old_device)}", seen)
        expect(now["status"] == "allocated", f"{known_as}'s allocation was {now['status']}, not moved")
        return now

    def release(self, known_as: str) -> dict[str, Any]:
        """Give a device back with the token of its holder, and return what the answer says."""
        held = self.allocation(known_as)
        body = {name: held[name] for name in ("deviceId", "allocationId", "fencingToken")}
        ended: dict[str, Any] = self.stage.call("POST", "/devices/release", body)["data"]
        return ended

    def label(self, device_id: str) -> str:
        """What the story calls a device."""
        return self.cast.label(device_id)

    def say(self, text: str) -> None:
        """Tell what happened."""
        self.screen.say(text)

    def _hour(self) -> float:
        return FIRST_HOUR + (time.monotonic() - self._started) / SECONDS_AN_HOUR


@dataclass(frozen=True)
class Chapter:
    """One part of the day: when, its title, and what happens."""

    hour: float
    title: str
    play: Callable[[Day], None]


def play(day: Day, chapters: Sequence[Chapter], clear_up: Callable[[Day], list[str]]) -> bool:
    """Play the chapters until one is surprised, clear up in any case; tell whether all went as the story says."""
    went_well = False
    try:
        for chapter in chapters:
            day.wait_for(chapter.hour)
            day.screen.begin(chapter.hour, chapter.title)
            chapter.play(day)
        went_well = True
    except Surprise as surprise:
        day.screen.complain(str(surprise))
    finally:
        left = clear_up(day)
        for problem in left:
            day.screen.complain(problem)
    return went_well and not left


def at(moment: str) -> str:
    """Return a time of the API as one reads it, in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%H:%M:%S")
