"""Explanations, on the wire."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.explanation import Candidate, Decision, ExplainedAllocation, ExplainedRequest, PlacementNow
from scheduler.domain.model import DeviceWants
from scheduler.edge.fields import Instant, View


class CandidateView(View):
    """A free device that fits; higher scores are lent first."""

    deviceId: str
    cpuCores: int
    memoryMB: int
    storageMB: int
    score: float
    parts: Annotated[dict[str, float], Meta(description="they add up to the score")]
    learnedCosts: Annotated[
        dict[str, float] | None,
        Meta(description="what the learned model expects lending it to cost, by part; null: no model is published"),
    ]

    @classmethod
    def of(cls, found: Candidate) -> Self:
        """Show a candidate."""
        return cls(
            deviceId=found.device_id,
            cpuCores=found.cpu_cores,
            memoryMB=found.memory_mb,
            storageMB=found.storage_mb,
            score=found.score,
            parts=dict(found.parts),
            learnedCosts=None if found.costs is None else dict(found.costs.parts),
        )


class ExcludedView(View):
    """How many devices a filter leaves out; each counts for the first that does."""

    filter: str
    devices: int
    change: Annotated[str, Meta(description="what would let them in")]


class PlacementNowView(View):
    """The tenant's pools as they are now: what was free then is not kept."""

    at: Instant
    strategy: str
    considered: Annotated[int, Meta(description="devices looked at: up to 1000 of each of 100 spec classes")]
    fitting: Annotated[int, Meta(description="of those, how many may be lent")]
    capped: Annotated[bool, Meta(description="there are more devices than were looked at")]
    candidates: Annotated[list[CandidateView], Meta(description="the eight best of all, the best first")]
    excluded: list[ExcludedView]
    model: Annotated[str | None, Meta(description="of the learned costs, which decide under smart only")]

    @classmethod
    def of(cls, now: PlacementNow) -> Self:
        """Show how the pools are."""
        return cls(
            at=now.at,
            strategy=now.strategy,
            considered=now.considered,
            fitting=now.fitting,
            capped=now.capped,
            candidates=[CandidateView.of(found) for found in now.candidates],
            model=now.model,
            excluded=[ExcludedView(filter=e.filter, devices=e.devices, change=e.change) for e in now.excluded],
        )


class HeadView(View):
    """One of the best by score, as the learned strategy weighed it for the request."""

    deviceId: str
    cost: Annotated[float, Meta(description="expected; the lowest of those that could be had is lent")]


class DecisionView(View):
    """What was written with the grant."""

    strategy: str
    score: Annotated[float | None, Meta(description="of the device, at that moment")]
    explored: Annotated[bool, Meta(description="whether chance had a part, to learn")]
    propensity: Annotated[float, Meta(description="how likely this choice was: 1 where chance had no part")]
    modelVersion: Annotated[str | None, Meta(description="null: no learned model took part")]
    rank: Annotated[int | None, Meta(description="by score, 1 is the best; null: the best were not weighed")]
    heads: Annotated[list[HeadView], Meta(description="what was weighed, the best by score first; at most eight")]
    trial: Annotated[
        str | None,
        Meta(description="canary: lent by smart, by lot; control, shadow: as ever; null: smart was not being tried"),
    ]
    wouldLend: Annotated[str | None, Meta(description="the device that smart would have lent, where trial is shadow")]
    expectedHours: Annotated[
        float | None, Meta(description="of use, of the minutes asked: what failing was weighed for; null: nothing was")
    ]

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Show a decision."""
        return cls(
            strategy=decision.strategy,
            score=decision.score,
            explored=decision.explored,
            propensity=decision.propensity,
            modelVersion=decision.model_version,
            rank=decision.rank,
            heads=[HeadView(deviceId=head["deviceId"], cost=head["cost"]) for head in decision.heads],
            trial=decision.trial,
            wouldLend=decision.would_lend,
            expectedHours=decision.expected_hours,
        )


class AskedView(View):
    """What was asked of the device."""

    durationMinutes: int
    deviceType: str | None
    minCpu: int | None
    minMemory: int | None
    minStorage: int | None

    @classmethod
    def of(cls, minutes: int, wants: DeviceWants) -> Self:
        """Show a wish."""
        return cls(
            durationMinutes=minutes,
            deviceType=wants.device_type,
            minCpu=wants.min_cpu,
            minMemory=wants.min_memory_mb,
            minStorage=wants.min_storage_mb,
        )


class AllocationExplanation(View):
    """Why an allocation got its device, and how the same wish would stand now."""

    allocationId: str
    deviceId: str
    userId: str
    tenantId: str
    status: str
    allocatedAt: Instant
    fromReservation: Annotated[bool, Meta(description="the device was bound when it was booked")]
    movedTimes: Annotated[int, Meta(description="failovers since: the decision is of the first device")]
    decision: Annotated[DecisionView | None, Meta(description="null: the row came from outside")]
    asked: AskedView
    now: PlacementNowView

    @classmethod
    def of(cls, told: ExplainedAllocation) -> Self:
        """Show an explanation."""
        return cls(
            allocationId=told.allocation_id,
            deviceId=told.device_id,
            userId=told.user_id,
            tenantId=told.tenant_id,
            status=told.status,
            allocatedAt=told.allocated_at,
            fromReservation=told.from_reservation,
            movedTimes=told.moved_times,
            decision=None if told.decision is None else DecisionView.of(told.decision),
            asked=AskedView.of(told.minutes, told.wants),
            now=PlacementNowView.of(told.now),
        )


class RequestExplanation(View):
    """How a request would end now; whoever asks next may be faster."""

    wouldGrant: bool
    code: Annotated[str | None, Meta(description="of the refusal; null: it would be granted")]
    reason: Annotated[str | None, Meta(description="what the quota says")]
    remainingDevices: Annotated[int, Meta(description="left by the quota; -1: no limit")]
    nextFreeInSeconds: Annotated[int | None, Meta(description="until the next one that fits may come free")]
    alternatives: Annotated[list[dict[str, Any]], Meta(description="what could be had, as in a refusal")]
    now: PlacementNowView

    @classmethod
    def of(cls, told: ExplainedRequest) -> Self:
        """Show an explanation."""
        return cls(
            wouldGrant=told.would_grant,
            code=told.code,
            reason=told.refusal,
            remainingDevices=told.remaining_devices,
            nextFreeInSeconds=told.next_free_in_seconds,
            alternatives=[dict(offer) for offer in told.alternatives],
            now=PlacementNowView.of(told.now),
        )
