"""What lending a device is expected to cost."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.placement import (
    FAR_HOURS,
    RERANKED,
    Asked,
    Costs,
    Head,
    Posterior,
    Standing,
    appraise,
    best,
    cost_of,
    expected_start_seconds,
    explores,
    failure_chance,
    posterior,
    terms_of,
)
from scheduler.domain.placement_model import Exploration, PlacementModel, Strengths, Uses, Weights
from scheduler.domain.placement_record import Record, Session, fold
from scheduler.domain.queue import Tier

NOW = 1_800_000_000.0
DAY = 86_400.0
MODEL = PlacementModel(base=0.01, half_life_days=10, load=(0.0, 1.0), usual_load=0.0, wear=1.0, kinds={"b": 2.0})

counts = st.floats(0, 100)
hours = st.floats(0, 5000)


def about(value: Any, **within: Any) -> Any:
    """As good as this; may stand where a number does."""
    return pytest.approx(value, **within)


def records() -> st.SearchStrategy[Record]:
    """Records that have not faded yet."""
    return st.builds(
        lambda failed, kept, used: Record(failed, failed + kept, used_hours=used, as_of=NOW), counts, hours, hours
    )


def standings() -> st.SearchStrategy[Standing]:
    """Devices whose host and model have seen what they have, and more."""
    return st.builds(
        lambda own, more, load: Standing(own, _sum(own, more), _sum(own, more), load=load),
        records(),
        records(),
        st.floats(0, 1),
    )


def _sum(one: Record, other: Record) -> Record:
    return Record(one.failed + other.failed, one.at_risk + other.at_risk, as_of=NOW)


def seen(failed: float, at_risk: float, **more: Any) -> Record:
    """A record of now."""
    return Record(failed, at_risk, as_of=NOW, **more)


def test_half_is_forgotten_in_a_half_life_but_wear_stays() -> None:
    faded = Record(4, 100, 6, 90, 500, as_of=NOW).decayed(NOW + 10 * DAY, 10)
    assert faded == Record(2, 50, 3, 45, 500, as_of=NOW + 10 * DAY)


@pytest.mark.parametrize("earlier", [0, 1, 10 * DAY])
def test_nothing_fades_before_its_time(earlier: float) -> None:
    record = seen(4, 100)
    assert record.decayed(NOW - earlier, 10) is record


@given(records(), st.floats(0, 100), st.floats(0, 100))
def test_fading_twice_is_fading_once(record: Record, first: float, second: float) -> None:
    once = record.decayed(NOW + (first + second) * DAY, 10)
    twice = record.decayed(NOW + first * DAY, 10).decayed(NOW + (first + second) * DAY, 10)
    assert twice.failed == about(once.failed)
    assert twice.at_risk == about(once.at_risk)


def test_a_session_counts_its_standard_hours_and_its_start() -> None:
    session = Session(NOW, 2.0, failed=True, kind="b", load=1.0, start_seconds=60.0)
    folded = fold(MODEL, Record(1, 10, 1, 20, 1000, as_of=NOW), session)
    multiplier = 2.0 * 2.718281828459045**2
    assert folded == Record(2, about(10 + 2 * multiplier), 2, 20 + 30, 1002, as_of=NOW)


def test_a_session_with_an_unseen_start_tells_nothing_of_starts() -> None:
    folded = fold(MODEL, Record(), Session(NOW, 1.0, failed=False))
    assert folded == Record(0, 1, 0, 0, 1, as_of=NOW)


def test_a_session_fades_what_was_before() -> None:
    folded = fold(MODEL, seen(4, 100), Session(NOW + 10 * DAY, 1.0, failed=True))
    assert (folded.failed, folded.at_risk) == (3, 51)


def test_a_hosts_record_counts_the_wear_of_the_device_not_its_own() -> None:
    session = Session(NOW, 1.0, failed=False)
    assert fold(MODEL, Record(used_hours=9000), session, used_hours=0.0).at_risk == 1.0


def test_what_is_known_of_nothing_is_the_base_rate() -> None:
    assert posterior(MODEL, Standing(Record()), NOW).mean == about(MODEL.base)


def test_own_counts_weigh_against_the_strength_of_the_group() -> None:
    model = replace(MODEL, strengths=Strengths(device=2.0))
    own = seen(3, 103)
    believed = posterior(model, Standing(own, own), NOW)
    assert believed == Posterior(2 + 3, about(2 * 0.99 / 0.01 + 100))


def test_a_bad_host_is_held_against_a_device_that_was_never_lent() -> None:
    good, bad = seen(0, 1000), seen(50, 1000)
    rates = [posterior(MODEL, Standing(Record(), host), NOW).mean for host in (good, bad)]
    strength = MODEL.strengths.host
    factors = [strength / (strength + 10), (strength + 50) / (strength + 10)]
    assert rates == about([MODEL.base * factor for factor in factors])


def test_a_bad_model_is_held_against_all_of_its_devices() -> None:
    rate = posterior(MODEL, Standing(Record(), of_kind=seen(30, 1000)), NOW).mean
    strength = MODEL.strengths.kind
    assert rate == about(MODEL.base * (strength + 30) / (strength + 10))


def test_a_device_is_not_counted_twice_through_its_host() -> None:
    own = seen(5, 100)
    alone = posterior(MODEL, Standing(own, host=own), NOW)
    assert alone == posterior(MODEL, Standing(own), NOW)


def test_a_part_that_is_more_than_the_whole_leaves_nothing() -> None:
    assert seen(1, 1).without(Record(2, 3, 4, 5, 6, NOW), 10) == Record(as_of=NOW)


@given(records(), st.floats(0, 30))
def test_a_part_is_taken_out_at_the_later_time(record: Record, days: float) -> None:
    later = record.decayed(NOW + days * DAY, 10)
    left = record.without(later, 10)
    assert (left.failed, left.at_risk) == about((0, 0), abs=1e-6)
    assert left.as_of == later.as_of


def test_a_part_fades_before_it_is_taken_out_of_what_is_later() -> None:
    later, part = Record(3, 80, 5, 70, 900, NOW + 10 * DAY), Record(4, 100, 6, 90, 500, NOW)
    assert later.without(part, 10) == Record(1, 30, 2, 25, 400, NOW + 10 * DAY)


def test_what_the_host_saw_fades_to_the_devices_own_last_session() -> None:
    own, host = Record(1, 50, as_of=NOW + 10 * DAY), seen(6, 300)
    strength, base = MODEL.strengths.host, MODEL.base
    prior = base * (strength + 2) / (strength + 100 * base)
    believed = posterior(MODEL, Standing(own, host), NOW)
    device = MODEL.strengths.device
    assert believed == Posterior(device + 1, about(device * (1 - prior) / prior + 49))


@given(standings(), st.floats(0.1, 20))
def test_one_more_failure_never_raises_a_score(standing: Standing, more: float) -> None:
    worse = replace(standing.own, failed=standing.own.failed + more, at_risk=standing.own.at_risk + more)
    host = replace(standing.host, failed=standing.host.failed + more, at_risk=standing.host.at_risk + more)
    after = replace(standing, own=worse, host=host)
    assert appraise(MODEL, after, NOW).score <= appraise(MODEL, standing, NOW).score + 1e-12


@given(standings(), st.floats(0.1, 500))
def test_more_hours_without_failure_never_lower_the_trust(standing: Standing, more: float) -> None:
    better = replace(standing.own, at_risk=standing.own.at_risk + more)
    host = replace(standing.host, at_risk=standing.host.at_risk + more)
    after = posterior(MODEL, replace(standing, own=better, host=host), NOW)
    assert after.mean <= posterior(MODEL, standing, NOW).mean * (1 + 1e-9)


@given(standings(), st.floats(1.1, 1000))
def test_the_stronger_the_group_the_nearer_a_device_is_to_it(standing: Standing, times: float) -> None:
    group = posterior(MODEL, replace(standing, own=Record(as_of=NOW), host=_others(standing)), NOW).mean
    strong = replace(MODEL, strengths=Strengths(device=MODEL.strengths.device * times))
    weak_rate, strong_rate = (posterior(model, standing, NOW).mean for model in (MODEL, strong))
    assert abs(strong_rate - group) <= abs(weak_rate - group) + 1e-9


def _others(standing: Standing) -> Record:
    return standing.host.without(standing.own, MODEL.half_life_days)


@given(standings())
def test_a_rate_is_a_chance(standing: Standing) -> None:
    believed = posterior(MODEL, standing, NOW)
    assert 0 < believed.mean < 1
    assert believed.alpha > 0
    assert believed.beta > 0
    assert 0 < believed.draw(Random(1)) <= 0.5


def test_draws_are_about_the_mean() -> None:
    believed, chance = Posterior(3, 297), Random(1)
    draws = [believed.draw(chance) for _ in range(4000)]
    assert sum(draws) / len(draws) == about(believed.mean, rel=0.03)


def test_a_device_costs_what_its_weights_say() -> None:
    weights = Weights(failure=1.0, start_second=0.01, wear_hour=0.1, spare_core_hour=0.001)
    model = replace(MODEL, weights=weights, usual_hours=2.0, wear=0.0, start_seconds=30.0, start_load=1.0)
    standing = Standing(seen(0, 0, used_hours=500.0), load=0.5, cpu_cores=4, taken=0.5)
    appraisal = appraise(model, standing, NOW)
    assert appraisal.hazard == appraisal.drawn == about(0.01 * 2.718281828459045**0.25)
    assert appraisal.costs == Costs(
        failure=about(failure_chance(appraisal.hazard, 2.0)),
        start=about(0.01 * 30 * 1.5),
        wear=about(0.1 * 2 * 0.5),
        fit=about(0.001 * 2 * 4 * 0.25),
    )
    assert appraisal.score == -appraisal.costs.total


def test_an_appraisal_counts_the_devices_model() -> None:
    kinds = [appraise(MODEL, Standing(Record(), kind=kind), NOW).hazard for kind in ("b", "new", None)]
    assert kinds == about([0.02, 0.01, 0.01])


def test_a_cost_is_the_sum_of_its_parts_each_by_its_name() -> None:
    costs = Costs(failure=1.0, start=2.0, wear=4.0, fit=8.0, stickiness=-16.0, gap=32.0)
    named = {"failure": 1.0, "start": 2.0, "wear": 4.0, "fit": 8.0, "stickiness": -16.0, "gap": 32.0}
    assert costs.parts == named
    assert costs.total == 31.0


@pytest.mark.parametrize(("given_share", "counted"), [(-1.0, 0.0), (0.25, 0.0625), (2.0, 1.0)])
def test_no_more_devices_are_taken_than_there_are(given_share: float, counted: float) -> None:
    fit = appraise(MODEL, Standing(Record(), cpu_cores=4, taken=given_share), NOW).costs.fit
    assert fit == about(MODEL.weights.spare_core_hour * MODEL.usual_hours * 4 * counted)


def test_a_refresh_draws_for_those_who_explore() -> None:
    first, second = (appraise(MODEL, Standing(Record()), NOW, Random(seed)) for seed in (1, 2))
    assert first.hazard == second.hazard
    assert first.score == second.score
    assert len({first.drawn, second.drawn, first.hazard}) == 3


def test_a_start_is_drawn_towards_what_is_usual() -> None:
    model = replace(MODEL, start_kinds={"b": 40.0}, start_load=0.5, strengths=Strengths(start=4.0))
    record = seen(0, 0, starts=4.0, start_seconds=4 * 20.0)
    assert expected_start_seconds(model, Standing(Record(), kind="b", load=0.0), NOW) == 40.0
    assert expected_start_seconds(model, Standing(record, kind="b", load=0.0), NOW) == 30.0
    assert expected_start_seconds(model, Standing(record, kind="b", load=1.0), NOW) == 45.0
    assert expected_start_seconds(model, Standing(Record(), kind="new", load=0.0), NOW) == model.start_seconds


HEAD = Head("one", hazard=0.01, drawn=0.05, costs=Costs(failure=9.0, start=0.5, wear=0.25))


def test_a_request_pays_for_its_own_hours() -> None:
    weights = Weights(failure=2.0, stickiness=0.125, gap_hour=0.01)
    model = replace(MODEL, weights=weights)
    hers = replace(HEAD, was_hers=True, gap_hours=5.0)
    assert cost_of(model, hers, Asked(3.0)) == Costs(
        failure=about(2 * failure_chance(0.01, 3.0)),
        start=0.5,
        wear=0.25,
        stickiness=-0.125,
        gap=about(0.01 * 2),
    )


def test_a_device_that_was_not_hers_saves_nothing() -> None:
    assert cost_of(MODEL, HEAD, Asked(3.0)).stickiness == 0.0


@pytest.mark.parametrize(("gap", "left"), [(None, FAR_HOURS - 2), (1000.0, FAR_HOURS - 2), (2.5, 0.5), (1.0, 0.0)])
def test_what_is_left_of_a_gap_costs(gap: float | None, left: float) -> None:
    cost = cost_of(MODEL, replace(HEAD, gap_hours=gap), Asked(2.0))
    assert cost.gap == about(MODEL.weights.gap_hour * left)


def test_who_explores_sees_the_draw_but_not_of_excluded_devices() -> None:
    exploring = Asked(2.0, explores=True)
    failure = MODEL.weights.failure
    assert cost_of(MODEL, HEAD, exploring).failure == failure * failure_chance(0.05, 2.0)
    assert cost_of(MODEL, replace(HEAD, is_excluded=True), exploring).failure == failure * failure_chance(0.01, 2.0)


def test_the_cheapest_of_the_first_eight_is_lent() -> None:
    heads = [Head(str(number), 0.1 - number / 1000, 0.0) for number in range(RERANKED + 2)]
    assert best(MODEL, heads, Asked(1.0)) is heads[RERANKED - 1]
    assert best(MODEL, [heads[0], replace(heads[0], device_id="equal")], Asked(1.0)) is heads[0]


def test_few_explore_and_nobody_who_must_not() -> None:
    share = MODEL.exploration.share
    assert explores(MODEL, Tier.FREE, is_reservation=False, uniform=share - 1e-9)
    assert not explores(MODEL, Tier.FREE, is_reservation=False, uniform=share)
    assert not explores(MODEL, Tier.ENTERPRISE, is_reservation=False, uniform=0.0)
    assert not explores(MODEL, Tier.FREE, is_reservation=True, uniform=0.0)


def test_more_hours_fail_more_often() -> None:
    assert failure_chance(0.5, 0.0) == 0.0
    assert failure_chance(0.5, 2.0) == about(1 - 2.718281828459045**-1)


def test_a_claim_is_told_the_weights_and_a_device_that_nobody_knows() -> None:
    model = replace(
        MODEL,
        name="m",
        weights=Weights(failure=3.0, start_second=0.01, stickiness=0.5, gap_hour=0.25),
        uses=Uses(of_all=(0.5, 0.5, 1.0, 2.0, 1.0), own_weight=0.25),
        exploration=Exploration(0.125),
    )
    unknown = appraise(model, Standing(Record()), 0.0)

    assert terms_of(model) == {
        "model": "m",
        "score": unknown.score,
        "hazard": unknown.hazard,
        "fixed": about(unknown.costs.start),
        "failure": 3.0,
        "stickiness": 0.5,
        "gap": 0.25,
        "use": 0.8,
        "own": 0.25,
        "share": 0.125,
    }
