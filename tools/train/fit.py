"""Fits a placement model to ended sessions, in the order of their time: earlier ones teach, later ones test."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack, lil_matrix
from sklearn.linear_model import LinearRegression, PoissonRegressor
from sklearn.metrics import brier_score_loss, log_loss

from scheduler.domain.placement import Standing, appraise, failure_chance
from scheduler.domain.placement_model import (
    QUANTILES,
    WEAR_SCALE_HOURS,
    Calibration,
    PlacementModel,
    Strengths,
    Uses,
    cell,
)
from scheduler.domain.placement_record import UNSEEN, Record, Session, fold
from tools.simulate.figures import percentile
from tools.simulate.history import Ended

TAUGHT, TUNED = 0.6, 0.8
"""Shares: the first sessions fit coefficients, those between half-life, strengths and calibration; the rest test."""
SPREAD, FREE = 0.8, 10.0
"""Of the logarithms of devices' and hosts' own rates, as the regression believes; other effects may be larger."""
FEWEST = 500
FEWEST_OF_A_CELL = 50
BINS = 10
STRENGTHS = (0.3, 0.6, 1.0, 2.0, 4.0, 8.0)
KIND_STRENGTHS = (5.0, 20.0)
HALF_LIVES = (7.0, 14.0, 30.0, 60.0, 120.0)
SMALLEST = 1e-6

type Tell = Callable[[float], None]


class TooLittle(ValueError):
    """There is not enough to learn from."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model said of a session before it began, and how that ended."""

    hazard: float
    hours: float
    failed: bool

    @property
    def chance(self) -> float:
        """To fail within the hours that she used it; a failure cuts them short, so they are not known before."""
        return failure_chance(self.hazard, self.hours)


def fitted(history: Sequence[Ended], name: str, at: datetime, tell: Tell = lambda _: None) -> PlacementModel:
    """Fit a model.

    Args:
        history: In the order of time.
        name: Of the model.
        at: When it is trained.
        tell: Hears what share is done.

    Raises:
        TooLittle: There are too few sessions, or no failure among those that teach or test.
    """
    first, second = int(len(history) * TAUGHT), int(len(history) * TUNED)
    parts = history[:first], history[first:second], history[second:]
    if len(history) < FEWEST or not all(any(one.failed for one in part) for part in parts):
        raise TooLittle(f"{len(history)} sessions; needed are {FEWEST}, with failures early and late among them")
    model = replace(_with_coefficients(parts[0]), name=name, trained_at=at, sessions=len(history))
    tell(0.05)
    model = _tuned(model, history[:second], first, tell)
    model = replace(model, calibration=_calibration(predictions(model, history[:second])[first:]))
    tell(0.9)
    tested = predictions(model, history)[second:]
    base_rate = sum(one.failed for one in history[:second]) / sum(one.hours for one in history[:second])
    return replace(model, metrics=measured(tested, base_rate))


def predictions(model: PlacementModel, history: Sequence[Ended]) -> list[Predicted]:
    """Say of each session what the model believed before it ended, having seen all that ended before."""
    records: defaultdict[str, Record] = defaultdict(lambda: UNSEEN)
    said = list[Predicted]()
    for one in history:
        names = one.device, f"host {one.host}", f"model {one.kind}"
        own, host, of_kind = (records[name] for name in names)
        standing = Standing(own, host, of_kind, one.kind, one.load)
        said.append(Predicted(appraise(model, standing, one.at).hazard, one.hours, one.failed))
        session = Session(one.at, one.hours, one.failed, one.kind, one.load, one.start_seconds)
        for name in names:
            records[name] = fold(model, records[name], session, own.used_hours)
    return said


def measured(said: Sequence[Predicted], base_rate: float) -> Mapping[str, Any]:
    """Say how well sessions were predicted; beside it what one rate for all would have done.

    Args:
        said: Of sessions that taught nothing.
        base_rate: Failures an hour among those that did.
    """
    chances = np.array([min(max(one.chance, SMALLEST), 1 - SMALLEST) for one in said])
    plain = np.array([failure_chance(base_rate, max(one.hours, SMALLEST)) for one in said])
    failed = np.array([one.failed for one in said])
    return {
        "tested_sessions": len(said),
        "failures": int(failed.sum()),
        "expected_failures": round(float(sum(one.hazard * one.hours for one in said)), 1),
        "brier": float(brier_score_loss(failed, chances)),
        "brier_one_rate": float(brier_score_loss(failed, plain)),
        "log_loss": float(log_loss(failed, chances)),
        "log_loss_one_rate": float(log_loss(failed, plain)),
        "calibration": _bins(said),
    }


