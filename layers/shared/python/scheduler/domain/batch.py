"""Batches: many calls in one, and what each was answered."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from scheduler.domain.earliest import Gap, Wish, earliest_for_all
from scheduler.domain.errors import SchedulerError
from scheduler.domain.model import AllocationRequest, RequestKey
from scheduler.domain.outcome import Facts, accepted
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.renewal import RenewalTerms


class Mode(StrEnum):
    """What becomes of a batch when an item fails: it goes on, no later item is tried, or no item is kept."""

    CONTINUE = "continue"
    STOP = "stop"
    ATOMIC = "atomic"


@dataclass(frozen=True, slots=True)
class Batch[Item]:
    """Items in their order. `tenant_id` None: any tenant (operator)."""

    tenant_id: str | None
    items: Sequence[Item]
    mode: Mode = Mode.CONTINUE
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish for a device, with what the user's quota allows."""

    request: AllocationRequest
    terms: QuotaTerms


@dataclass(frozen=True, slots=True)
class Extension:
    """An allocation to renew, with what its holder's tier allows."""

    allocation_id: str
    terms: RenewalTerms


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was refused before the database was asked; the facts say why."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class LaterEnd:
    """What a batch of renewals asks for each of its allocations."""

    minutes: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that failed, by its place in the batch from 0."""

    index: int
    error: SchedulerError


@dataclass(frozen=True, slots=True)
class BatchResult[Result]:
    """What succeeded and what failed, by place in the batch from 0; the rest was not tried."""

    successes: Sequence[tuple[int, Result]]
    failures: Sequence[Failure]
    not_tried: int


@dataclass(frozen=True, slots=True)
class ActiveAllocation:
    """What a user holds, as a list shows it."""

    id: str
    device_id: str
    allocated_at: datetime
    expires_at: datetime | None
    duration_minutes: int
    fencing_token: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """A user's active allocations, the newest first, and whether there are more than these."""

    user_id: str
    allocations: Sequence[ActiveAllocation]
    more: bool


def batch_result[Result](facts: Facts, size: int, read: Callable[[Facts], Result]) -> BatchResult[Result]:
    """Read what a batch of `size` items was answered; `read` makes a result of one item's facts.

    Raises:
        SchedulerError: The batch was all or nothing, and an item failed: its error, with its `index`.
        IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
    """
    if facts["outcome"] == "undone":
        raise _undoing(facts)
    successes: list[tuple[int, Result]] = []
    failures: list[Failure] = []
    for index, result in enumerate(accepted(facts)["results"]):
        try:
            successes.append((index, read(accepted(result))))
        except SchedulerError as error:
            failures.append(Failure(index, error))
    return BatchResult(successes, failures, size - len(successes) - len(failures))


def holdings(facts: Facts) -> Holdings:
    """Read the facts of one user of a query."""
    return Holdings(facts["userId"], [_active(each) for each in facts["allocations"]], facts["more"])


def _undoing(facts: Facts) -> SchedulerError:
    try:
        accepted(facts["failure"])
    except SchedulerError as error:
        error.members["index"] = facts["index"]
        if "gaps" in facts:
            start = earliest_for_all(_wishes(facts["items"]), _gaps(facts["gaps"]))
            error.members["earliestForAll"] = None if start is None else start.isoformat().replace("+00:00", "Z")
        return error
    raise ValueError("only a failure undoes a batch")


_NEVER_MET = Wish(frozenset(), timedelta())


def _wishes(items: Iterable[Any]) -> list[Wish]:
    """Read them; what was refused before it was claimed names no minutes, and no device would do."""
    return [
        Wish(frozenset(classes), timedelta(minutes=minutes)) if minutes else _NEVER_MET for minutes, classes in items
    ]


def _gaps(gaps: Iterable[Any]) -> list[Gap]:
    return [Gap(class_id, datetime.fromisoformat(begins_at), _time(ends_at)) for class_id, begins_at, ends_at in gaps]


def _active(facts: Facts) -> ActiveAllocation:
    return ActiveAllocation(
        id=facts["allocationId"],
        device_id=facts["deviceId"],
        allocated_at=datetime.fromisoformat(facts["allocatedAt"]),
        expires_at=_time(facts["expiresAt"]),
        duration_minutes=facts["durationMinutes"],
        fencing_token=facts["fencingToken"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
