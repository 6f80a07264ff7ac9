"""What ended sessions teach: the records of device, host and model after them, and how well they were foretold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any

from scheduler.domain.placement import Standing, appraise, failure_chance, posterior
from scheduler.domain.placement_document import ModelError, read_model
from scheduler.domain.placement_model import PlacementModel
from scheduler.domain.placement_record import UNSEEN, Record, Session, fold
from scheduler.domain.placement_trust import WATCHED, Doubt, doubt, watched
from scheduler.domain.placement_uses import uses_after

UNREADABLE = "unreadable"
"""A published document that this version does not know the format of, as after a rollback."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a trial: its ended sessions, how many were expected to fail by the model, and how many did.

    `name`: `canary`, lent by the learned strategy, and `control`, as ever, drawn by lot; in a shadow trial, which lends
    as ever, `agreed`: that device would have been lent anyway, and `differed`.
    """

    name: str
    sessions: int = 0
    expected: float = 0.0
    failed: int = 0

    def plus(self, chance: float, *, failed: bool) -> "Arm":
        """Count a session in."""
        return replace(
            self, sessions=self.sessions + 1, expected=self.expected + chance, failed=self.failed + int(failed)
        )


@dataclass(frozen=True, slots=True)
class Learned:
    """What a lesson taught: records and uses to keep, by the columns' names; the last outcomes; how a trial stands."""

    records: Sequence[Mapping[str, Any]]
    watched: Sequence[tuple[float, bool]]
    arms: Sequence[Arm] = ()
    uses: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Learning:
    """The published model, and how far it has been taught.

    Attributes:
        sessions: Sessions that records are kept of.
        learned_until: Ends up to which they are; None: none yet.
        trained_at: None: it is unreadable.
        doubt: Why the model should not be followed (`Doubt`, or `unreadable`: this version does not know its format);
            None: nothing speaks against it.
        arms: How the sessions of a trial under way ended.
    """

    name: str
    trained_at: datetime | None
    published_at: datetime
    published_by: str
    sessions: int
    learned_until: datetime | None
    doubt: str | None
    arms: Sequence[Arm] = ()


class Because(StrEnum):
    """Why resource_based is followed though the learned strategy was chosen."""

    MODEL_MISSING = "model_missing"
    """None is published, or none that this version can read."""
    MODEL_STALE = "model_stale"
    CALIBRATION_ALARM = "calibration_alarm"
    """Failures do not come as the model says."""


_BECAUSE: Mapping[str, Because] = {
    UNREADABLE: Because.MODEL_MISSING,
    Doubt.STALE: Because.MODEL_STALE,
    Doubt.MISCALIBRATED: Because.CALIBRATION_ALARM,
    Doubt.MISORDERED: Because.CALIBRATION_ALARM,
}


def because_of(learning: Learning | None) -> Because | None:
    """Say why the published model must not decide; None: it may."""
    if learning is None:
        return Because.MODEL_MISSING
    return None if learning.doubt is None else _BECAUSE[learning.doubt]


type Place = tuple[str, str]
"""A scope (device, host or kind) and the id in it."""


class Notebook:
    """Records while sessions are folded in, in the order of their ends."""

    def __init__(self, model: PlacementModel, records: Mapping[Place, Record]) -> None:
        """Begin with what is known."""
        self._model = model
        self._records = dict(records)
        self._changed: set[Place] = set()

    def learn(self, device_id: str, host: str | None, session: Session) -> float:
        """Fold a session in; give the chance to fail that was seen in it before its outcome was known."""
        standing = standing_of(self._records, device_id, host, session.kind)
        worn = standing.own.used_hours
        rate = posterior(self._model, standing, session.ended_at).mean
        hazard = self._model.hazard(rate, self._model.multiplier(session.kind, session.load, worn))
        for place in places(device_id, host, session.kind):
            before = self._records.get(place, UNSEEN)
            self._records[place] = fold(self._model, before, session, worn)
            self._changed.add(place)
        return failure_chance(hazard, session.hours)

    def changed(self) -> list[dict[str, Any]]:
        """Give what is to be kept, by the columns' names."""
        return [
            {"scope": scope, "id": name} | asdict(self._records[scope, name]) for scope, name in sorted(self._changed)
        ]


