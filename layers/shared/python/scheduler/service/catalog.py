"""Look things up: free devices, allocations, totals."""

from collections.abc import Sequence

from scheduler.domain.errors import AllocationNotFound
from scheduler.domain.model import (
    Allocation,
    AllocationFilter,
    AllocationTotals,
    AvailableFilter,
    AvailablePage,
)
from scheduler.ports import AllocationReader, AvailableCache, DeviceStore, Meter


class Catalog:
    """Reads only; the available list may be up to ten seconds old when Redis was unreachable for its eviction."""

    def __init__(
        self, allocations: AllocationReader, devices: DeviceStore, cache: AvailableCache, meter: Meter
    ) -> None:
        """Take the stores, and the cache of the available list."""
        self._allocations = allocations
        self._devices = devices
        self._cache = cache
        self._meter = meter

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List the devices that may be lent now."""
        kept, generation = self._cache.read(wanted)
        if kept is not None:
            self._meter.count("AvailableCacheHit")
            return kept
        page = self._devices.available(wanted)
        self._cache.store(wanted, page, generation)
        return page

    def allocations(self, wanted: AllocationFilter) -> tuple[Sequence[Allocation], bool]:
        """List allocations newest first, and tell whether more follow."""
        found = self._allocations.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit

    def allocation(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> Allocation:
        """Find one allocation.

        Raises:
            AllocationNotFound: There is none, or it is another's.
        """
        allocation = self._allocations.find(allocation_id, tenant_id, user_id)
        if allocation is None:
            raise AllocationNotFound
        return allocation

    def totals(self, tenant_id: str | None) -> AllocationTotals:
        """Give the running totals of a tenant, or of all."""
        return self._allocations.totals(tenant_id)
