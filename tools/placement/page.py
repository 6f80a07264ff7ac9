"""docs/placement.md: what the evaluation found, in tables that say how sure they are, and what of the goals holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

from benchmarks.outcome import Plot, Series
from scheduler.domain.placement_model import PlacementModel
from tools.placement.runs import Result, Results
from tools.placement.worlds import (
    DRIFT,
    LOGGED,
    NULL,
    OFF_POLICY,
    OTHERS,
    ROOMY,
    TARGET,
    TRIALS,
    TURN_DAY,
    USUAL,
    Trial,
)
from tools.simulate.figures import interval

FAILURES, COST = "failures per 1000 sessions", "cost per used hour"
UTILISATION, WAIT = "utilisation", "wait p90 all"
BASE, LEARNED, CEILING, FALLBACK = "fewest_failures", "smart", "oracle", "resource_based"
GOAL_FEWER, GOAL_SHARE, GOAL_COST = 0.25, 0.6, 0.05


def page(results: Results, model: PlacementModel, text: str) -> str:
    """Give the page. `text`: what is written by hand, with a place for each part that is found."""
    parts = {
        "weights": _weights(model),
        "training": _training(model),
        "roomy": _compared(results, ROOMY),
        "others": _compared(results, OTHERS),
        "usual": _compared(results, USUAL),
        "null": _compared(results, NULL),
        "drift": _drift(results),
        "off_policy": _off_policy(results),
        "goals": _goals(results),
        "seeds": _seeds(results),
    }
    for name, found in parts.items():
        text = text.replace(f"<!-- {name} -->", found)
    return text


def plots(results: Results, model: PlacementModel) -> list[Plot]:
    """Give the pictures."""
    bins = model.metrics["calibration"]
    said, seen = (tuple(100 * one[name] for one in bins) for name in ("said", "seen"))
    days = tuple(range(int(DRIFT.demand.days)))
    drift = tuple(
        Series(name, days, tuple(100 * fmean(run[f"turned on day {day}"] for run in runs) for day in days))
        for name, runs in results[DRIFT.name].items()
    )
    return [
        _bars(
            "failures",
            "Failures that users meet, of 1,000 sessions (roomy)",
            {**results[OTHERS.name], **results[ROOMY.name]},
        ),
        Plot(
            "calibration",
            "Failures in 100 hours, by what the model said",
            "said, in 100 hours",
            "seen",
            (Series("seen", said, seen), Series("as said", said, said)),
        ),
        Plot("drift", "Grants on hosts that turn bad after 7 days", "day", "%", drift),
    ]


def fewer(of: Sequence[Result], base: Sequence[Result]) -> tuple[float, float, float]:
    """Tell by what share failures are fewer, seed by seed, with the ends of the 95 % interval."""
    return interval([1 - one[FAILURES] / other[FAILURES] for one, other in zip(of, base, strict=True)])


def share_of_gain(trial: Mapping[str, Sequence[Result]], base: str) -> float:
    """Tell what share of the oracle's gain over a strategy the learned one has."""
    mean = {name: fmean(run[FAILURES] for run in trial[name]) for name in (base, LEARNED, CEILING)}
    return (mean[base] - mean[LEARNED]) / (mean[base] - mean[CEILING])


def _bars(name: str, title: str, trial: Mapping[str, Sequence[Result]]) -> Plot:
    found = {strategy: interval([run[FAILURES] for run in runs]) for strategy, runs in trial.items()}
    series = tuple(
        Series(strategy, ("",), (mean,), ((mean - low, high - mean),)) for strategy, (mean, low, high) in found.items()
    )
    return Plot(name, title, "", "", series, kind="bars")


def _compared(results: Results, trial: Trial) -> str:
    rows = [
        [
            f"`{name}`",
            _written([run[FAILURES] for run in runs]),
            _percent(fewer(runs, results[trial.name][BASE])) if name != BASE else "",
            _written([100 * run[UTILISATION] for run in runs]),
            _written([run[WAIT] / 60 for run in runs]),
            _written([run[COST] for run in runs], 4),
        ]
        for name, runs in results[trial.name].items()
    ]
    heads = ["strategy", "failures of 1,000", f"fewer than `{BASE}`", "utilisation, %", "p90 wait, min", "cost an hour"]
    return _table(heads, rows)


