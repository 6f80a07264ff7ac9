"""Lend a device now, or wait for one."""

from dataclasses import replace

from scheduler.domain.errors import NoAvailableDevices
from scheduler.domain.model import Allocation, AllocationRequest, AllocationStatus
from scheduler.domain.outcome import JoinedBefore
from scheduler.domain.queue import QueueRequest
from scheduler.ports import AllocationReader
from scheduler.service.allocator import Allocator
from scheduler.service.queue import Queue, Wait


class PatientAllocator:
    """Allocates; who agreed to wait joins the queue instead of being refused."""

    def __init__(self, allocator: Allocator, queue: Queue, allocations: AllocationReader) -> None:
        """Take both use cases, and where grants are looked up."""
        self._allocator = allocator
        self._queue = queue
        self._allocations = allocations

    def allocate(self, request: AllocationRequest, max_wait_minutes: int) -> Allocation | Wait:
        """Grant a device, or give the place in line. A repeated request is told how its own wait is now.

        Raises:
            SchedulerError: As the allocator and `Queue.join` have it; `NoAvailableDevices` only when waiting is no use.
        """
        try:
            return self._allocator.allocate(replace(request, waits=True))
        except JoinedBefore as own:
            wait = self._queue.find(own.entry_id, request.user.tenant_id, request.user.user_id)
        except NoAvailableDevices as refusal:
            wait = self._join(request, max_wait_minutes, refusal)
        return self._granted(wait) or wait

    def _join(self, request: AllocationRequest, max_wait_minutes: int, refusal: NoAvailableDevices) -> Wait:
        wish = QueueRequest(
            request.user, request.minutes, max_wait_minutes, request.wants, request.metadata, request.key
        )
        try:
            return self._queue.join(wish)
        except NoAvailableDevices as hopeless:
            raise NoAvailableDevices(hopeless.detail, members=refusal.members) from hopeless

    def _granted(self, wait: Wait) -> Allocation | None:
        """Give the allocation that the wait brought, while it is active."""
        entry = wait.entry
        if entry.allocation_id is None:
            return None
        found = self._allocations.find(entry.allocation_id, entry.user.tenant_id, entry.user.user_id)
        return found if found is not None and found.status is AllocationStatus.ALLOCATED else None
