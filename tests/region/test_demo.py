"""The demo believes nothing that it tells: a step that goes otherwise ends it, and it clears up in any case."""

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from tools.demo import evening
from tools.demo.cast import Cast
from tools.demo.day import Chapter, Day, play
from tools.demo.screen import Screen, clock
from tools.demo.stage import Surprise, accepted
from tools.region.layout import ROOT


class Region:
    """Answers as it is told."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        return {"data": self.answers[path.removeprefix("/")]}


def a_day(**answers: Any) -> Day:
    screen = Screen(Console(file=io.StringIO(), width=100))
    return Day(Region(**answers), Cast("abc"), screen, fast=True)  # type: ignore[arg-type]


def shown(day: Day) -> str:
    return str(day.screen.console.file.getvalue())  # type: ignore[attr-defined]


def chapters(*plays: Callable[[Day], None]) -> list[Chapter]:
    return [Chapter(8.0 + number, f"Chapter {number}", play) for number, play in enumerate(plays)]


def fails(_: Day) -> None:
    raise Surprise("Ana was lent nothing")


def nothing_left(_: Day) -> list[str]:
    return []


def test_a_day_as_told_ends_well() -> None:
    day, played = a_day(), []

    assert play(day, chapters(lambda _: played.append(1), lambda _: played.append(2)), nothing_left)

    assert played == [1, 2]
    assert "08:00  Chapter 0" in shown(day)


def test_a_surprise_ends_the_day_and_is_told() -> None:
    day, played = a_day(), []

    assert not play(day, chapters(fails, lambda _: played.append(2)), nothing_left)

    assert played == []
    assert "✗ Ana was lent nothing" in shown(day)


@pytest.mark.parametrize("ends", [Surprise("no"), KeyError("data"), KeyboardInterrupt()])
def test_it_clears_up_however_it_ends(ends: BaseException) -> None:
    cleared = []

    def end(_: Day) -> None:
        raise ends

    def clear_up(_: Day) -> list[str]:
        cleared.append(1)
        return []

    with suppress(KeyError, KeyboardInterrupt):
        play(a_day(), chapters(end), clear_up)

    assert cleared == [1]


def test_what_could_not_be_cleared_up_is_no_good_end() -> None:
    day = a_day()

    assert not play(day, chapters(lambda _: None), lambda _: ["phone-1 is still lent"])

    assert "phone-1 is still lent" in shown(day)


def test_an_audit_that_finds_something_is_a_surprise() -> None:
    invariants = [
        {"id": "I1", "statement": "A device has one holder", "holds": True},
        {"id": "I2", "statement": "Usage is what is held", "holds": False},
    ]

    with pytest.raises(Surprise, match="I2"):
        evening.everything_is_proved(a_day(audit={"invariants": invariants}))


def test_an_audit_that_finds_nothing_is_none() -> None:
    day = a_day(audit={"invariants": [{"id": "I1", "statement": "A device has one holder", "holds": True}]})

    evening.everything_is_proved(day)

    assert "Every invariant holds" in shown(day)


def test_a_refusal_is_told_in_the_words_of_the_api() -> None:
    problem = {"code": "quota_exceeded", "detail": "Device quota exceeded. Max: 10, Current: 10"}

    with pytest.raises(Surprise, match=r"POST /queue answered 403 quota_exceeded Device quota exceeded"):
        accepted("POST", "/queue", (403, problem))


@pytest.mark.parametrize("body", [None, {}, [], "text"])
def test_an_answer_of_any_form_can_be_a_refusal(body: Any) -> None:
    with pytest.raises(Surprise, match=r"GET /x answered 500$"):
        accepted("GET", "/x", (500, body))


def test_each_demo_has_people_and_devices_of_its_own() -> None:
    one, other = Cast(), Cast()

    assert one.tenant_id != other.tenant_id
    assert one.user_id("Ana") != other.user_id("Ana")
    assert not {body["id"] for body in one.devices()} & {body["id"] for body in other.devices()}
    assert {body["tenantId"] for body in one.devices()} == {one.tenant_id}
    assert one.label(one.device_id("phone-1")) == "phone-1"


def test_a_fast_day_waits_for_no_hour() -> None:
    day = a_day()

    day.wait_for(18.0)

    assert 0 < (day.moment(15.0, 5.0) - datetime.now(UTC)).total_seconds() <= 5


@pytest.mark.parametrize(("hour", "shows"), [(8.0, "08:00"), (9.25, "09:15"), (13.5, "13:30"), (18.0, "18:00")])
def test_the_clock_shows_hours_and_minutes(hour: float, shows: str) -> None:
    assert clock(hour) == shows


def test_it_says_what_it_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "--fast" in done.stdout
