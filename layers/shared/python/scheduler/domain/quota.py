"""What a quota document allows. Usage is not read from it: that is the scheduler's own exact count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scheduler.domain.model import DeviceWants

MB_PER_GB = 1024
UNEXPLORING_PLANS = frozenset({"enterprise"})
"""Their users are never lent a device so that more is learned of it."""


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """Limits of a plan; None: no limit. Sizes in MB."""

    devices: int | None = None
    device_cpu_cores: int | None = None
    device_memory_mb: int | None = None
    device_storage_mb: int | None = None
    cpu_cores: int | None = None
    memory_mb: int | None = None
    storage_mb: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """What a claim is checked against: a ready refusal, or limits and how long they are valid.

    Attributes:
        may_explore: Whether she may be lent a device so that more is learned of it.
    """

    refusal: str | None
    valid_until: datetime | None
    limits: QuotaLimits
    may_explore: bool = True


NO_LIMITS = QuotaTerms(refusal=None, valid_until=None, limits=QuotaLimits())


@dataclass(frozen=True, slots=True)
class QuotaDocument:
    """A user's quota as its source gives it: status, validity, plan and limits, unread."""

    status: str
    valid_until: datetime | None
    plan_name: str
    limits: QuotaLimits

    def terms_for(self, wants: DeviceWants) -> QuotaTerms:
        """Check status first, then what is asked of one device; counts are checked where they are locked.

        `exceeded` alone does not refuse: only our own count can say so.
        """
        refusal = f"Quota {self.status}" if self.status in {"suspended", "expired"} else self._too_big(wants)
        explores = self.plan_name not in UNEXPLORING_PLANS
        return QuotaTerms(refusal, self.valid_until, self.limits, explores)

    def _too_big(self, wants: DeviceWants) -> str | None:
        asked_and_allowed = (
            ("CPU cores", wants.min_cpu, self.limits.device_cpu_cores),
            ("Memory MB", wants.min_memory_mb, self.limits.device_memory_mb),
            ("Storage MB", wants.min_storage_mb, self.limits.device_storage_mb),
        )
        for name, asked, allowed in asked_and_allowed:
            if asked is not None and allowed is not None and asked > allowed:
                return f"{name} per device exceed the quota. Max: {allowed}, Asked: {asked}"
        return None


STATUSES = {"active", "exceeded", "suspended", "expired"}

NO_DOCUMENT = QuotaDocument(status="active", valid_until=None, plan_name="unknown", limits=QuotaLimits())
"""Stands in for a document that could not be read, where that is to allow. Not to be remembered."""


def parse_document(document: Mapping[str, Any]) -> QuotaDocument:
    """Read a quota document of the user service (wire names, GB for totals and storage).

    Args:
        document: The JSON object; `limits` may lack any member, and absent or -1 means no limit.

    Returns:
        The document with sizes in MB and the device limit as the smaller of maxDevices and maxConcurrentDevices.

    Raises:
        ValueError: It is no such document: a wrong type, an unknown status, an unreadable time.
    """
    limits = document.get("limits")
    status = document.get("status")
    if not isinstance(limits, Mapping) or not isinstance(status, str) or status not in STATUSES:
        raise ValueError("a quota document has a known status and limits")
    return QuotaDocument(
        status=status,
        valid_until=_time(document.get("validUntil")),
        plan_name=str(document.get("planName") or ""),
        limits=parse_limits(limits),
    )


def parse_limits(limits: Mapping[str, Any]) -> QuotaLimits:
    """Read the limits of a quota document; absent, null and -1: no limit.

    Raises:
        ValueError: One is no number, or negative.
    """
    device_limits = [n for n in (_limit(limits, "maxDevices"), _limit(limits, "maxConcurrentDevices")) if n is not None]
    return QuotaLimits(
        devices=min(device_limits, default=None),
        device_cpu_cores=_limit(limits, "maxCpuCoresPerDevice"),
        device_memory_mb=_limit(limits, "maxMemoryMBPerDevice"),
        device_storage_mb=_limit(limits, "maxStorageGBPerDevice", MB_PER_GB),
        cpu_cores=_limit(limits, "totalCpuCores"),
        memory_mb=_limit(limits, "totalMemoryGB", MB_PER_GB),
        storage_mb=_limit(limits, "totalStorageGB", MB_PER_GB),
    )


NO_LIMIT = -1
LARGEST_LIMIT = 2_000_000_000
"""Beyond it a limit is none, and Postgres integers hold it."""


def _limit(limits: Mapping[str, Any], name: str, unit: int = 1) -> int | None:
    value = limits.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  NaN
        raise ValueError(f"{name} is not a number")
    if value < 0 and value != NO_LIMIT:
        raise ValueError(f"{name} is negative")
    return int(value * unit) if 0 <= value <= LARGEST_LIMIT / unit else None


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("validUntil is not a time")
    at = datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
