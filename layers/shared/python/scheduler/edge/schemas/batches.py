"""Allocate, release, renew and query many in one call."""

# ruff: noqa: N815  wire names
from collections.abc import Sequence
from typing import Annotated, Any, Self

from msgspec import Meta
from msgspec.structs import asdict

from scheduler.domain.batch import Batch, BatchResult, Failure, Holdings, LaterEnd, Mode
from scheduler.domain.errors import Forbidden
from scheduler.domain.model import Allocation, AllocationRequest, EndedAllocation, RequestKey
from scheduler.domain.renewal import Renewal
from scheduler.edge.fields import Id, Instant, Minutes, Reason, UuidText, View, WireModel
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import AllocateItem, AllocationView, ReleaseView
from scheduler.edge.schemas.problems import ProblemFacts
from scheduler.edge.schemas.renewals import RenewalView
from scheduler.edge.validation import wrong

_IDS = ["0b1a9c1e-6c0f-4f0e-9d53-0d5c1f0f7c11", "5f0a4f8e-64f5-4a57-8a51-3f3f6f1f2b22"]
_FAILURE: dict[str, Any] = {
    "index": 1,
    "code": "allocation_not_found",
    "detail": "There is no such allocation.",
    "retryable": False,
}


Place = Annotated[int, Meta(description="Place in the batch, from 0")]


class BatchBody(WireModel, kw_only=True):
    """What becomes of a batch when an item fails; without a word it goes on with the next."""

    continueOnError: Annotated[
        bool | None,
        Meta(description="false: stop at the first failure and keep what came before; default: true, unless atomic"),
    ] = None
    atomic: Annotated[bool, Meta(description="true: all or nothing; not together with continueOnError")] = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.atomic and self.continueOnError:
            raise wrong("atomic", "not together with continueOnError")

    @property
    def mode(self) -> Mode:
        """What is asked for."""
        if self.atomic:
            return Mode.ATOMIC
        return Mode.STOP if self.continueOnError is False else Mode.CONTINUE


class BatchAllocateBody(BatchBody, kw_only=True):
    """Who wants devices."""

    EXAMPLES = (
        {
            "items": [{"userId": "alice", "durationMinutes": 30}, {"userId": "bob", "preferredSpecs": {"minCpu": 8}}],
            "atomic": True,
        },
    )

    items: Annotated[list[AllocateItem], Meta(min_length=1, max_length=50)]

    def to_batch(self, who: Caller, key: RequestKey | None) -> Batch[AllocationRequest | Forbidden]:
        """Read it as the caller's wishes; an item that the caller may not ask for fails by itself."""

        def wish(item: AllocateItem) -> AllocationRequest | Forbidden:
            try:
                return item.to_request(who, None)
            except Forbidden as refusal:
                return refusal

        return Batch(who.tenant_id, [wish(item) for item in self.items], self.mode, key)


class BatchReleaseBody(BatchBody, kw_only=True):
    """Which allocations to end."""

    EXAMPLES = ({"allocationIds": _IDS, "continueOnError": False},)

    allocationIds: Annotated[list[UuidText], Meta(min_length=1, max_length=100)]

    def to_batch(self, who: Caller, key: RequestKey | None) -> Batch[str]:
        """Read it as the caller's wishes."""
        return Batch(who.seen_tenant, self.allocationIds, self.mode, key)


class BatchRenewBody(BatchBody, kw_only=True):
    """Which allocations to renew, by how many minutes each, and why."""

    EXAMPLES = ({"allocationIds": _IDS, "additionalMinutes": 30, "reason": "The test still runs"},)

    allocationIds: Annotated[list[UuidText], Meta(min_length=1, max_length=50)]
    additionalMinutes: Minutes
    reason: Reason | None = None

    def to_batch(self, who: Caller, key: RequestKey | None) -> Batch[str]:
        """Read it as the caller's wishes."""
        return Batch(who.seen_tenant, self.allocationIds, self.mode, key)

    def to_later_end(self) -> LaterEnd:
        """Read what is asked for each."""
        return LaterEnd(self.additionalMinutes, self.reason)


