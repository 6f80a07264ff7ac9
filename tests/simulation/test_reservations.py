"""Simulated reservations: what is booked begins in its window, and what stands in its way."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from scheduler.domain.model import DeviceWants, User
from tools.simulate.__main__ import main
from tools.simulate.demand import HOUR, MINUTE, Ahead, Arrival, DemandOptions, arrivals, devices_for, plans
from tools.simulate.measures import ALL
from tools.simulate.placement import placement
from tools.simulate.play import Play
from tools.simulate.stage import MemoryStage
from tools.simulate.study import Scenario, Study, results
from tools.simulate.world import World, WorldOptions

BUSY = DemandOptions(requests=400, days=1, reservations=0.4)
NEVER_FAILS = 1e9


def ask(at: float, name: str, minutes: int = 30, luck: float = NEVER_FAILS, ahead: Ahead | None = None) -> Arrival:
    """One who keeps her phone to the end and never gives up."""
    return Arrival(at, User("acme", name), "pro", minutes, DeviceWants(), luck, math.inf, ahead=ahead)


def book(at: float, name: str, minutes: int = 30, **ahead: float | None) -> Arrival:
    """One who books an hour ahead."""
    return ask(at, name, minutes, ahead=Ahead(HOUR, **ahead))


def played(wishes: Sequence[Arrival], devices: int = 1) -> Play:
    world = World(WorldOptions(devices, is_null=True), 1)
    play = Play(MemoryStage(plans(wishes)), world, wishes, placement("resource_based", world, 1), 1)
    play.play()
    return play


def grants(play: Play) -> list[tuple[str, float]]:
    return [(grant.user_id, grant.at) for grant in play.grants]


def became(play: Play) -> Counter[str]:
    counted = play.measures.promises.counts.items()
    return Counter({what: count for (what, tier), count in counted if tier == ALL})


def test_what_is_booked_begins_at_its_start() -> None:
    play = played([book(0, "alice")])

    assert grants(play) == [("alice", HOUR + 0.2)]
    assert became(play) == {"asked": 1, "booked": 1, "begun": 1}
    found = play.measures.result()
    assert (found["reservations kept"], found["reservations kept pro"], found["reservations moved"]) == (1, 1, 0)
    assert found["success rate"] == 0, "nobody asked for a phone at once"


def test_who_would_run_into_it_waits_until_it_is_over() -> None:
    play = played([book(0, "alice"), ask(60, "bob", minutes=120), ask(120, "carol", minutes=30)])

    assert grants(play) == [("carol", 120), ("alice", HOUR + 0.2), ("bob", 1.5 * HOUR + 0.2)]


def test_nobody_renews_into_it() -> None:
    renewing = Arrival(600, User("acme", "bob"), "pro", 40, DeviceWants(), NEVER_FAILS, math.inf, renew_minutes=30)
    play = played([book(0, "alice"), renewing])

    assert grants(play) == [("bob", 600), ("alice", HOUR + 0.2)]
    assert play.measures.counts["renewal_refused"] == 1


def test_who_does_not_come_loses_it_after_ten_minutes() -> None:
    play = played([book(0, "alice", minutes=120, comes_after=None), ask(HOUR + 100, "bob")])

    assert grants(play) == [("alice", HOUR + 0.2), ("bob", HOUR + 11 * MINUTE)]
    assert play.measures.result()["reservations unclaimed"] == 1


def test_who_comes_late_keeps_it() -> None:
    play = played([book(0, "alice", minutes=60, comes_after=500), ask(HOUR + 100, "bob")])

    assert grants(play) == [("alice", HOUR + 0.2), ("bob", 2 * HOUR + 0.2)]
    assert play.measures.result()["reservations unclaimed"] == 0


def test_what_is_cancelled_is_free_for_those_who_wait() -> None:
    play = played([book(0, "alice", cancels_after=600), ask(100, "bob", minutes=120)])

    assert grants(play) == [("bob", 602)]
    assert became(play) == {"asked": 1, "booked": 1, "cancelled": 1}
    assert play.measures.result()["reservations kept"] == 1, "no promise was broken"


@pytest.mark.parametrize(("devices", "fate"), [(1, {"failed": 1}), (2, {"begun": 1, "moved": 1})])
def test_what_was_booked_on_a_phone_that_fails_begins_on_another_or_is_told(devices: int, fate: dict[str, int]) -> None:
    """Ten minutes before the start, for twenty minutes: near it, who cannot be moved is told so."""
    world = World(WorldOptions(1, is_null=True), 1)
    rate = world.failures_an_hour(*world.phones.values(), 0)

    play = played([book(0, "alice"), ask(1, "bob", minutes=59, luck=rate * 3000 / HOUR)], devices)

    assert play.measures.counts["failures"] == 1
    assert became(play) == {"asked": 1, "booked": 1} | fate


def test_of_two_who_want_the_only_phone_one_is_refused() -> None:
    play = played([book(0, "alice"), book(60, "bob")])

    assert became(play) == {"asked": 2, "found nothing": 1, "booked": 1, "begun": 1}
    assert play.measures.result()["reservations without a phone"] == 0.5


def test_every_booking_comes_to_one_end_and_a_seed_tells_all() -> None:
    study = Study(BUSY, [Scenario("random", "random", WorldOptions(25))], [1, 2])
    first, again = results(study, 1, lambda _: None), results(study, 1, lambda _: None)
    world, wishes = World(WorldOptions(25), 1), arrivals(BUSY, 1)
    play = Play(MemoryStage(plans(wishes)), world, wishes, placement("random", world, 1), 1)
    play.play()

    assert first == again
    counted = became(play)
    assert counted["asked"] == sum(wish.ahead is not None for wish in wishes)
    assert counted["asked"] == counted["booked"] + counted["found nothing"] + counted["refused"]
    ends = ("cancelled", "begun", "failed", "expired")
    assert counted["booked"] == sum(counted[end] for end in ends)
    assert counted["begun"] > counted["unclaimed"] > 0


def test_who_books_at_a_small_share_does_so_at_a_large_one() -> None:
    none, few, many = (arrivals(DemandOptions(500, 2, reservations=share), 1) for share in (0, 0.1, 0.5))

    assert [(wish.at, wish.user, wish.minutes) for wish in many] == [(w.at, w.user, w.minutes) for w in none]
    assert {wish.at for wish in few if wish.ahead} < {wish.at for wish in many if wish.ahead}
    assert sum(wish.ahead is not None for wish in many) == pytest.approx(0.5 * len(many), rel=0.2)
    assert all(wish.ahead is None for wish in none)


def test_a_fleet_suffices_for_what_is_booked_when_it_begins() -> None:
    assert devices_for([book(0, "alice"), ask(HOUR, "bob")], share=1.0) == 2
    assert devices_for([book(0, "alice"), ask(0, "bob")], share=1.0) == 1


def test_the_report_tells_of_reservations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--requests", "60", "--days", "1", "--seeds", "2", "--jobs", "1", "--reservations", "0.5"]

    assert main([*asked, "--devices", "+20", "--out", str(tmp_path)]) == 0

    kept = json.loads((tmp_path / "report.json").read_text())
    runs = kept["scenarios"]["resource_based"]["runs"]
    assert all(run["reservations asked"] > 10 for run in runs)
    assert kept["demand"]["reservations"] == 0.5
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 11
    assert "50% booked ahead" in page
    assert "Begun in their window, enterprise" in page
    assert "reservations kept enterprise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(["--trace", "days.csv", "--reservations", "0.1"], "a trace tells itself who books", id="a trace"),
        pytest.param(["--reservations", "1.5"], "a share is from 0 to 1", id="more than all"),
    ],
)
def test_what_makes_no_sense_is_told(asked: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(asked)
    except SystemExit as stopped:
        code = stopped.code

    assert code == 2
    assert told in " ".join(capsys.readouterr().err.split())