def deviance(said: Sequence[Predicted]) -> float:
    """Give the mean negative log-likelihood of hazards, for sessions that a failure or their end cuts off."""
    return fmean(one.hazard * one.hours - (math.log(max(one.hazard, SMALLEST)) if one.failed else 0.0) for one in said)


def _bins(said: Sequence[Predicted]) -> list[dict[str, float]]:
    """Compare failures an hour, said and seen, in groups of equally many sessions, the safest first."""
    ordered = sorted(said, key=lambda one: one.hazard)
    bounds = [round(number * len(ordered) / BINS) for number in range(BINS + 1)]
    groups = (ordered[low:high] for low, high in pairwise(bounds) if high > low)
    return [
        {
            "sessions": len(group),
            "hours": round(hours := max(sum(one.hours for one in group), SMALLEST), 2),
            "said": sum(one.hazard * one.hours for one in group) / hours,
            "seen": sum(one.failed for one in group) / hours,
        }
        for group in groups
    ]


def _with_coefficients(history: Sequence[Ended]) -> PlacementModel:
    """Fit what load, wear and the model of a device do to failures an hour, and how long starts and use take."""
    kinds = sorted({one.kind for one in history if one.kind})
    load_known = [one.load for one in history if one.load is not None]
    usual_load = min(max(fmean(load_known), 0.0), 1.0) if load_known else 0.0
    worn: defaultdict[str, float] = defaultdict(float)
    places = [*sorted({one.device for one in history}), *sorted({f"host {one.host}" for one in history})]
    column = {place: number for number, place in enumerate(places)}
    rows, dummies = list[list[float]](), lil_matrix((len(history), len(places)))
    for number, one in enumerate(history):
        load = usual_load if one.load is None else one.load
        state = [load**2, worn[one.device] / WEAR_SCALE_HOURS, *(float(one.kind == kind) for kind in kinds)]
        rows.append([FREE * part for part in state])
        dummies[number, column[one.device]] = dummies[number, column[f"host {one.host}"]] = 1.0
        worn[one.device] += one.hours
    hours = np.array([max(one.hours, SMALLEST) for one in history])
    failed = np.array([float(one.failed) for one in history])
    fit = PoissonRegressor(alpha=1 / (SPREAD**2 * float(hours.sum())), tol=1e-8, max_iter=2000)
    fit.fit(csr_matrix(hstack([csr_matrix(np.array(rows)), dummies])), failed / hours, sample_weight=hours)
    by_load, by_wear, *by_kind = (FREE * float(part) for part in fit.coef_[: 2 + len(kinds)])
    shares = [sum(one.hours for one in history if one.kind == kind) / float(hours.sum()) for kind in kinds]
    middle = sum(share * part for share, part in zip(shares, by_kind, strict=True))
    slowness = _slowness(history, usual_load)
    return PlacementModel(
        base=min(max(math.exp(float(fit.intercept_) + middle), 1e-6), 0.5),
        kinds={kind: min(max(math.exp(part - middle), 0.05), 20.0) for kind, part in zip(kinds, by_kind, strict=True)},
        load=(0.0, min(max(by_load, 0.0), 5.0)),
        usual_load=usual_load,
        wear=min(max(by_wear, 0.0), 3.0),
        usual_hours=fmean(one.hours for one in history),
        uses=_uses(history),
        **slowness,
    )


def _regression() -> PoissonRegressor:
    """Rates are small, and so are gradients: with the usual tolerance it stops where it starts."""
    return PoissonRegressor(alpha=1e-6, solver="newton-cholesky", tol=1e-9, max_iter=1000)