def places(device_id: str, host: str | None, kind: str | None) -> list[Place]:
    """Name the records that a device's sessions belong to."""
    named = [("device", device_id), ("host", host), ("kind", kind)]
    return [(scope, name) for scope, name in named if name is not None]


def standing_of(records: Mapping[Place, Record], device_id: str, host: str | None, kind: str | None) -> Standing:
    """Put together what is known of a device; its load is not."""
    own, of_host, of_kind = (
        UNSEEN if name is None else records.get((scope, name), UNSEEN)
        for scope, name in (("device", device_id), ("host", host), ("kind", kind))
    )
    return Standing(own=own, host=of_host, of_kind=of_kind, kind=kind)


def records_of(rows: Sequence[Mapping[str, Any]]) -> dict[Place, Record]:
    """Read records as they are kept."""
    return {
        (row["scope"], row["id"]): Record(
            row["failed"], row["at_risk"], row["starts"], row["start_seconds"], row["used_hours"], row["as_of"]
        )
        for row in rows
    }


def learned(model: PlacementModel, lesson: Mapping[str, Any]) -> Learned:
    """Learn a lesson; its outcomes come behind the ones that were watched before."""
    notebook = Notebook(model, records_of(lesson["records"]))
    outcomes = _outcomes(lesson["watched"])
    arms = {arm.name: arm for arm in _arms(lesson["trial"])}
    for told in lesson["sessions"]:
        session = Session(told["endedAt"], told["hours"], told["failed"], told["kind"])
        chance = notebook.learn(told["deviceId"], told["host"], session)
        outcomes.append((chance, session.failed))
        if (name := told["arm"]) is not None:
            arms[name] = arms.get(name, Arm(name)).plus(chance, failed=session.failed)
    uses = uses_after(model, lesson["uses"], lesson["endings"])
    return Learned(notebook.changed(), outcomes[-WATCHED:], list(arms.values()), uses)


def appraised(model: PlacementModel, batch: Mapping[str, Any], chance: Random) -> list[dict[str, Any]]:
    """Say what each device of a batch is worth, by the names under which it is kept."""
    records, at = records_of(batch["records"]), datetime.fromisoformat(batch["now"]).timestamp()
    kept = []
    for told in batch["devices"]:
        known = standing_of(records, told["deviceId"], told["host"], told["kind"])
        worth = appraise(model, replace(known, cpu_cores=told["cpuCores"], taken=told["taken"]), at, chance)
        parts = {name: worth.costs.parts[name] for name in ("failure", "start", "wear", "fit")}
        kept.append(
            {"device_id": told["deviceId"], "hazard": worth.hazard, "drawn": worth.drawn, "score": worth.score} | parts
        )
    return kept


def learning_of(facts: Mapping[str, Any]) -> Learning:
    """Read how the published model stands."""
    now, until = datetime.fromisoformat(facts["now"]), facts["learnedUntil"]
    try:
        model = read_model(json.dumps(facts["document"]), now)
    except ModelError:
        model = None
    return Learning(
        name=facts["name"],
        trained_at=None if model is None else model.trained_at,
        published_at=datetime.fromisoformat(facts["publishedAt"]),
        published_by=facts["publishedBy"],
        sessions=facts["sessions"],
        learned_until=None if until is None else datetime.fromisoformat(until),
        doubt=UNREADABLE if model is None else doubt(model, watched(_outcomes(facts["watched"])), now),
        arms=_arms(facts["trial"]),
    )


def _arms(trial: Mapping[str, Any] | None) -> list[Arm]:
    return [] if trial is None else [Arm(name, *counts) for name, counts in sorted(trial["arms"].items())]


def _outcomes(kept: Sequence[Sequence[Any]]) -> list[tuple[float, bool]]:
    return [(float(chance), bool(failed)) for chance, failed in kept]
