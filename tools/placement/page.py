"""docs/placement.md: what the evaluation found, in tables that say how sure they are, and what of the goals holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean

from benchmarks.outcome import Plot, Series
from scheduler.domain.placement_model import PlacementModel
from tools.placement.goals import (
    BASE,
    CEILING,
    COST,
    FAILURES,
    GOAL_FEWER,
    LEARNED,
    UTILISATION,
    WAIT,
    fewer,
    goals,
    held,
    losses,
    mean_lent,
    meets_all,
    percent,
    share_of_gain,
)
from tools.placement.runs import Result, Results
from tools.placement.worlds import (
    BOOKED,
    DRIFT,
    FULLNESS,
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


def page(results: Results, model: PlacementModel, text: str) -> str:
    """Give the page. `text`: what is written by hand, with a place for each part that is found."""
    parts = {
        "weights": _weights(model),
        "training": _training(model),
        "roomy": _compared(results, ROOMY),
        "others": _compared(results, OTHERS),
        "usual": _compared(results, USUAL),
        "fullness": _fullness(results),
        "booked": _booked(results),
        "null": _compared(results, NULL),
        "drift": _drift(results),
        "off_policy": _off_policy(results),
        "goals": _table(["what", "found", "holds"], goals(results)),
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
        _room(results),
        Plot("drift", "Grants on hosts that turn bad after 7 days", "day", "%", drift),
    ]


def _fullness(results: Results) -> str:
    heads = [
        "phones",
        "lent, %",
        "`oracle`: fewer",
        "`smart`: fewer",
        "of that gain",
        "utilisation",
        "p90 wait",
        "all four",
    ]
    rows = list[list[str]]()
    for trial in FULLNESS:
        found = results[trial.name]
        gains = [percent(fewer(found[name], found[BASE])) for name in (CEILING, LEARNED)]
        share = f"{100 * share_of_gain(found, BASE):.0f} %"
        lost = [told for told, _ in losses(found)]
        met = held(is_held=meets_all(found))
        rows.append([str(trial.world.devices), f"{100 * mean_lent(found):.0f}", *gains, share, *lost, met])
    return _table(heads, rows)


def _booked(results: Results) -> str:
    rows = [
        [
            f"`{name}`",
            _written([run[FAILURES] for run in runs]),
            *(_written([100 * run[f"reservations {what}"] for run in runs]) for what in ("kept", "moved")),
            _written([run[WAIT] / 60 for run in runs]),
        ]
        for name, runs in results[BOOKED.name].items()
    ]
    return _table(["strategy", "failures of 1,000", "kept, %", "moved, %", "p90 wait, min"], rows)


def _room(results: Results) -> Plot:
    trials = [results[trial.name] for trial in FULLNESS]
    lent = tuple(100 * mean_lent(found) for found in trials)
    series = list[Series]()
    for name in (CEILING, LEARNED):
        gains = [tuple(100 * part for part in fewer(found[name], found[BASE])) for found in trials]
        spread = tuple((mean - low, high - mean) for mean, low, high in gains)
        series.append(Series(name, lent, tuple(mean for mean, _, _ in gains), spread))
    title = f"How many fewer failures than {BASE}, by how full the fleet is"
    return Plot("fullness", title, "% of the time lent", "%", tuple(series), mark=100 * GOAL_FEWER)


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
            percent(fewer(runs, results[trial.name][BASE])) if name != BASE else "",
            _written([100 * run[UTILISATION] for run in runs]),
            _written([run[WAIT] / 60 for run in runs]),
            _written([run[COST] for run in runs], 4),
        ]
        for name, runs in results[trial.name].items()
    ]
    heads = ["strategy", "failures of 1,000", f"fewer than `{BASE}`", "utilisation, %", "p90 wait, min", "cost an hour"]
    return _table(heads, rows)


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
    counts = {trial: len(results[trial.name][trial.strategies[0]]) for trial in TRIALS}
    named = [f"{trial.name} {count}" for trial, count in counts.items() if trial not in FULLNESS]
    return ", ".join([*named, f"each size of fleet {counts[FULLNESS[0]]}"])


def _written(values: Sequence[float], digits: int = 2) -> str:
    mean, low, high = interval(values)
    return f"{mean:.{digits}f} ± {(high - low) / 2:.{digits}f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
