"""The learned strategy in simulated days: it gains where there is something to learn, and gives up when it is wrong."""

import math
from dataclasses import replace
from unittest.mock import patch

import pytest

from scheduler.domain.model import DeviceWants, Strategy, User
from scheduler.domain.placement_trust import Doubt
from tools.simulate.__main__ import main
from tools.simulate.demand import DAY, HOUR, Ahead, Arrival, DemandOptions, arrivals, plans
from tools.simulate.history import Few
from tools.simulate.placement import Placement, placement, score_of_today
from tools.simulate.play import Play
from tools.simulate.smart import Smart, trained, wrong
from tools.simulate.stage import MemoryStage
from tools.simulate.study import Scenario, Study, run
from tools.simulate.world import BADNESS, Phone, World, WorldOptions

ROOMY = DemandOptions(requests=700, days=4)
"""Of 80 phones."""


def failures(strategy: str, *, is_null: bool = False) -> float:
    """Of two seeds."""
    one = Scenario(strategy, strategy, WorldOptions(80, is_null=is_null))
    return sum(run(Study(ROOMY, [one], []), one, seed)["failures per 1000 sessions"] for seed in (1, 2))


def resource_based(phone: Phone) -> float:
    return score_of_today(Strategy.RESOURCE_BASED, phone)


def played(judge: Smart, world: World) -> Play:
    wishes = arrivals(ROOMY, 1)
    play = Play(MemoryStage(plans(wishes)), world, wishes, Placement("smart", judge.score, True, judge), 1)
    play.play()
    return play


def test_who_learns_meets_fewer_failures() -> None:
    assert failures("smart") < 0.8 * failures("resource_based")


def test_where_all_phones_are_alike_learning_gains_nothing() -> None:
    """Failures are each user's fate there: only the phone's wear of luck, the same everywhere, decides."""
    assert failures("smart", is_null=True) == pytest.approx(failures("random", is_null=True), rel=0.25)


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_model_that_is_wrong_on_purpose_is_given_up(*, is_followed: bool) -> None:
    world = World(WorldOptions(80), 1)
    judge = Smart(world, 1, wrong(), resource_based, is_followed=is_followed)
    played(judge, world)

    assert judge.doubt in {Doubt.MISORDERED, Doubt.MISCALIBRATED}
    phone = next(iter(world.phones.values()))
    assert judge.score(phone, 0.0) == resource_based(phone)
    assert judge.prefer(User("acme", "alice"), 60, {"second": None, "first": None}, 0.0) == "second"


def test_a_good_model_is_not_given_up() -> None:
    world = World(WorldOptions(80), 1)
    judge = Smart(world, 1, trained(), resource_based)
    played(judge, world)

    assert judge.doubt is None


def test_a_model_on_trial_watches_before_it_decides() -> None:
    world = World(WorldOptions(80), 1)
    judge = Smart(world, 1, trained(), resource_based, is_followed=False)
    assert judge.prefer(User("acme", "alice"), 60, {"second": None, "first": None}, 0.0) == "second"
    played(judge, world)

    assert judge.is_followed


def test_hosts_that_turn_bad_fail_more_often_from_then_on() -> None:
    options = WorldOptions(200)
    usual, turning = World(options, 1), World(replace(options, turns_bad_at=DAY), 1)
    turned = [host for host in turning.hosts if host.turns_bad_at == DAY]
    phone = turning.by_host[turned[0]][0]

    assert len(turned) == 1
    assert turning.failures_an_hour(phone, DAY - HOUR) == usual.failures_an_hour(usual.phones[phone.id], DAY - HOUR)
    assert turning.failures_an_hour(phone, DAY) == BADNESS * usual.failures_an_hour(usual.phones[phone.id], DAY)


def test_smart_is_played_in_memory_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--strategy", "smart", "--on", "postgres", "--requests", "10", "--seeds", "1"]) == 2
    assert "smart is played in memory only" in capsys.readouterr().err


def test_a_phone_that_is_reserved_soon_is_lent_for_what_fits_before() -> None:
    """Of equals: so that a longer time stays free elsewhere."""
    world = World(WorldOptions(10, is_null=True), 1)
    judge = Smart(world, 1, trained(), resource_based)
    one, other = [phone for phone in world.phones.values() if phone.model == "a"][:2]
    for phone in (one, other):
        judge.score(phone, 0.0)

    assert judge.prefer(User("acme", "alice"), 60, {one.id: None, other.id: 2.0}, 0.0) == other.id
    assert judge.prefer(User("acme", "alice"), 60, {one.id: 1.5, other.id: 2.0}, 0.0) == one.id


def test_a_claim_tells_when_its_phones_are_reserved() -> None:
    world, seen = World(WorldOptions(2, is_null=True), 1), list[Few]()
    wishes = [
        Arrival(0.0, User("acme", "bob"), "pro", 30, DeviceWants(), 1e9, math.inf, ahead=Ahead(2 * HOUR)),
        Arrival(HOUR / 2, User("acme", "alice"), "pro", 30, DeviceWants(), 1e9, math.inf),
    ]
    chosen = placement("smart", world, 1)
    assert isinstance(chosen.judge, Smart)
    prefer = chosen.judge.prefer

    def watched(user: User, minutes: int, few: Few, at: float) -> str:
        seen.append(few)
        return prefer(user, minutes, few, at)

    with patch.object(chosen.judge, "prefer", watched):
        Play(MemoryStage(plans(wishes)), world, wishes, chosen, 1).play()

    assert sorted(seen[0].values(), key=str) == [1.5, None]
