"""Quotas in memory: what a user's plan allows, and why it refuses."""

from collections.abc import Collection, Mapping
from datetime import datetime

from scheduler.domain.model import User
from scheduler.domain.plans import BUILT_IN_PLANS, plan_document
from scheduler.domain.quota import QuotaDocument, QuotaLimits, QuotaTerms
from tools.simulate.memory.fleet import UNLIMITED, Size, Wish

type Usage = tuple[int, int, int, int]
"""Devices, cores, megabytes of memory and of storage that a user holds."""


class MemoryQuotas:
    """Knows each user's plan; who has none has the default plan."""

    def __init__(self, plans: Mapping[User, str], default_plan: str) -> None:
        """Take the names of plans, by user."""
        self._documents = {name: plan_document(name) for name in BUILT_IN_PLANS}
        self._plans = plans
        self._default_plan = default_plan

    def document(self, user: User) -> QuotaDocument:
        """Give the user's quota."""
        return self._documents[self._plans.get(user, self._default_plan)]

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        """Give the quotas of several users."""
        return {user: self.document(user) for user in users}


def refusal_of(terms: QuotaTerms, usage: Usage, blocked: str | None, now: datetime) -> str | None:
    """Say why a quota forbids one more device; `blocked`: why the user may have none."""
    if terms.refusal:
        return terms.refusal
    if terms.valid_until and terms.valid_until <= now:
        return f"Quota expired at {terms.valid_until.isoformat(timespec='microseconds')[:26]}Z"
    if blocked:
        return blocked
    limits = terms.limits
    totals_are_open = limits.cpu_cores is limits.memory_mb is limits.storage_mb is None
    if totals_are_open and (limits.devices is None or usage[0] < limits.devices):
        return None  # as for most
    checked = (
        ("Device", limits.devices, ""),
        ("CPU", limits.cpu_cores, " cores"),
        ("Memory", limits.memory_mb, " MB"),
        ("Storage", limits.storage_mb, " MB"),
    )
    for (name, limit, unit), held in zip(checked, usage, strict=True):
        if limit is not None and held >= limit:
            return f"{name} quota exceeded. Max: {limit}{unit}, Current: {held}"
    return None


def ceiling_of(limits: QuotaLimits, usage: Usage) -> Size:
    """Give the largest device that limits allow who holds so much."""
    of_one_is_open = limits.device_cpu_cores is limits.device_memory_mb is limits.device_storage_mb is None
    if of_one_is_open and limits.cpu_cores is limits.memory_mb is limits.storage_mb is None:
        return UNLIMITED  # as for most
    _, cpu_cores, memory_mb, storage_mb = usage
    most = Size(
        _least(limits.device_cpu_cores, limits.cpu_cores, cpu_cores),
        _least(limits.device_memory_mb, limits.memory_mb, memory_mb),
        _least(limits.device_storage_mb, limits.storage_mb, storage_mb),
    )
    return UNLIMITED if most == UNLIMITED else most


def too_big(wish: Wish, most: Size) -> str | None:
    """Say that what is left of a quota is too small for any class that would do; None: it is not that."""
    if most is UNLIMITED or not wish.classes or any(spec.kind.is_within(most) for spec in wish.classes):
        return None
    named = zip(most, ("cores", "MB memory", "MB storage"), strict=True)
    left = ", ".join(f"{limit} {unit}" for limit, unit in named if limit is not None)
    return f"Quota exceeded. No device that fits the request is within what the quota leaves: {left}"


def _least(of_one: int | None, of_all: int | None, held: int) -> int | None:
    left = None if of_all is None else of_all - held
    return of_one if left is None else left if of_one is None else min(of_one, left)
