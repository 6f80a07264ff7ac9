"""Quotas and plans, on the wire."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Literal, Self

from msgspec import Meta
from msgspec.structs import asdict

from scheduler.domain.plans import Plan, QuotaChange, ShownQuota
from scheduler.domain.quota import MB_PER_GB, NO_LIMIT, QuotaLimits
from scheduler.edge.fields import MAX_INT, Id, Instant, ShortText, Time, View, WireModel
from scheduler.edge.identity import Caller

PlanName = ShortText
Limit = Annotated[int, Meta(ge=NO_LIMIT, le=MAX_INT)]

_LIMITS: dict[str, Any] = {"maxDevices": 20, "totalCpuCores": 64}
_PLAN: dict[str, Any] = {"limits": {"maxDevices": 10, "maxCpuCoresPerDevice": 8}}
_QUOTA: dict[str, Any] = {"tenantId": "acme", "planName": "pro", "limits": _LIMITS}


class LimitsBody(WireModel):
    """Limits by their names in a quota document; -1: none; absent: a plan has none, a user has her plan's."""

    maxDevices: Limit | None = None
    maxConcurrentDevices: Limit | None = None
    maxCpuCoresPerDevice: Limit | None = None
    maxMemoryMBPerDevice: Limit | None = None
    maxStorageGBPerDevice: Limit | None = None
    totalCpuCores: Limit | None = None
    totalMemoryGB: Limit | None = None
    totalStorageGB: Limit | None = None

    def given(self) -> dict[str, int]:
        """Give those that are said."""
        return {name: limit for name, limit in asdict(self).items() if limit is not None}


class QuotaBody(WireModel):
    """A user's quota, in place of the one she has."""

    EXAMPLES = (_QUOTA,)

    tenantId: Annotated[Id | None, Meta(description="Whose user it is; absent: the operator's own tenant")] = None
    planName: Annotated[PlanName | None, Meta(description="Absent: the default plan")] = None
    status: Literal["active", "exceeded", "suspended", "expired"] = "active"
    validUntil: Time | None = None
    limits: Annotated[LimitsBody | None, Meta(description="Her own, in place of the plan's")] = None

    def to_change(self, user_id: str, who: Caller) -> QuotaChange:
        """Read it as what an operator gives a user."""
        user = who.acting_for(user_id, self.tenantId)
        own = None if self.limits is None else self.limits.given()
        return QuotaChange(user, self.planName, self.status, self.validUntil, own or None)


class PlanBody(WireModel):
    """A plan, in place of the one there is."""

    EXAMPLES = (_PLAN,)

    limits: LimitsBody

    def to_plan(self, name: str) -> Plan:
        """Read it as the plan of this name."""
        return Plan(name, {wire: limit for wire, limit in self.limits.given().items() if limit != NO_LIMIT})


class LimitsView(View):
    """What is allowed; null: no limit."""

    maxDevices: int | None
    maxCpuCoresPerDevice: int | None
    maxMemoryMBPerDevice: int | None
    maxStorageGBPerDevice: float | None
    totalCpuCores: int | None
    totalMemoryGB: float | None
    totalStorageGB: float | None

    @classmethod
    def of(cls, limits: QuotaLimits) -> Self:
        """View limits."""
        return cls(
            maxDevices=limits.devices,
            maxCpuCoresPerDevice=limits.device_cpu_cores,
            maxMemoryMBPerDevice=limits.device_memory_mb,
            maxStorageGBPerDevice=_gigabytes(limits.device_storage_mb),
            totalCpuCores=limits.cpu_cores,
            totalMemoryGB=_gigabytes(limits.memory_mb),
            totalStorageGB=_gigabytes(limits.storage_mb),
        )


class UsageOfQuotaView(View):
    """What a user holds now, by the scheduler's own count."""

    currentDevices: int
    usedCpuCores: int
    usedMemoryGB: float
    usedStorageGB: float


class QuotaView(View):
    """A user's quota and what she uses of it."""

    userId: str
    tenantId: str
    planName: str
    status: str
    validUntil: Instant | None
    limits: LimitsView
    usage: UsageOfQuotaView
    remainingDevices: Annotated[int | None, Meta(description="null: no limit")]

    @classmethod
    def of(cls, shown: ShownQuota) -> Self:
        """View a quota."""
        document, usage = shown.document, shown.usage
        most = document.limits.devices
        return cls(
            userId=shown.user.user_id,
            tenantId=shown.user.tenant_id,
            planName=document.plan_name,
            status=document.status,
            validUntil=document.valid_until,
            limits=LimitsView.of(document.limits),
            usage=UsageOfQuotaView(
                currentDevices=usage.devices,
                usedCpuCores=usage.cpu_cores,
                usedMemoryGB=usage.memory_mb / MB_PER_GB,
                usedStorageGB=usage.storage_mb / MB_PER_GB,
            ),
            remainingDevices=None if most is None else max(most - usage.devices, 0),
        )


class PlanView(View):
    """A plan; limits that are absent are none."""

    name: str
    limits: dict[str, int]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """View a plan."""
        return cls(name=plan.name, limits=dict(plan.limits))


def _gigabytes(megabytes: int | None) -> float | None:
    return None if megabytes is None else megabytes / MB_PER_GB