def _goals(results: Results) -> str:
    roomy, usual, null, others = (results[trial.name] for trial in (ROOMY, USUAL, NULL, OTHERS))
    rows = list[list[str]]()
    for name, trial in (("roomy", roomy), ("usual", usual)):
        mean, low, high = fewer(trial[LEARNED], trial[BASE])
        apart = _apart([run[FAILURES] for run in trial[LEARNED]], [run[FAILURES] for run in trial[BASE]])
        overlap = "intervals apart" if apart else "intervals overlap"
        rows.append(
            [
                f"{name}: failures at least 25 % fewer than `{BASE}`",
                f"{_percent((mean, low, high))}; {overlap}",
                _held(is_held=mean >= GOAL_FEWER and apart),
            ]
        )
        share = share_of_gain(trial, BASE)
        above = share_of_gain(trial, FALLBACK)
        told = f"{100 * share:.0f} % of it over `{BASE}`, {100 * above:.0f} % over `{FALLBACK}`"
        rows.append([f"{name}: at least 60 % of the oracle's gain", told, _held(is_held=share >= GOAL_SHARE)])
        rows += [
            [f"{name}: no loss of {what}", *_loss(trial, measure, sign, scale, unit)]
            for what, measure, sign, scale, unit in (
                ("utilisation", UTILISATION, 1, 100, "points"),
                ("p90 wait", WAIT, -1, 1 / 60, "min"),
            )
        ]
    mean, low, high = _difference(null[LEARNED], null["random"], FAILURES)
    rows.append(
        [
            "null world: no difference from `random`",
            f"{mean:+.2f} ({low:+.2f} to {high:+.2f}) failures of 1,000",
            _held(is_held=low <= 0 <= high),
        ]
    )
    for name in ("smart_wrong", "smart_wrong_on_trial"):
        for what, measure in (("cost", COST), ("failures", FAILURES)):
            more = interval([a[measure] / b[measure] - 1 for a, b in zip(others[name], others[FALLBACK], strict=True)])
            limit = _held(is_held=more[0] <= GOAL_COST)
            rows.append([f"`{name}`: at most 5 % more {what} than `{FALLBACK}`", _percent(more), limit])
    return _table(["what", "found", "holds"], rows)


def _loss(trial: Mapping[str, Sequence[Result]], measure: str, sign: int, scale: float, unit: str) -> list[str]:
    """Say how a measure differs from the baseline's; a loss is one that the interval shows."""
    mean, low, high = (scale * part for part in _difference(trial[LEARNED], trial[BASE], measure))
    worst = high if sign > 0 else -low
    return [f"{mean:+.3f} ({low:+.3f} to {high:+.3f}) {unit}", _held(is_held=worst >= 0)]


def _difference(of: Sequence[Result], base: Sequence[Result], measure: str) -> tuple[float, float, float]:
    return interval([one[measure] - other[measure] for one, other in zip(of, base, strict=True)])


def _apart(one: Sequence[float], other: Sequence[float]) -> bool:
    (_, low, high), (_, other_low, other_high) = interval(one), interval(other)
    return high < other_low or other_high < low


def _drift(results: Results) -> str:
    rows = [
        [
            f"`{name}`",
            *(
                f"{100 * fmean(run[f'turned on day {day}'] for run in runs for day in days):.1f}"
                for days in (range(TURN_DAY - 3, TURN_DAY), *((TURN_DAY + n,) for n in (0, 1, 2, 4, 6)))
            ),
        ]
        for name, runs in results[DRIFT.name].items()
    ]
    return _table(["% of grants", "3 days before", *(f"day {n}" for n in (1, 2, 3, 5, 7))], rows)


def _off_policy(results: Results) -> str:
    logged, target = results[OFF_POLICY.name][LOGGED], results[OFF_POLICY.name][TARGET]
    rows = [
        ["logging policy, as seen", _written([run["logged"] for run in logged])],
        ["target by SNIPS", _written([run["SNIPS"] for run in logged])],
        ["target, doubly robust", _written([run["doubly robust"] for run in logged])],
        ["the truth of the same choices", _written([run["truth"] for run in logged])],
        ["target, played from the first session on", _written([run["logged"] for run in target])],
        [
            "effective sample size, a seed",
            f"{fmean(run['effective sample size'] for run in logged):.0f} of"
            f" {fmean(run['sessions'] for run in logged):.0f} sessions",
        ],
    ]
    return _table(["", "failures of 1,000"], rows)


def _training(model: PlacementModel) -> str:
    metrics = model.metrics
    rows = [
        ["Brier score", f"{metrics['brier']:.5f}", f"{metrics['brier_one_rate']:.5f}"],
        ["log loss", f"{metrics['log_loss']:.5f}", f"{metrics['log_loss_one_rate']:.5f}"],
        ["failures expected", f"{metrics['expected_failures']:.0f}", f"{metrics['failures']} came"],
    ]
    about = (
        f"Model `{model.name}`, of {model.sessions:,} sessions up to {model.trained_at:%Y-%m-%d}; tested on the last"
        f" {metrics['tested_sessions']:,} of them."
    )
    return f"{about}\n\n{_table(['', 'model', 'one rate for all'], rows)}"


def _weights(model: PlacementModel) -> str:
    return _table(["weight", "value"], [[f"`{name}`", f"{value:g}"] for name, value in asdict(model.weights).items()])


def _seeds(results: Results) -> str:
    counts = (f"{trial.name} {len(results[trial.name][trial.strategies[0]])}" for trial in TRIALS)
    return ", ".join(counts)


def _written(values: Sequence[float], digits: int = 2) -> str:
    mean, low, high = interval(values)
    return f"{mean:.{digits}f} ± {(high - low) / 2:.{digits}f}"


def _percent(of: tuple[float, float, float]) -> str:
    mean, low, high = (100 * part for part in of)
    return f"{mean:.1f} % ({low:.1f} to {high:.1f})"


def _held(*, is_held: bool) -> str:
    return "yes" if is_held else "**no**"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