def _slowness(history: Sequence[Ended], usual_load: float) -> dict[str, Any]:
    """Fit starts: seconds by device model, and how load stretches them."""
    told = [(one.kind, usual_load if one.load is None else one.load, one.start_seconds) for one in history]
    seen = [(kind, load, seconds) for kind, load, seconds in told if seconds]
    if not seen:
        return {}
    logs = np.array([math.log(seconds) for _, _, seconds in seen])
    loads = np.array([[math.log1p(load)] for _, load, _ in seen])
    kinds = sorted({kind for kind, _, _ in seen if kind})
    dummies = np.array([[float(kind == one) for one in kinds] for kind, _, _ in seen]).reshape(len(seen), len(kinds))
    fit = LinearRegression().fit(np.hstack([loads, dummies]), logs)
    stretch = min(max(2 ** float(fit.coef_[0]) - 1, 0.0), 10.0)
    idle = [(kind, seconds / (1 + stretch * load)) for kind, load, seconds in seen]
    by_kind = {kind: fmean(seconds for of, seconds in idle if of == kind) for kind in kinds}
    return {"start_seconds": fmean(s for _, s in idle), "start_kinds": by_kind, "start_load": stretch}


def _uses(history: Sequence[Ended]) -> Uses:
    """Learn after what share of the asked minutes devices come back; failures tell nothing of that."""
    own = [one for one in history if not one.failed]
    shares: defaultdict[str, list[float]] = defaultdict(list)
    for one in own:
        shares[cell(one.tenant, one.minutes)].append(one.hours * 60 / one.minutes)
    table = Uses(
        of_all=_quantiles([share for of_cell in shares.values() for share in of_cell]),
        cells={name: _quantiles(values) for name, values in shares.items() if len(values) >= FEWEST_OF_A_CELL},
    )
    weights = [step / 4 for step in range(5)]
    return min((replace(table, own_weight=weight) for weight in weights), key=lambda uses: _off_hours(uses, own))


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(percentile(values, share), 4) for share in QUANTILES]


def _off_hours(uses: Uses, history: Sequence[Ended]) -> float:
    """Give the mean absolute error of the expected hours, users' own past included."""
    model, past, off = PlacementModel(uses=uses), dict[tuple[str, str], tuple[float, ...]](), list[float]()
    for one in history:
        last = past.get((one.tenant, one.user), ())
        off.append(abs(model.expected_hours(one.tenant, one.minutes, last) - one.hours))
        past[one.tenant, one.user] = (*last[-1:], one.hours)
    return fmean(off)


def _tuned(model: PlacementModel, history: Sequence[Ended], first: int, tell: Tell) -> PlacementModel:
    """Find half-life and strengths, one after the other, by how likely they make the sessions from `first` on."""
    searches: Sequence[tuple[Sequence[float], Callable[[PlacementModel, float], PlacementModel]]] = (
        (STRENGTHS, lambda was, value: _stronger(was, device=value)),
        (STRENGTHS, lambda was, value: _stronger(was, host=value)),
        (HALF_LIVES, lambda was, value: replace(was, half_life_days=value)),
        (KIND_STRENGTHS, lambda was, value: _stronger(was, kind=value)),
        (STRENGTHS, lambda was, value: _stronger(was, device=value)),
    )
    tries, done = sum(len(values) for values, _ in searches), 0
    for values, changed in searches:
        scored = list[tuple[float, int]]()
        for number, value in enumerate(values):
            scored.append((deviance(predictions(changed(model, value), history)[first:]), number))
            done += 1
            tell(0.05 + 0.8 * done / tries)
        model = changed(model, values[min(scored)[1]])
    return model


def _stronger(model: PlacementModel, **strengths: float) -> PlacementModel:
    changed: Strengths = replace(model.strengths, **strengths)
    return replace(model, strengths=changed)


def _calibration(said: Sequence[Predicted]) -> Calibration:
    """Straighten hazards on the scale of their logarithm: Platt's scaling, for times that are cut off."""
    hours = np.array([max(one.hours, SMALLEST) for one in said])
    failed = np.array([float(one.failed) for one in said])
    logs = np.array([[math.log(one.hazard)] for one in said])
    fit = _regression().fit(logs, failed / hours, sample_weight=hours)
    slope = min(max(float(fit.coef_[0]), 0.2), 2.0)
    intercept = math.log(float(failed.sum()) / float((hours * np.exp(slope * logs[:, 0])).sum()))
    return Calibration(slope, min(max(intercept, -10.0), 10.0))
