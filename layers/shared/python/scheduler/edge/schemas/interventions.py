"""Take a device from its holder."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.model import EndedAllocation, RequestKey
from scheduler.domain.outcome import Facts
from scheduler.edge.fields import Reason, View, WireModel
from scheduler.ports.interventions import FailoverOrder

_EXAMPLE: dict[str, Any] = {
    "allocationId": "1ea0d90c-d388-4327-b414-487c72a032a6",
    "outcome": "moved",
    "deviceId": "phone-small-02",
    "oldDeviceId": "phone-small-01",
    "fencingToken": 7,
    "durationSeconds": None,
}


class ReasonBody(WireModel):
    """Why; the holder is told."""

    EXAMPLES = ({"reason": "The rack is being moved"},)

    reason: Reason

    def to_order(self, allocation_id: str, key: RequestKey | None) -> FailoverOrder:
        """Read it as an order: the device is not said to have failed."""
        return FailoverOrder(allocation_id, self.reason, key=key)


class RevocationView(View):
    """How an allocation ended: `expired` when its time was over."""

    allocationId: str
    deviceId: str
    status: str
    durationSeconds: int

    @classmethod
    def of(cls, ended: EndedAllocation) -> Self:
        """View an end."""
        return cls(
            allocationId=ended.id,
            deviceId=ended.device_id,
            status=ended.status,
            durationSeconds=ended.duration_seconds,
        )


class FailoverView(View):
    """What became of an allocation: `moved` to `deviceId`, or `revoked` or `expired` on it."""

    EXAMPLES = (_EXAMPLE,)

    allocationId: str
    outcome: Annotated[str, Meta(description="moved, revoked or expired")]
    deviceId: str
    oldDeviceId: Annotated[str | None, Meta(description="Null: it ended")]
    fencingToken: Annotated[int | None, Meta(description="The new one; the one before is refused. Null: it ended")]
    durationSeconds: Annotated[int | None, Meta(description="What is billed. Null: it goes on")]

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """View the facts of a failover."""
        return cls(
            allocationId=facts["allocationId"],
            outcome=facts["outcome"],
            deviceId=facts["deviceId"],
            oldDeviceId=facts.get("oldDeviceId"),
            fencingToken=facts.get("fencingToken"),
            durationSeconds=facts.get("durationSeconds"),
        )

    @staticmethod
    def message(facts: Facts) -> str:
        """Say it in a sentence."""
        match facts["outcome"]:
            case "moved":
                return f"Allocation moved to {facts['deviceId']}"
            case "expired":
                return "The allocation's time was over"
            case _:
                return "No other device fits: the allocation ended"
