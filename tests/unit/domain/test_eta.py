"""How long a waiter waits, given the fleet, the line and how allocations end."""

import heapq
import random
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest

from scheduler.domain.calibration import Stretch
from scheduler.domain.endings import Endings
from scheduler.domain.eta import HORIZON_SECONDS, Device, Forecast, Moments, Outlook, Stream, Waiter, flip, stream

NOW = 1_000_000.0
HOUR = 3600.0
SMALL, BIG = 1, 2
PUNCTUAL = Endings(in_full=1000, late_seconds=0.0)
HALF_EARLY = Endings(early=(5,) * 20, in_full=98, late_seconds=0.0)
ALICE = Waiter("alice", NOW, HOUR, 2 * HOUR, 900.0, frozenset({SMALL}))


def lent(*left: float, kind: int = SMALL, **more: Any) -> list[Device]:
    """Devices that are lent for an hour, with so much left of it."""
    return [Device(kind, HOUR - seconds, seconds, **more) for seconds in left]


def ahead(count: int, **more: Any) -> list[Waiter]:
    """Waiters who joined before alice and are like her."""
    return [
        ALICE._replace(id=f"rival-{n}", rank=NOW - count + n, kept_in=ALICE.kept_in - 1, **more) for n in range(count)
    ]


def wait(
    devices: Sequence[Device],
    line: Sequence[Waiter] = (),
    streams: Sequence[Stream] = (),
    endings: Endings = PUNCTUAL,
    waiter: Waiter = ALICE,
) -> tuple[float, float]:
    """Give p50 and p90 of a waiter's wait."""
    p50, p90 = Outlook(NOW, endings, devices, [*line, waiter], streams).wait(waiter, (0.5, 0.9))
    return p50, p90


def about(seconds: float) -> object:
    """The times of the forecast lie 22 % apart."""
    return pytest.approx(seconds, rel=0.22, abs=15)


def test_a_free_device_serves_at_once() -> None:
    assert wait([Device(SMALL, 0, 0)]) == (0, 0)


def test_an_overdue_device_serves_at_once() -> None:
    assert wait(lent(-5.0)) == (0, 0)


def test_the_first_waits_for_the_first_device() -> None:
    assert wait(lent(600, 1800, 3000)) == (about(600), about(600))


@pytest.mark.parametrize(("rivals", "seconds"), [(1, 1200), (2, 2400)])
def test_the_next_waits_for_the_next_device(rivals: int, seconds: float) -> None:
    assert wait(lent(600, 1200, 2400), ahead(rivals)) == (about(seconds), about(seconds))


def test_a_device_that_frees_twice_serves_two() -> None:
    p50, p90 = wait(lent(600), ahead(1, seconds=1200))

    assert p50 == about(1800)
    assert p90 > p50
    assert wait(lent(3600), ahead(1, seconds=1200))[0] == pytest.approx(4800, rel=0.1)


def test_a_free_device_goes_to_who_stands_ahead_first() -> None:
    assert wait([Device(SMALL, 0, 0)], ahead(1, seconds=1200))[0] == about(1200)
    assert 15 < wait([Device(SMALL, 0, 0)], ahead(1, seconds=16))[0] < 20


def test_early_ends_shorten_the_wait_and_widen_the_band() -> None:
    punctual, early = wait(lent(1800)), wait(lent(1800), endings=HALF_EARLY)

    assert early[0] == about(1800)
    assert wait(lent(1800, 1800, 1800), endings=HALF_EARLY)[0] < 0.6 * punctual[0]


def test_a_better_chance_takes_longer_and_a_little_better_one_hardly_longer() -> None:
    levels = [level / 1000 for level in range(1001)]
    outlook = Outlook(NOW, HALF_EARLY, lent(1200, 2400, 3600), [ALICE], [])

    waits = outlook.wait(ALICE, levels)

    steps = [later - sooner for sooner, later in pairwise(waits[200:950])]
    assert waits == sorted(waits)
    assert 0 < min(steps) < max(steps) < 30
    assert waits[0] == 0


