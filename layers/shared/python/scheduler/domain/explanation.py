"""Why a device was lent, or would not be: filters, scores and their parts, and what would have to change."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scheduler.domain.alternatives import alternatives_of
from scheduler.domain.lessons import records_of, standing_of
from scheduler.domain.model import DeviceWants
from scheduler.domain.placement import Costs, appraise
from scheduler.domain.placement_document import ModelError, read_model
from scheduler.domain.placement_model import PlacementModel

FILTERS: Mapping[str, str] = {
    "wrong_type": "Ask for another deviceType, or for any",
    "too_small": "Ask for less: lower minCpu, minMemory or minStorage",
    "over_quota": "Release devices, or have the quota raised: these are larger than what it leaves",
    "draining": "An operator can restore them: they are lent no more",
    "quarantined": "An operator can restore them: they are out of service",
    "recycling": "Wait: they are lent again once they are wiped",
    "not_running": "Start them: they are stopped, failed or under maintenance",
    "overdue": "Allocate: the claim ends what is overdue, and lends it",
    "taken": "Wait in the queue, or reserve a later window: they are lent",
    "held": "Wait in the queue: they are kept for somebody who waits",
    "reserved": "Ask for fewer minutes: a reservation begins before these are over",
    "awaited": "Wait in the queue: others have waited for such devices longer",
}
"""Why a device is no candidate, in the order in which that is looked at, and what would change it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free device that fits. `parts` add up to `score`; higher is lent first. `costs`: by the learned model."""

    device_id: str
    cpu_cores: int
    memory_mb: int
    storage_mb: int
    score: float
    parts: Mapping[str, float]
    costs: Costs | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """How many devices a filter leaves out, and what would let them in."""

    filter: str
    devices: int
    change: str


@dataclass(frozen=True, slots=True)
class PlacementNow:
    """The tenant's pools as they are now, for one wish.

    Attributes:
        considered: Devices that were looked at.
        fitting: Of them, those that nothing excludes.
        capped: There are more than were looked at; `candidates` are the best of all, whatever was looked at.
        candidates: The best first, at most eight.
        excluded: Each device counts for the first filter that leaves it out.
        model: The learned model that is published; None: there is none, or this version cannot read it.
    """

    at: datetime
    strategy: str
    considered: int
    fitting: int
    capped: bool
    candidates: Sequence[Candidate]
    excluded: Sequence[Excluded]
    model: str | None = None

    def has(self, name: str) -> bool:
        """Whether a filter leaves anything out."""
        return any(excluded.filter == name for excluded in self.excluded)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was written with a grant. A strategy without chance takes its best: it never explores.

    Attributes:
        propensity: How likely this choice was, given what was free.
        model_version: None: no learned model took part.
        rank: Which of the best by score it was, 1 is the first; None: they were not weighed.
        heads: Of the learned strategy: those best, by score, each with the cost that the request saw in it.
        trial: By which arm of a trial it was lent (`canary`, `control`, `shadow`); None: there was none.
        would_lend: The device that the learned strategy would have lent, in a shadow trial.
        expected_hours: Of use, for which costs were weighed; None: they were not.
    """

    strategy: str
    score: float | None
    explored: bool
    propensity: float
    model_version: str | None
    rank: int | None = None
    heads: Sequence[Mapping[str, Any]] = ()
    trial: str | None = None
    would_lend: str | None = None
    expected_hours: float | None = None


@dataclass(frozen=True, slots=True)
class ExplainedAllocation:
    """Why an allocation got its device. `decision` None: it came in from elsewhere, nothing was written.

    Attributes:
        from_reservation: The device was bound when it was booked, and not chosen at the grant.
        moved_times: Failovers since: the decision is of the first device.
    """

    allocation_id: str
    device_id: str
    user_id: str
    tenant_id: str
    status: str
    allocated_at: datetime
    from_reservation: bool
    moved_times: int
    decision: Decision | None
    minutes: int
    wants: DeviceWants
    now: PlacementNow


