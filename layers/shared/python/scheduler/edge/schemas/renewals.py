"""Renew an allocation, and look ahead."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.model import RequestKey
from scheduler.domain.renewal import PastRenewal, Renewal, RenewalOutlook, RenewalRequest
from scheduler.edge.fields import Instant, Minutes, Reason, View, WireModel
from scheduler.edge.identity import Caller

_EXAMPLE: dict[str, Any] = {
    "additionalMinutes": 30,
    "oldExpiresAt": "2026-11-23T18:21:02.973003Z",
    "newExpiresAt": "2026-11-23T18:51:02.973003Z",
}


class RenewBody(WireModel):
    """How many minutes to add, and why; the reason is kept in the history."""

    EXAMPLES = ({"additionalMinutes": 30, "reason": "The test still runs"},)

    additionalMinutes: Minutes
    reason: Reason | None = None

    def to_request(self, allocation_id: str, who: Caller, key: RequestKey | None) -> RenewalRequest:
        """Read it as the caller's wish."""
        return RenewalRequest(
            tenant_id=who.seen_tenant,
            user_id=who.seen_user,
            allocation_id=allocation_id,
            minutes=self.additionalMinutes,
            reason=self.reason,
            key=key,
        )


class RenewalView(View):
    """A renewal: the end before and after; the total counts the minutes of the grant too."""

    EXAMPLES = (_EXAMPLE | {"renewalCount": 1, "remainingRenewals": 9, "totalDurationMinutes": 60},)

    oldExpiresAt: Instant
    newExpiresAt: Instant
    additionalMinutes: int
    renewalCount: int
    remainingRenewals: Annotated[int, Meta(description="-1: no limit")]
    totalDurationMinutes: int

    @classmethod
    def of(cls, renewal: Renewal) -> Self:
        """View a renewal."""
        return cls(
            oldExpiresAt=renewal.old_expires_at,
            newExpiresAt=renewal.new_expires_at,
            additionalMinutes=renewal.additional_minutes,
            renewalCount=renewal.renewal_count,
            remainingRenewals=renewal.remaining_renewals,
            totalDurationMinutes=renewal.total_duration_minutes,
        )


class PastRenewalView(View):
    """A renewal of the past."""

    renewedAt: Instant
    additionalMinutes: int
    oldExpiresAt: Instant
    newExpiresAt: Instant
    reason: str | None

    @classmethod
    def of(cls, past: PastRenewal) -> Self:
        """View an entry of the history."""
        return cls(
            renewedAt=past.renewed_at,
            additionalMinutes=past.additional_minutes,
            oldExpiresAt=past.old_expires_at,
            newExpiresAt=past.new_expires_at,
            reason=past.reason,
        )


class RenewalOutlookView(View):
    """What a renewal would be answered now."""

    EXAMPLES = (
        {
            "canRenew": False,
            "reason": "cooldown",
            "detail": "The last renewal was too short a time ago. Possible: 120 minutes,"
            " from 2026-11-23T18:16:40.120000Z",
            "remainingRenewals": 9,
            "maxAdditionalMinutes": 120,
            "nextRenewalAt": "2026-11-23T18:16:40.120000Z",
            "history": [_EXAMPLE | {"renewedAt": "2026-11-23T18:15:40.120000Z", "reason": None}],
        },
    )

    canRenew: bool
    reason: Annotated[
        str | None,
        Meta(
            description="What refuses, by the first rule that does: count, minutes, total, cooldown, window,"
            " reservation, allocation_not_active or quota_exceeded; null: nothing"
        ),
    ]
    detail: str | None
    remainingRenewals: Annotated[int, Meta(description="-1: no limit")]
    maxAdditionalMinutes: Annotated[
        int, Meta(description="How many minutes one renewal may add, now or at nextRenewalAt")
    ]
    nextRenewalAt: Annotated[Instant | None, Meta(description="When patience helps; null: now, or never again")]
    history: Annotated[list[PastRenewalView], Meta(description="Newest first, the last hundred")]

    @classmethod
    def of(cls, outlook: RenewalOutlook) -> Self:
        """View a look ahead."""
        return cls(
            canRenew=outlook.reason is None,
            reason=outlook.reason,
            detail=outlook.detail,
            remainingRenewals=outlook.remaining_renewals,
            maxAdditionalMinutes=outlook.max_additional_minutes,
            nextRenewalAt=outlook.next_renewal_at,
            history=[PastRenewalView.of(past) for past in outlook.history],
        )