def test_what_is_certain_at_once_takes_no_time() -> None:
    assert Outlook(NOW, PUNCTUAL, [Device(SMALL, 0, 0)], [ALICE], []).wait(ALICE, [1.0]) == [0.0]


def test_a_device_that_frees_in_a_moment_does_not_serve_at_once() -> None:
    assert 0 < wait(lent(10))[0] < 15


def test_a_device_that_frees_in_a_moment_is_lent_again_as_one_that_is_free() -> None:
    free, soon = (wait(devices, ahead(1, seconds=1200)) for devices in ([Device(SMALL, 0, 0)], lent(10)))

    assert soon == (pytest.approx(free[0], rel=0.05), pytest.approx(free[1], rel=0.05))


def test_devices_of_other_kinds_do_not_count() -> None:
    assert wait(lent(60, kind=BIG) + lent(1800)) == (about(1800), about(1800))


def test_without_a_device_that_fits_there_is_nothing_to_foresee() -> None:
    assert wait(lent(60, kind=BIG)) == (HORIZON_SECONDS, HORIZON_SECONDS)


def test_rivals_for_other_kinds_do_not_count() -> None:
    others = ahead(5, kinds=frozenset({BIG}))

    assert wait(lent(600) + lent(60, kind=BIG), others) == (about(600), about(600))


def test_a_rival_who_can_go_elsewhere_counts_in_part() -> None:
    both = ahead(1, kinds=frozenset({SMALL, BIG}))
    alone, shared, rivalled = (wait(lent(600, 2400) + lent(700, kind=BIG), line) for line in ([], both, ahead(1)))

    assert alone[0] == about(600)
    assert alone[0] < shared[0] < rivalled[0]


def test_a_rival_without_any_device_takes_none() -> None:
    assert wait(lent(600), ahead(3, kinds=frozenset({7}))) == (about(600), about(600))


def test_a_rival_who_gives_up_first_takes_none() -> None:
    assert wait(lent(600, 3000), ahead(1, gone_in=60.0)) == (about(600), about(600))
    assert wait(lent(600, 3000), ahead(1, gone_in=500.0)) == (about(600), about(600)), "shortly before"
    assert wait(lent(600, 3000), ahead(1, gone_in=700.0)) == (about(3000), about(3000)), "shortly after: she takes it"
    assert wait(lent(12, 3000), ahead(1, gone_in=10.0))[1] <= 15, "very soon"
    assert wait(lent(12, 3000), ahead(1, gone_in=-10.0))[1] <= 15, "already"


def test_who_stands_behind_takes_none_while_nothing_is_kept_for_her() -> None:
    behind = [ALICE._replace(id="later", rank=NOW + 60, kept_in=960.0)]

    assert wait(lent(600), behind) == (about(600), about(600))


def test_a_big_request_behind_that_waits_longer_gets_one_kept() -> None:
    anything = ALICE._replace(kinds=frozenset({SMALL, BIG}))
    behind = [ALICE._replace(id="big", rank=NOW + 60, kept_in=300.0, kinds=frozenset({BIG}))]
    devices = lent(600, 2400, kind=BIG)

    assert wait(devices, behind, waiter=anything) == (about(2400), about(2400))
    sooner = lent(200, 2400, kind=BIG)
    assert wait(sooner, behind, waiter=anything) == (about(200), about(200)), "before that, the rank decides"
    gone = [behind[0]._replace(gone_in=200.0)]
    assert wait(devices, gone, waiter=anything) == (about(600), about(600)), "she gives up before that"
    assert wait(devices, behind, waiter=anything._replace(kept_in=300.0)) == (about(600), about(600)), (
        "both at once: the rank decides"
    )
    younger = [behind[0]._replace(kept_in=ALICE.kept_in + 1)]
    assert wait(devices, younger, waiter=anything) == (about(600), about(600)), "one is kept for alice before"
    equal = [behind[0]._replace(kinds=anything.kinds)]
    assert wait(devices, equal, waiter=anything) == (about(600), about(600)), "among equals the rank decides"