@dataclass(frozen=True, slots=True)
class ExplainedRequest:
    """How a request would end now. `refusal`: the quota's text; `alternatives`: what could be had instead."""

    would_grant: bool
    code: str | None
    refusal: str | None
    remaining_devices: int
    now: PlacementNow
    alternatives: Sequence[Mapping[str, Any]]
    next_free_in_seconds: int | None


def explained_allocation(facts: Mapping[str, Any]) -> ExplainedAllocation:
    """Read what the database tells of an allocation."""
    asked = facts["asked"]
    return ExplainedAllocation(
        allocation_id=facts["allocationId"],
        device_id=facts["deviceId"],
        user_id=facts["userId"],
        tenant_id=facts["tenantId"],
        status=facts["status"],
        allocated_at=datetime.fromisoformat(facts["allocatedAt"]),
        from_reservation=facts["fromReservation"],
        moved_times=facts["movedTimes"],
        decision=_decision(facts["decision"]),
        minutes=asked["durationMinutes"],
        wants=DeviceWants(asked["deviceType"], asked["minCpu"], asked["minMemory"], asked["minStorage"]),
        now=placement_now(facts["now"]),
    )


def explained_request(facts: Mapping[str, Any]) -> ExplainedRequest:
    """Read what the database tells of a request: the quota speaks first, as in a claim."""
    now = placement_now(facts["now"])
    refusal = facts["refusal"]
    grants = refusal is None and (bool(now.candidates) or now.has("overdue"))
    refused_as = "quota_exceeded" if refusal is not None else "no_available_devices"
    return ExplainedRequest(
        would_grant=grants,
        code=None if grants else refused_as,
        refusal=refusal,
        remaining_devices=facts["remainingDevices"],
        now=now,
        alternatives=[] if grants else alternatives_of(facts),
        next_free_in_seconds=facts.get("freesInSeconds"),
    )


def placement_now(facts: Mapping[str, Any]) -> PlacementNow:
    """Read what the database tells of the pools."""
    excluded, at = facts["excluded"], datetime.fromisoformat(facts["at"])
    model = _model(facts.get("document"), at)
    return PlacementNow(
        at=at,
        strategy=facts["strategy"],
        considered=facts["considered"],
        fitting=facts["fitting"],
        capped=facts["capped"],
        candidates=[_candidate(found, model, at) for found in facts["candidates"]],
        excluded=[Excluded(name, excluded[name], change) for name, change in FILTERS.items() if name in excluded],
        model=model.name if model else None,
    )


def _candidate(found: Mapping[str, Any], model: PlacementModel | None, at: datetime) -> Candidate:
    costs = None
    if model is not None:
        standing = standing_of(records_of(found["records"]), found["deviceId"], found["host"], found["kind"])
        costs = replace(appraise(model, standing, at.timestamp()).costs, fit=found["fit"] or 0.0)
    return Candidate(
        device_id=found["deviceId"],
        cpu_cores=found["cpuCores"],
        memory_mb=found["memoryMB"],
        storage_mb=found["storageMB"],
        score=found["score"],
        parts=found["parts"],
        costs=costs,
    )


def _model(document: Any, at: datetime) -> PlacementModel | None:
    try:
        return None if document is None else read_model(json.dumps(document), at)
    except ModelError:
        return None


def _decision(written: Mapping[str, Any] | None) -> Decision | None:
    if not written or "strategy" not in written:
        return None
    return Decision(
        strategy=written["strategy"],
        score=written.get("score"),
        explored=written.get("explored", False),
        propensity=written.get("propensity", 1.0),
        model_version=written.get("modelVersion"),
        rank=written.get("rank"),
        heads=written.get("heads", ()),
        trial=written.get("trial"),
        would_lend=written.get("wouldLend"),
        expected_hours=written.get("expectedHours"),
    )
