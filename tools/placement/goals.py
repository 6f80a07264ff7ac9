"""What of the goals of learned placement holds, with how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from tools.placement.runs import Result, Results
from tools.placement.worlds import BOOKED, FULLNESS, NULL, OTHERS, ROOMY, USUAL
from tools.simulate.figures import interval

FAILURES, COST = "failures per 1000 sessions", "cost per used hour"
UTILISATION, WAIT = "utilisation", "wait p90 all"
KEPT = "reservations kept"
BASE, LEARNED, CEILING, FALLBACK = "fewest_failures", "smart", "oracle", "resource_based"
GOAL_FEWER, GOAL_SHARE, GOAL_COST = 0.25, 0.6, 0.05
NO_LOSS = 0.001
"""What is less by no more than this share of what it was is no loss; docs/placement.md says why."""

type Found = Mapping[str, Sequence[Result]]
"""The runs of a trial, by strategy."""


def fewer(of: Sequence[Result], base: Sequence[Result]) -> tuple[float, float, float]:
    """Tell by what share failures are fewer, seed by seed, with the ends of the 95 % interval."""
    return interval([1 - one[FAILURES] / other[FAILURES] for one, other in zip(of, base, strict=True)])


def share_of_gain(found: Found, base: str) -> float:
    """Tell what share of the oracle's gain over a strategy the learned one has."""
    mean = {name: fmean(run[FAILURES] for run in found[name]) for name in (base, LEARNED, CEILING)}
    return (mean[base] - mean[LEARNED]) / (mean[base] - mean[CEILING])


def apart_from_base(found: Found) -> bool:
    """Tell whether the interval of the learned strategy's failures and that of the baseline's do not meet."""
    (_, low, high), (_, other_low, other_high) = (
        interval([run[FAILURES] for run in found[name]]) for name in (LEARNED, BASE)
    )
    return high < other_low or other_high < low


def is_fewer(found: Found) -> bool:
    """Tell whether failures are a quarter fewer than the baseline's, beyond doubt."""
    return fewer(found[LEARNED], found[BASE])[0] >= GOAL_FEWER and apart_from_base(found)


def meets_all(found: Found) -> bool:
    """Tell whether a fleet meets all four: fewer failures, near the oracle's, and no loss of either measure."""
    return is_fewer(found) and share_of_gain(found, BASE) >= GOAL_SHARE and all(is_held for _, is_held in losses(found))


def mean_lent(found: Found) -> float:
    """Give the share of the time for which phones are lent, under the baseline."""
    return fmean(run[UTILISATION] for run in found[BASE])


def losses(found: Found) -> list[tuple[str, bool]]:
    """Say how utilisation and p90 wait differ from the baseline's, and whether that is no loss: see `NO_LOSS`."""
    told = list[tuple[str, bool]]()
    for measure, sign, scale, unit in ((UTILISATION, 1, 100, "points"), (WAIT, -1, 1 / 60, "min")):
        mean, low, high = (scale * part for part in _difference(found[LEARNED], found[BASE], measure))
        allowed = NO_LOSS * scale * fmean(run[measure] for run in found[BASE])
        told.append((f"{mean:+.3f} ({low:+.3f} to {high:+.3f}) {unit}", (high if sign > 0 else -low) >= -allowed))
    return told


def goals(results: Results) -> list[list[str]]:
    """Give a row of each goal: what is wanted, what was found, whether it holds."""
    return [
        *_gains("roomy", results[ROOMY.name]),
        *_gains("usual", results[USUAL.name]),
        _room_to_choose(results),
        _kept(results[BOOKED.name]),
        _null(results[NULL.name]),
        *_wrong(results[OTHERS.name]),
    ]


def _gains(name: str, found: Found) -> Iterator[list[str]]:
    mean, low, high = fewer(found[LEARNED], found[BASE])
    overlap = "intervals apart" if apart_from_base(found) else "intervals overlap"
    yield [
        f"{name}: failures at least 25 % fewer than `{BASE}`",
        f"{percent((mean, low, high))}; {overlap}",
        held(is_held=is_fewer(found)),
    ]
    share, above = (share_of_gain(found, base) for base in (BASE, FALLBACK))
    told = f"{100 * share:.0f} % of it over `{BASE}`, {100 * above:.0f} % over `{FALLBACK}`"
    yield [f"{name}: at least 60 % of the oracle's gain", told, held(is_held=share >= GOAL_SHARE)]
    for what, (told, is_held) in zip(("utilisation", "p90 wait"), losses(found), strict=True):
        yield [f"{name}: no loss of {what}", told, held(is_held=is_held)]


def _room_to_choose(results: Results) -> list[str]:
    """Look at the fleets in which the goals can be met at all: 60 % of what knowing everything saves is 25 %."""
    able = [results[trial.name] for trial in FULLNESS]
    able = [found for found in able if GOAL_SHARE * fewer(found[CEILING], found[BASE])[0] >= GOAL_FEWER]
    met = [found for found in able if meets_all(found)]
    lent = max((mean_lent(found) for found in met), default=0.0)
    told = f"{len(met)} of {len(able)}, up to {100 * lent:.0f} % lent"
    return [
        "all four, in each fleet where 60 % of the oracle's gain is 25 %",
        told,
        held(is_held=bool(able) and met == able),
    ]


def _kept(found: Found) -> list[str]:
    mean, low, high = (100 * part for part in _difference(found[LEARNED], found[BASE], KEPT))
    told = f"{mean:+.2f} ({low:+.2f} to {high:+.2f}) points"
    return [f"booked: no fewer reservations kept than under `{BASE}`", told, held(is_held=high >= 0)]


def _null(found: Found) -> list[str]:
    mean, low, high = _difference(found[LEARNED], found["random"], FAILURES)
    told = f"{mean:+.2f} ({low:+.2f} to {high:+.2f}) failures of 1,000"
    return ["null world: no difference from `random`", told, held(is_held=low <= 0 <= high)]


def _wrong(found: Found) -> Iterator[list[str]]:
    for name in ("smart_wrong", "smart_wrong_on_trial"):
        for what, measure in (("cost", COST), ("failures", FAILURES)):
            more = interval([a[measure] / b[measure] - 1 for a, b in zip(found[name], found[FALLBACK], strict=True)])
            limit = held(is_held=more[0] <= GOAL_COST)
            yield [f"`{name}`: at most 5 % more {what} than `{FALLBACK}`", percent(more), limit]


def _difference(of: Sequence[Result], base: Sequence[Result], measure: str) -> tuple[float, float, float]:
    return interval([one[measure] - other[measure] for one, other in zip(of, base, strict=True)])


def percent(of: tuple[float, float, float]) -> str:
    """Write a share with its interval."""
    mean, low, high = (100 * part for part in of)
    return f"{mean:.1f} % ({low:.1f} to {high:.1f})"


def held(*, is_held: bool) -> str:
    """Say whether a goal holds."""
    return "yes" if is_held else "**no**"