def test_of_two_with_one_rank_the_lower_id_goes_first() -> None:
    assert wait(lent(600, 2400), [ALICE._replace(id="adam")])[0] == about(2400)
    assert wait(lent(600, 2400), [ALICE._replace(id="zoe")])[0] == about(600)


def test_a_device_that_is_kept_for_a_big_request_serves_that() -> None:
    anything = ALICE._replace(kinds=frozenset({SMALL, BIG}))
    behind = [ALICE._replace(id="zoe", rank=NOW + 60, kinds=frozenset({BIG}))]
    devices = lent(600, kind=BIG, kept_for="zoe") + lent(2400, kind=BIG)

    assert wait(devices, behind, waiter=anything)[0] == about(2400)
    assert wait(devices, [behind[0]._replace(kinds=anything.kinds)], waiter=anything)[0] == about(600)
    older, one_more = [behind[0]._replace(kept_in=300.0)], lent(1200, kind=BIG)
    assert wait([*devices, *one_more], older, waiter=anything)[0] == about(1200), "no second one is kept for her"


def test_a_device_that_is_kept_for_the_waiter_is_hers_whoever_stands_ahead() -> None:
    assert wait(lent(600, kept_for="alice") + lent(2400), ahead(3)) == (about(600), about(600))


def test_who_has_a_device_kept_may_be_served_by_another_before() -> None:
    assert wait(lent(2400, kept_for="alice") + lent(600)) == (about(600), about(600))


def test_a_device_that_is_kept_serves_only_as_long_as_no_reservation_comes_too_soon() -> None:
    enough, too_short = (
        wait(lent(600, kept_for="alice", reserved_in=600 + seconds), ahead(1)) for seconds in (HOUR, HOUR - 1)
    )

    assert enough == (about(600), about(600))
    assert too_short == (HORIZON_SECONDS, HORIZON_SECONDS)


def test_a_reservation_takes_its_device_away_in_time() -> None:
    assert wait(lent(600, reserved_in=600 + HOUR - 1) + lent(2400)) == (about(2400), about(2400))
    assert wait(lent(600, reserved_in=600 + HOUR) + lent(2400)) == (about(600), about(600))


def test_a_reservation_that_begins_too_soon_takes_a_free_device_away() -> None:
    assert wait([Device(SMALL, 0, 0, reserved_in=HOUR - 1)]) == (HORIZON_SECONDS, HORIZON_SECONDS)


def test_those_who_will_overtake_are_expected() -> None:
    often = [Stream(head_start=600.0, per_second=1 / 200, kinds=frozenset({SMALL}))]
    no_head_start = [often[0]._replace(head_start=0.0)]
    elsewhere = [often[0]._replace(kinds=frozenset({BIG}))]
    devices = lent(500, 1000, 1500, 2000, 2500, 3000)

    assert wait(devices, streams=often)[1] > 1.8 * wait(devices)[1]
    assert wait(devices, streams=no_head_start) == wait(devices)
    assert wait([*devices, *lent(60, kind=BIG)], streams=elsewhere) == wait(devices)


def test_all_who_will_overtake_add_up() -> None:
    one, half = (Stream(600.0, 1 / seconds, frozenset({SMALL})) for seconds in (200, 400))
    devices = lent(500, 1000, 1500, 2000, 2500, 3000)

    assert wait(devices, streams=[half, half]) == pytest.approx(wait(devices, streams=[one]))


def test_small_requests_do_not_overtake_once_a_device_is_kept() -> None:
    small = [Stream(head_start=9000.0, per_second=1 / 200, kinds=frozenset({SMALL, BIG}))]
    equal = [small[0]._replace(kinds=frozenset({SMALL}))]
    devices = lent(500, 1000, 1500, 2000, 2500, 3000)
    soon, kept = ALICE._replace(kept_in=100.0), ALICE._replace(kept_in=-10.0)

    assert wait(devices, streams=small, waiter=kept) == wait(devices)
    assert wait(devices, streams=small, waiter=soon)[1] < wait(devices, streams=small)[1]
    assert wait(devices, streams=equal, waiter=kept) == wait(devices, streams=equal)


