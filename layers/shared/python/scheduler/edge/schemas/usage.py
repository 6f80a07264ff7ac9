"""Lines of a usage report."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any

from pydantic import Field

from scheduler.domain.billing import GroupBy, UsageLine
from scheduler.edge.fields import View


class BilledView(View):
    """What every line has; credits are taken off what is billed."""

    tenantId: str
    allocations: Annotated[int, Field(description="that had a segment end in the period")]
    seconds: Annotated[int, Field(description="of all segments that ended in the period")]
    creditedSeconds: int
    billedSeconds: Annotated[int, Field(description="`seconds` less `creditedSeconds`")]
    cpuCoreSeconds: Annotated[int, Field(description="`billedSeconds` times the cores of each device")]
    memoryMBSeconds: Annotated[int, Field(description="`billedSeconds` times the memory of each device")]


class UserUsageView(BilledView):
    """What one user is billed."""

    userId: str


class DeviceUsageView(BilledView):
    """What one device's time is billed."""

    deviceId: str
    deviceName: str


class DayUsageView(BilledView):
    """What one day, in UTC, is billed."""

    day: str


UsageView = UserUsageView | DeviceUsageView | DayUsageView
KEYS = {GroupBy.USER: ("userId",), GroupBy.DEVICE: ("deviceId", "deviceName"), GroupBy.DAY: ("day",)}
FIGURES = ("allocations", "seconds", "creditedSeconds", "billedSeconds", "cpuCoreSeconds", "memoryMBSeconds")


def columns_of(group_by: GroupBy) -> tuple[str, ...]:
    """Name the columns of a table of lines."""
    return ("tenantId", *KEYS[group_by], *FIGURES)


def view_line(line: UsageLine, group_by: GroupBy) -> UsageView:
    """Show a line."""
    figures: dict[str, Any] = {
        "tenantId": line.tenant_id,
        "allocations": line.allocations,
        "seconds": line.seconds,
        "creditedSeconds": line.credited_seconds,
        "billedSeconds": line.seconds - line.credited_seconds,
        "cpuCoreSeconds": line.cpu_core_seconds,
        "memoryMBSeconds": line.memory_mb_seconds,
    }
    match group_by:
        case GroupBy.USER:
            return UserUsageView(userId=line.key, **figures)
        case GroupBy.DEVICE:
            return DeviceUsageView(deviceId=line.key, deviceName=line.device_name, **figures)
        case GroupBy.DAY:
            return DayUsageView(day=line.key, **figures)
