"""Renewals: what each tier allows, the rules, and what a renewal was answered.

The rules are checked in Postgres (`routines/renewal_verdict.sql`), under the locks, in the order of `Rule`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.errors import AllocationNotActive, QuotaExceeded, RenewalForbidden, RenewalRefused
from scheduler.domain.model import DeviceWants, RequestKey
from scheduler.domain.quota import QuotaDocument


@dataclass(frozen=True, slots=True)
class RenewalTier:
    """What a tier allows; None: no limit. The total counts the minutes of the grant too, but never bounds those."""

    max_count: int | None
    max_minutes: int
    max_total_minutes: int | None
    cooldown_seconds: int
    window_minutes: int


TIERS: Mapping[str, RenewalTier] = {
    "free": RenewalTier(2, 30, 120, 300, 30),
    "basic": RenewalTier(5, 60, 480, 120, 60),
    "pro": RenewalTier(10, 120, 1440, 60, 120),
    "enterprise": RenewalTier(None, 240, None, 0, 240),
}
"""By planName."""

_UNKNOWN_PLAN = "free"


@dataclass(frozen=True, slots=True)
class RenewalTerms:
    """What a renewal is checked against: a ready refusal, how long the quota is valid, the tier."""

    refusal: str | None
    valid_until: datetime | None
    tier: RenewalTier


def renewal_terms(document: QuotaDocument) -> RenewalTerms:
    """Read what a quota document lets a user renew. A plan that is not known renews as free."""
    quota = document.terms_for(DeviceWants())
    tier = TIERS.get(document.plan_name, TIERS[_UNKNOWN_PLAN])
    return RenewalTerms(quota.refusal, quota.valid_until, tier)


class Rule(StrEnum):
    """Why a renewal is refused, in the order of the checks. The first three no patience helps; the others pass."""

    COUNT = "count"
    MINUTES = "minutes"
    TOTAL = "total"
    COOLDOWN = "cooldown"
    WINDOW = "window"
    RESERVATION = "reservation"


_TEXTS = {
    Rule.COUNT: "The plan allows no further renewal",
    Rule.MINUTES: "The plan allows fewer minutes for one renewal",
    Rule.TOTAL: "The plan allows fewer minutes in all",
    Rule.COOLDOWN: "The last renewal was too short a time ago",
    Rule.WINDOW: "It is too early: the end is not near enough",
    Rule.RESERVATION: "The device is reserved too soon after the end",
}


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """The wish for a later end. `tenant_id` None: any tenant (operator); `user_id` None: whoever holds it."""

    tenant_id: str | None
    user_id: str | None
    allocation_id: str
    minutes: int
    reason: str | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal that was made. `remaining_renewals` -1: no limit."""

    allocation_id: str
    device_id: str
    old_expires_at: datetime
    new_expires_at: datetime
    additional_minutes: int
    renewal_count: int
    remaining_renewals: int
    total_duration_minutes: int


@dataclass(frozen=True, slots=True)
class PastRenewal:
    """One entry of an allocation's history."""

    renewed_at: datetime
    additional_minutes: int
    old_expires_at: datetime
    new_expires_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class RenewalOutlook:
    """What a renewal by a minute would be answered now; `reason` is the code of a refusal, `detail` its text.

    One renewal may add up to `max_additional_minutes`, now or from `next_renewal_at` on; 0: never again.
    """

    reason: str | None
    detail: str | None
    remaining_renewals: int
    max_additional_minutes: int
    next_renewal_at: datetime | None
    history: tuple[PastRenewal, ...]


type _Facts = Mapping[str, Any]


def renewal_refused(facts: _Facts) -> RenewalRefused:
    """Read the facts of a renewal that a rule refused."""
    kind = RenewalForbidden if facts["outcome"] == "renewal_forbidden" else RenewalRefused
    members = {name: facts[name] for name in ("rule", "maxAdditionalMinutes", "nextRenewalAt", "remainingRenewals")}
    return kind(_detail(facts), retry_after_seconds=facts["retryAfterSeconds"], members=members)


def renewal_made(facts: _Facts) -> Renewal:
    """Read the facts of a renewal that was made."""
    return Renewal(
        allocation_id=facts["allocationId"],
        device_id=facts["deviceId"],
        old_expires_at=datetime.fromisoformat(facts["oldExpiresAt"]),
        new_expires_at=datetime.fromisoformat(facts["newExpiresAt"]),
        additional_minutes=facts["additionalMinutes"],
        renewal_count=facts["renewalCount"],
        remaining_renewals=facts["remainingRenewals"],
        total_duration_minutes=facts["totalDurationMinutes"],
    )


def renewal_outlook(facts: _Facts) -> RenewalOutlook:
    """Read the facts of a look ahead."""
    next_at = facts["nextRenewalAt"]
    reason, detail = _reason(facts)
    return RenewalOutlook(
        reason=reason,
        detail=detail,
        remaining_renewals=facts["remainingRenewals"],
        max_additional_minutes=facts["maxAdditionalMinutes"],
        next_renewal_at=datetime.fromisoformat(next_at) if next_at else None,
        history=tuple(_past(entry) for entry in facts["history"]),
    )


def _reason(facts: _Facts) -> tuple[str | None, str | None]:
    match facts["outcome"]:
        case "renewable":
            return None, None
        case "not_active":
            return AllocationNotActive.code, AllocationNotActive().detail
        case "over_quota":
            return QuotaExceeded.code, facts["reason"]
        case _:
            return facts["rule"], _detail(facts)


def _detail(facts: _Facts) -> str:
    possible, next_at = facts["maxAdditionalMinutes"], facts["nextRenewalAt"]
    if not possible:
        return _TEXTS[Rule(facts["rule"])]
    return f"{_TEXTS[Rule(facts['rule'])]}. Possible: {possible} minutes, {f'from {next_at}' if next_at else 'now'}"


def _past(entry: _Facts) -> PastRenewal:
    return PastRenewal(
        renewed_at=datetime.fromisoformat(entry["renewedAt"]),
        additional_minutes=entry["additionalMinutes"],
        old_expires_at=datetime.fromisoformat(entry["oldExpiresAt"]),
        new_expires_at=datetime.fromisoformat(entry["newExpiresAt"]),
        reason=entry["reason"],
    )
