"""Lines of a usage report."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from scheduler.domain.billing import GroupBy, UsageLine
from scheduler.edge.fields import View


class UsageView(View, kw_only=True):
    """What one user, one device's time, or one day (in UTC) is billed; credits are taken off what is billed."""

    tenantId: str
    userId: str | UnsetType = UNSET
    deviceId: str | UnsetType = UNSET
    deviceName: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    allocations: Annotated[int, Meta(description="that had a segment end in the period")]
    seconds: Annotated[int, Meta(description="of all segments that ended in the period")]
    creditedSeconds: int
    billedSeconds: Annotated[int, Meta(description="`seconds` less `creditedSeconds`")]
    cpuCoreSeconds: Annotated[int, Meta(description="`billedSeconds` times the cores of each device")]
    memoryMBSeconds: Annotated[int, Meta(description="`billedSeconds` times the memory of each device")]


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
    names = KEYS[group_by]
    keys: dict[str, Any] = dict(zip(names, (line.key, line.device_name)[: len(names)], strict=True))
    return UsageView(**keys, **figures)
