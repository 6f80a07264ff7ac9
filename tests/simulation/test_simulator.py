"""Simulated days: what follows from what, and that a seed tells all."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from scheduler.domain.model import DeviceWants, User
from tools.simulate.__main__ import main
from tools.simulate.demand import PATTERNS, Arrival, DemandOptions, arrivals, devices_for, plans
from tools.simulate.figures import gini, interval, percentile, student
from tools.simulate.placement import STRATEGIES, placement
from tools.simulate.play import Play
from tools.simulate.stage import MemoryStage
from tools.simulate.study import Scenario, Study, results, run
from tools.simulate.world import SIZES, World, WorldOptions

WEEK = DemandOptions(requests=300, days=2)
HALF_AN_HOUR = 1800.0


def wish(at: float, name: str, minutes: int = 30, use_seconds: float = 3600, luck: float = 1e9, **more: int) -> Arrival:
    """One who never gives up; with that luck her phone never fails."""
    wants = DeviceWants(min_cpu=more.get("cores"))
    return Arrival(at, User("acme", name), "pro", minutes, wants, luck, use_seconds, more.get("renew_minutes", 0))


def played(wishes: Sequence[Arrival], devices: int = 1, strategy: str = "resource_based") -> Play:
    world = World(WorldOptions(devices, is_null=True), 1)
    play = Play(MemoryStage(plans(wishes)), world, wishes, placement(strategy, world, 1), 1)
    play.play()
    return play


def scenario(strategy: str, devices: int = 60, *, ageing: float = 1.0, is_null: bool = False) -> Scenario:
    return Scenario(strategy, strategy, WorldOptions(devices, ageing, is_null))


def failures(strategy: str, *, is_null: bool = False, ageing: float = 1.0) -> list[float]:
    """Of three seeds, where nobody ever waits."""
    study = Study(DemandOptions(300, 1), [one := scenario(strategy, 250, ageing=ageing, is_null=is_null)], [1, 2, 3])
    return [run(study, one, seed)["failures per 1000 sessions"] for seed in study.seeds]


def test_who_comes_second_waits_for_the_end_of_the_first() -> None:
    play = played([wish(0, "alice"), wish(600, "bob")])

    assert [(grant.user_id, grant.at) for grant in play.grants] == [("alice", 0), ("bob", HALF_AN_HOUR + 0.2)]
    found = play.measures.result()
    assert (found["success rate"], found["lent at once"]) == (1, 0.5)
    assert found["wait p50 pro"] == pytest.approx((HALF_AN_HOUR - 600 + 0.2) / 2)


def test_a_phone_that_is_given_back_is_lent_as_soon_as_dispatch_has_heard() -> None:
    play = played([wish(0, "alice", use_seconds=300), wish(60, "bob")])

    assert [grant.at for grant in play.grants] == [0, 302]


def test_a_renewal_makes_the_next_one_wait_longer() -> None:
    play = played([wish(0, "alice", renew_minutes=30), wish(600, "bob")])

    assert play.grants[1].at == 2 * HALF_AN_HOUR + 0.2


def test_whose_phone_fails_comes_again_when_it_is_repaired() -> None:
    """The rate of the null world: 1/150 an hour, and 3 · 0.3² more for the neighbours."""
    play = played([wish(0, "alice", luck=0.25 / 150 * 1.27), wish(0, "bob", minutes=240, use_seconds=20000)], devices=2)

    failed_at = 900
    assert play.measures.counts["failures"] >= 1
    assert [grant.user_id for grant in play.grants[:3]] == ["alice", "bob", "alice"]
    assert play.grants[2].at == pytest.approx(failed_at + 20 * 60 + 2)
    assert play.grants[2].device_id == play.grants[0].device_id


def test_what_is_lent_is_counted_until_the_demand_ends() -> None:
    play = played([wish(0, "alice"), wish(7200, "bob")], devices=2)

    assert play.measures.result()["utilisation"] == pytest.approx(HALF_AN_HOUR / (2 * 7200))


def test_the_same_seed_gives_the_same_week_and_another_another() -> None:
    study = Study(WEEK, [scenario("random")], [1, 2])

    first, again = results(study, 1, lambda _: None), results(study, 2, lambda _: None)

    assert first == again
    assert first["random"][0] != first["random"][1]


def test_a_run_silences_nobody_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    run(Study(DemandOptions(20, 1), [], [1]), scenario("random"), 1)

    assert caplog.records == []
    logging.getLogger("scheduler.service.line").warning("heard")
    assert caplog.messages == ["heard"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_lends(strategy: str) -> None:
    result = run(Study(WEEK, [], [1]), scenario(strategy), 1)

    assert 0.8 < result["success rate"] <= 1
    assert 0 < result["utilisation"] < 1


def test_who_knows_the_truth_meets_fewer_failures() -> None:
    assert sum(failures("oracle")) < 0.5 * sum(failures("random"))


def test_where_all_phones_are_alike_no_strategy_gains() -> None:
    assert failures("oracle", is_null=True) == failures("random", is_null=True)


def test_ageing_costs_failures() -> None:
    assert sum(failures("random", ageing=4)) > 1.3 * sum(failures("random"))


def test_least_used_wears_phones_evenly_and_best_fit_does_not() -> None:
    wear = {name: run(Study(WEEK, [], [1]), scenario(name), 1)["wear (Gini)"] for name in ("least_used", "best_fit")}

    assert wear["least_used"] < 0.7 * wear["best_fit"]


def test_more_devices_shorten_waits_and_stand_about() -> None:
    few, more = (run(Study(WEEK, [], [1]), scenario("round_robin", devices), 1) for devices in (25, 45))

    assert few["wait p90 all"] > more["wait p90 all"]
    assert few["utilisation"] > more["utilisation"]


def test_a_larger_fleet_has_the_phones_of_the_smaller_one() -> None:
    few, more = World(WorldOptions(30), 5), World(WorldOptions(50), 5)

    told = [(phone.id, phone.cpu_cores, phone.failures_an_hour) for phone in few.phones.values()]
    assert told == [(phone.id, phone.cpu_cores, phone.failures_an_hour) for phone in more.phones.values()][:30]
    assert {phone.cpu_cores for phone in more.phones.values()} <= {cores for cores, _ in SIZES}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_bring_about_as_many_as_asked(pattern: str) -> None:
    wishes = arrivals(DemandOptions(2000, 2, pattern), 1)

    assert len(wishes) == pytest.approx(2000, rel=0.1)
    assert [one.at for one in wishes] == sorted(one.at for one in wishes)


def test_a_flash_crowd_comes_at_once() -> None:
    wishes = arrivals(DemandOptions(2000, 1, "flash"), 1)
    at_eight = sum(20 * 3600 <= one.at < 20.5 * 3600 for one in wishes)

    assert at_eight > 5 * len(wishes) / 48


def test_a_fleet_suffices_for_what_is_asked_most_of_the_time() -> None:
    at_once = [wish(0, f"user-{number}", use_seconds=60) for number in range(8)]

    assert devices_for([*at_once, *(wish(3600 + 60 * number, "alice", use_seconds=1) for number in range(92))]) == 1
    assert devices_for(at_once, share=1.0) == 8


def test_intervals_are_students() -> None:
    assert student(0.975, 19) == pytest.approx(2.0930, rel=1e-4)
    assert student(0.975, 5) == pytest.approx(2.5706, rel=2e-3)
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx((3.5, 1.5368, 5.4632), rel=2e-3)
    assert interval([3.0]) == (3.0, 3.0, 3.0)


def test_shares_and_inequality() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0, 0.5, 0.9, 1)] == pytest.approx([1, 2.5, 3.7, 4])
    assert (gini([5.0, 5.0, 5.0]), gini([0.0, 0.0, 0.0, 8.0]), gini([0.0])) == (0, 0.75, 0)


def test_the_report_tells_every_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--requests", "60", "--days", "1", "--seeds", "2", "--jobs", "1", "--strategy", "random,oracle"]

    assert main([*asked, "--devices", "+20", "--ageing", "x2", "--out", str(tmp_path)]) == 0

    kept = json.loads((tmp_path / "report.json").read_text())
    names = ["random", "oracle", "random, +20 devices, ageing x2", "oracle, +20 devices, ageing x2"]
    assert list(kept["scenarios"]) == names
    worlds = [one["world"] for one in kept["scenarios"].values()]
    assert worlds[2]["devices"] == worlds[0]["devices"] + 20
    assert [world["ageing"] for world in worlds] == [1, 1, 2, 2]
    less = kept["against"]["differences"]["oracle"]["success rate"]["mean"]
    rates = [one["summary"]["success rate"]["mean"] for one in kept["scenarios"].values()]
    assert less == pytest.approx(rates[1] - rates[0])
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 9
    assert all(name in page for name in names)
    assert "failures per 1000 sessions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(["--devices", "many"], "'many' is neither a number nor + and a number", id="no number"),
        pytest.param(["--devices", "0"], "'0' is not more than 0", id="no devices"),
        pytest.param(["--on", "postgres", "--requests", "50000"], "on Postgres at most 20,000", id="too large"),
        pytest.param(["--trace", "nowhere.csv"], "nowhere.csv cannot be read", id="no such trace"),
    ],
)
def test_what_makes_no_sense_is_told(asked: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked) == 2
    assert told in " ".join(capsys.readouterr().err.split())