def test_a_quota_that_is_used_up_waits_for_the_own_device() -> None:
    full = ALICE._replace(own=[(0.0, 1800.0), (0.0, 3600.0)])

    assert wait(lent(600), waiter=full) == (about(1800), about(1800))


def test_a_rival_whose_quota_is_used_up_holds_up_nobody() -> None:
    assert wait(lent(600), ahead(3, own=[(0.0, 1800.0)])) == (about(600), about(600))


@pytest.mark.parametrize("rivals", [0, 1, 3, 8, 20])
def test_the_forecast_agrees_with_drawing_lots(rivals: int) -> None:
    draw = random.Random(rivals)
    used = [draw.random() * HOUR for _ in range(30)]
    forecast = wait([Device(SMALL, u, HOUR - u) for u in used], ahead(rivals), endings=HALF_EARLY)

    drawn = sorted(one_drawn_wait(draw, used, rivals) for _ in range(1000))

    assert forecast[0] == pytest.approx(drawn[500], rel=0.15, abs=30)
    assert forecast[1] == pytest.approx(drawn[900], rel=0.25, abs=45)


def one_drawn_wait(draw: random.Random, used: Sequence[float], rivals: int) -> float:
    """Draw when each device frees, lend each to a rival, and tell when the next one frees."""
    frees = [drawn_end(draw, seconds) - seconds for seconds in used]
    heapq.heapify(frees)
    for _ in range(rivals):
        freed = heapq.heappop(frees)
        heapq.heappush(frees, freed + drawn_end(draw, 0.0))
    return frees[0]


def drawn_end(draw: random.Random, used: float) -> float:
    """Draw how long an allocation of an hour lasts: half run in full, the others end anywhere."""
    while (lasts := min(draw.random() * 2, 1.0) * HOUR) <= used:
        pass
    return lasts


@pytest.mark.parametrize(
    ("count", "chance"),
    [
        pytest.param(Moments(), 0.0, id="none"),
        pytest.param(flip(1.0), 1.0, id="one for sure"),
        pytest.param(flip(0.5), 0.5, id="an even coin"),
        pytest.param(stream(2.0), 0.8647, id="some, in the mean two"),
        pytest.param(reduce(Moments.plus, [flip(0.1)] * 5), 0.4095, id="one of five that are unlikely"),
        pytest.param(Moments().minus(stream(5.0)), 0.0, id="only takers"),
        pytest.param(flip(1.0).plus(flip(1.0)).minus(flip(1.0)), 1.0, id="one of two is taken"),
        pytest.param(flip(1.0).minus(flip(1.0)), 0.0, id="the only one is taken"),
        pytest.param(stream(4.0).minus(flip(0.5)), 0.945, id="perhaps one is taken"),
        pytest.param(stream(1e6), 1.0, id="very many"),
        pytest.param(flip(0.5).minus(stream(1e6)), 0.0, id="very many are taken"),
    ],
)
def test_the_chance_that_one_is_left(count: Moments, chance: float) -> None:
    assert count.at_least_one() == pytest.approx(chance, abs=0.02)
    assert 0 <= count.at_least_one() <= 1


def test_moments_of_independent_counts_add_up() -> None:
    assert flip(0.25) == pytest.approx(Moments(0.25, 0.1875, 0.09375))
    assert stream(3.0).plus(flip(0.25)) == Moments(3.25, 3.1875, 3.09375)
    assert stream(3.0).minus(stream(1.0)) == Moments(2.0, 4.0, 2.0)


def test_each_who_asks_is_answered() -> None:
    line = [*ahead(2), ALICE]
    outlook = Outlook(NOW, PUNCTUAL, lent(600, 1200, 2400), line, [])

    estimates = Forecast(outlook, line[1:], Stretch([1.0] * 3, [2.0] * 3)).estimates()

    assert set(estimates) == {"rival-1", "alice"}
    assert estimates["alice"].p50 == about(2400)
    assert estimates["alice"].p90 == pytest.approx(2 * estimates["alice"].raw_p90 + 30, abs=1)