class BatchQueryBody(WireModel):
    """Whose active allocations to list; an operator names the tenant."""

    EXAMPLES = ({"userIds": ["alice", "bob"]},)

    userIds: Annotated[list[Id], Meta(min_length=1, max_length=100)]
    tenantId: Id | None = None

    def to_batch(self, who: Caller, key: RequestKey | None) -> Batch[str]:
        """Read it as the caller's wishes.

        Raises:
            Forbidden: Somebody but an operator names another tenant.
        """
        return Batch(who.tenant(self.tenantId) or who.tenant_id, self.userIds, key=key)


class FailureView(ProblemFacts, kw_only=True):
    """An item that failed: the problem of the single call, with its members."""

    EXAMPLES = (_FAILURE,)

    index: Place
    code: str
    detail: str
    retryable: bool

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """View a failure."""
        error = failure.error
        members = {"index": failure.index, "code": error.code, "detail": error.detail, "retryable": error.retryable}
        return cls(**{**error.members, **members})


class BatchGrant(AllocationView):
    """A grant, as the single call answers it."""

    index: Place


class BatchRelease(ReleaseView):
    """What was given back, as the single call answers it."""

    index: Place
    allocationId: str


class BatchRenewal(RenewalView):
    """A renewal, as the single call answers it."""

    index: Place
    allocationId: str


class ActiveView(View):
    """An active allocation, without the device's address."""

    allocationId: str
    deviceId: str
    allocatedAt: Instant
    expiresAt: Instant | None
    durationMinutes: int
    fencingToken: int


class BatchHoldings(View):
    """What a user holds, the newest first."""

    index: Place
    userId: str
    allocations: list[ActiveView]
    more: Annotated[bool, Meta(description="Whether the user holds more than the 50 that are listed")]


class BatchView[Success: View](View):
    """What became of each item, both lists in the order of the batch."""

    successCount: int
    failedCount: int
    notTried: Annotated[int, Meta(description="Items after the first failure, where continueOnError is false")]
    successes: list[Success]
    failures: list[FailureView]

    @classmethod
    def of(cls, successes: Sequence[Success], result: BatchResult[Any]) -> Self:
        """View a result whose successes are viewed already."""
        return cls(
            successCount=len(successes),
            failedCount=len(result.failures),
            notTried=result.not_tried,
            successes=list(successes),
            failures=[FailureView.of(failure) for failure in result.failures],
        )


def view_grants(result: BatchResult[Allocation]) -> BatchView[BatchGrant]:
    """View a batch of grants."""
    grants = [BatchGrant(index=index, **asdict(AllocationView.of(grant))) for index, grant in result.successes]
    return BatchView[BatchGrant].of(grants, result)


def view_releases(result: BatchResult[EndedAllocation]) -> BatchView[BatchRelease]:
    """View a batch of releases."""
    ends = [
        BatchRelease(index=index, allocationId=ended.id, **asdict(ReleaseView.of(ended)))
        for index, ended in result.successes
    ]
    return BatchView[BatchRelease].of(ends, result)


def view_renewals(result: BatchResult[Renewal]) -> BatchView[BatchRenewal]:
    """View a batch of renewals."""
    renewals = [
        BatchRenewal(index=index, allocationId=renewal.allocation_id, **asdict(RenewalView.of(renewal)))
        for index, renewal in result.successes
    ]
    return BatchView[BatchRenewal].of(renewals, result)


def view_holdings(result: BatchResult[Holdings]) -> BatchView[BatchHoldings]:
    """View what many users hold."""
    held = [
        BatchHoldings(
            index=index,
            userId=user.user_id,
            allocations=[
                ActiveView(
                    allocationId=active.id,
                    deviceId=active.device_id,
                    allocatedAt=active.allocated_at,
                    expiresAt=active.expires_at,
                    durationMinutes=active.duration_minutes,
                    fencingToken=active.fencing_token,
                )
                for active in user.allocations
            ],
            more=user.more,
        )
        for index, user in result.successes
    ]
    return BatchView[BatchHoldings].of(held, result)
