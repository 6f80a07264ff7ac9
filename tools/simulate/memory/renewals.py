"""Renewals in memory: the rules one after the other, and what is possible found by trying."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from scheduler.domain.model import AllocationStatus, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaLimits, QuotaTerms
from scheduler.domain.renewal import RenewalRequest, RenewalTerms
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.records import MemoryAllocation, wire

FORBIDDEN = {"count", "minutes", "total"}
MINUTES = range(1, 1441)


class MemoryRenewals:
    """Renews the allocations of a store."""

    def __init__(self, store: MemoryAllocations) -> None:
        """Work on the store's allocations."""
        self._store = store

    def owner(self, allocation_id: str, tenant_id: str | None) -> User | None:
        """Tell whose it is."""
        found = self._find(allocation_id, tenant_id, None)
        return found.user if found else None

    def renew(self, request: RenewalRequest, terms: RenewalTerms) -> Facts:
        """Give it a later end, or say why not."""
        store = self._store
        if (kept := store.keys.kept(request.key, store.now)) is not None:
            return kept
        allocation = self._find(request.allocation_id, request.tenant_id, request.user_id)
        return store.keys.keep(request.key, store.now, self._renew(allocation, request, terms))

    def outlook(
        self, allocation_id: str, tenant_id: str | None, user_id: str | None, terms: RenewalTerms
    ) -> Facts | None:
        """Say what a minute would be answered, and what was renewed."""
        allocation = self._find(allocation_id, tenant_id, user_id)
        if allocation is None:
            return None
        told = {"allocationId": allocation.id, "history": allocation.renewals[::-1]}
        return self._verdict(allocation, terms, 1) | told

    def _find(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> MemoryAllocation | None:
        found = self._store.by_id.get(allocation_id)
        is_seen = found and tenant_id in {None, found.user.tenant_id} and user_id in {None, found.user.user_id}
        return found if is_seen else None

    def _renew(self, allocation: MemoryAllocation | None, request: RenewalRequest, terms: RenewalTerms) -> Facts:
        if allocation is None:
            return {"outcome": "not_found"}
        verdict = self._verdict(allocation, terms, request.minutes)
        if verdict["outcome"] != "renewable":
            return verdict
        old, now = allocation.expires_at, wire(self._store.now)
        allocation.expires_at = old + timedelta(minutes=request.minutes)
        allocation.last_renewed_at = self._store.now
        self._store.note_end(allocation)
        ends = {"oldExpiresAt": wire(old), "newExpiresAt": wire(allocation.expires_at)}
        past = ends | {"additionalMinutes": request.minutes, "renewedAt": now, "reason": request.reason}
        allocation.renewals.append(past)
        facts = allocation.names | ends
        facts |= {
            "additionalMinutes": request.minutes,
            "renewalCount": len(allocation.renewals),
            "remainingRenewals": _remaining(allocation, terms),
            "totalDurationMinutes": allocation.minutes + allocation.renewed_minutes,
        }
        event = facts | {"renewedAt": now, "reason": request.reason}
        self._store.tell("scheduler.allocation.renewed", allocation.id, allocation.device.id, event)
        return facts | {"outcome": "renewed"}

    def _verdict(self, allocation: MemoryAllocation, terms: RenewalTerms, minutes: int) -> dict[str, Any]:
        now = self._store.now
        quota = self._quota_refusal(allocation.user, terms)
        rule = _refusing(allocation, terms, minutes, now)
        if quota and rule != "not_active":
            rule = "over_quota"
        ready = max(now, *_waits(allocation, terms).values())
        most = 0 if rule == "over_quota" else _most(allocation, terms, ready)
        patience = most > 0 and ready > now
        return {
            "outcome": _outcome(rule),
            "rule": rule,
            "reason": quota,
            "remainingDevices": 0,
            "remainingRenewals": _remaining(allocation, terms),
            "maxAdditionalMinutes": most,
            "nextRenewalAt": wire(ready) if patience else None,
            "retryAfterSeconds": -((now - ready) // timedelta(seconds=1))
            if patience and rule in {"cooldown", "window"}
            else None,
        }

    def _quota_refusal(self, user: User, terms: RenewalTerms) -> str | None:
        return self._store.refusal(user, QuotaTerms(terms.refusal, terms.valid_until, QuotaLimits()))


def _refusing(allocation: MemoryAllocation, terms: RenewalTerms, minutes: int, at: datetime) -> str | None:
    """Name the first rule that refuses so many minutes at an instant."""
    tier, waits = terms.tier, _waits(allocation, terms)
    total, reserved_at = allocation.minutes + allocation.renewed_minutes, allocation.device.next_reserved_at
    broken = {
        "not_active": allocation.status is not AllocationStatus.ALLOCATED or allocation.expires_at <= at,
        "count": tier.max_count is not None and len(allocation.renewals) >= tier.max_count,
        "minutes": minutes > tier.max_minutes,
        "total": tier.max_total_minutes is not None and total + minutes > tier.max_total_minutes,
        "cooldown": at < waits["cooldown"],
        "window": at < waits["window"],
        "reservation": reserved_at is not None and allocation.expires_at + timedelta(minutes=minutes) > reserved_at,
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def _waits(allocation: MemoryAllocation, terms: RenewalTerms) -> Mapping[str, datetime]:
    """Until when the two rules that patience helps refuse."""
    last = allocation.last_renewed_at
    cooled_at = last + timedelta(seconds=terms.tier.cooldown_seconds) if last else allocation.allocated_at
    return {"cooldown": cooled_at, "window": allocation.expires_at - timedelta(minutes=terms.tier.window_minutes)}


def _most(allocation: MemoryAllocation, terms: RenewalTerms, at: datetime) -> int:
    """Find how many minutes nothing refuses: more are never easier to get."""
    return bisect_left(MINUTES, True, key=lambda minutes: _refusing(allocation, terms, minutes, at) is not None)


def _remaining(allocation: MemoryAllocation, terms: RenewalTerms) -> int:
    most = terms.tier.max_count
    return -1 if most is None else max(most - len(allocation.renewals), 0)


def _outcome(rule: str | None) -> str:
    if rule is None or rule in {"not_active", "over_quota"}:
        return rule or "renewable"
    return "renewal_forbidden" if rule in FORBIDDEN else "renewal_refused"
