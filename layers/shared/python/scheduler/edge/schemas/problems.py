"""Problems, as refusals and failures are told."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from scheduler.edge.fields import Instant, View


class Link(View):
    """A call that takes an offer; metadata and an Idempotency-Key are the caller's to add."""

    method: Literal["POST"]
    href: str
    body: dict[str, Any]


class Alternative(View, kw_only=True):
    """What can be had although no device that fits is free: less time, a smaller one, a later time, a place in line."""

    kind: Literal["shorter", "smaller", "later", "wait"]
    durationMinutes: Annotated[int | None, Meta(description="shorter, later: for how long")] = None
    specs: Annotated[dict[str, int] | None, Meta(description="smaller: the minima to ask for")] = None
    startTime: Annotated[Instant | None, Meta(description="later: from when on")] = None
    link: Link


class ProblemFacts(View, kw_only=True):
    """What a refusal tells besides its kind, each absent where it does not apply."""

    errors: list[dict[str, str]] | UnsetType | None = UNSET
    alternatives: list[Alternative] | UnsetType | None = UNSET
    remainingDevices: int | UnsetType | None = UNSET
    rule: Annotated[str | UnsetType | None, Meta(description="Of `renewal_refused`: which rule refuses")] = UNSET
    maxAdditionalMinutes: Annotated[
        int | UnsetType | None, Meta(description="Of `renewal_refused`: what is possible")
    ] = UNSET
    nextRenewalAt: Annotated[Instant | UnsetType | None, Meta(description="Of `renewal_refused`: from when on")] = UNSET
    remainingRenewals: Annotated[int | UnsetType | None, Meta(description="Of `renewal_refused`; -1: no limit")] = UNSET
    conflicts: Annotated[
        list[dict[str, Instant]] | UnsetType | None,
        Meta(description="Of `reservation_conflict`: the windows (startTime, endTime) that cannot be had"),
    ] = UNSET
    nextWindows: Annotated[
        list[dict[str, Instant]] | UnsetType | None,
        Meta(description="Of `reservation_conflict`: the next windows that can be had"),
    ] = UNSET
    entryId: Annotated[str | UnsetType | None, Meta(description="Of `already_queued`: the wait that goes on")] = UNSET
    index: Annotated[int | UnsetType | None, Meta(description="Of an atomic batch: the item that failed, from 0")] = (
        UNSET
    )
    earliestForAll: Annotated[
        Instant | UnsetType | None,
        Meta(description="Of an atomic batch: when devices for all of it can be had at once; null: not in sight"),
    ] = UNSET


class Problem(ProblemFacts, kw_only=True):
    """A refusal or failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    success: bool
    code: str
    retryable: bool
