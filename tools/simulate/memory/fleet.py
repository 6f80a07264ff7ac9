"""Devices in memory, indexed as the claim's SQL has them: spec classes, each with its best free device at hand."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.placement import RERANKED
from tools.simulate.memory.holds import Holds

if TYPE_CHECKING:
    from tools.simulate.memory.records import MemoryAllocation


class Size(NamedTuple):
    """Cores and megabytes; None: no limit."""

    cpu_cores: int | None
    memory_mb: int | None
    storage_mb: int | None


UNLIMITED = Size(None, None, None)


class Kind(NamedTuple):
    """Pool, type and size of a device."""

    tenant_id: str | None
    device_type: str
    size: Size

    def fits(self, tenant_id: str | None, wants: DeviceWants) -> bool:
        """Tell whether the tenant may have it and it meets the minima."""
        minima = (wants.min_cpu, wants.min_memory_mb, wants.min_storage_mb)
        return (
            self.tenant_id in {None, tenant_id}
            and wants.device_type in {None, self.device_type}
            and all((has or 0) >= (least or 0) for has, least in zip(self.size, minima, strict=True))
        )

    def is_within(self, most: Size) -> bool:
        """Tell whether it is within what a quota leaves."""
        return most is UNLIMITED or all(
            limit is None or (has or 0) <= limit for has, limit in zip(self.size, most, strict=True)
        )


@dataclass(eq=False)
class SpecClass:
    """Devices of one kind. The heaps also have entries that are over; whoever looks takes those away."""

    id: int
    kind: Kind
    running: int = 0
    ids: list[str] = field(default_factory=list)
    """Of all its devices, in their order."""
    free: list[tuple[float, int]] = field(default_factory=list)
    """(-score, number) of each free device: the best first."""
    lent: list[tuple[datetime, int]] = field(default_factory=list)
    """(end, number) of each device that is lent: the first to come back first."""


@dataclass(eq=False)
class Wish:
    """What somebody of a tenant asks for, and the classes that meet it: the smallest first."""

    tenant_id: str | None
    wants: DeviceWants
    classes: list[SpecClass]

    def has_other_kind(self, other: "Wish") -> bool:
        """Tell whether some running devices are for this wish and not for the other."""
        return any(spec.running and spec not in other.classes for spec in self.classes)


@dataclass(eq=False)
class MemoryDevice:
    """A device of some size."""

    id: str
    cpu_cores: int = 4
    memory_mb: int = 4096
    storage_mb: int = 65536
    device_type: str = "android-14"
    status: str = "running"
    tenant_id: str | None = None
    name: str = ""
    adb_host: str = "10.0.0.7"
    adb_port: int = 5555
    fence: int = 0
    next_reserved_at: datetime | None = None
    score: float = 0.0
    number: int = -1
    active: "MemoryAllocation | None" = None
    held_for: str | None = None
    spec: SpecClass | None = None

    @property
    def size(self) -> Size:
        """What it takes of a quota."""
        return Size(self.cpu_cores, self.memory_mb, self.storage_mb)

    @property
    def kind(self) -> Kind:
        """What claims look for."""
        return Kind(self.tenant_id, self.device_type, self.size)

    @property
    def is_free(self) -> bool:
        """Tell whether it may be lent now to whoever comes."""
        return self.active is None and self.held_for is None and self.status == "running"

    def is_unreserved_until(self, until: datetime) -> bool:
        """Tell whether no reservation begins before."""
        return self.next_reserved_at is None or self.next_reserved_at >= until


type Prefer = Callable[[User, int, Sequence[MemoryDevice]], MemoryDevice]
"""Choose for a user and her minutes among the best free devices, the best by score first; there is at least one."""


class Fleet:
    """All devices. Whoever changes one says so: `leave` before its kind or status changes, `place` after any change."""

    def __init__(self) -> None:
        """Start with no device."""
        self.devices: dict[str, MemoryDevice] = {}
        self.prefer: Prefer | None = None
        """None: the highest score is lent."""
        self.holds = Holds()
        self._numbered: list[MemoryDevice] = []
        self._classes: dict[Kind, SpecClass] = {}
        self._wishes: dict[tuple[str | None, DeviceWants], Wish] = {}

    def add(self, device: MemoryDevice) -> None:
        """Add a device."""
        device.number = len(self._numbered)
        self._numbered.append(device)
        self.devices[device.id] = device
        self.place(device)

    def leave(self, device: MemoryDevice) -> None:
        """Take it out of its class; to be placed again."""
        if device.spec:
            del device.spec.ids[bisect_left(device.spec.ids, device.id)]
            device.spec.running -= device.status == "running"
            device.spec = None

    def place(self, device: MemoryDevice) -> None:
        """Put it where claims find it, as it is now."""
        spec = device.spec
        if spec is None:
            spec = device.spec = self._class_of(device.kind)
            insort(spec.ids, device.id)
            spec.running += device.status == "running"
        self.holds.note(device)
        if device.is_free:
            heappush(spec.free, (-device.score, device.number))
            if len(spec.free) > 4 * len(spec.ids) + 64:
                self._compact(spec)
        elif device.active and device.held_for is None:
            heappush(spec.lent, (device.active.expires_at, device.number))

    def wish(self, tenant_id: str | None, wants: DeviceWants) -> Wish:
        """Give what meets a wish; classes that come later are added."""
        key = (tenant_id, wants)
        found = self._wishes.get(key)
        if found is None:
            found = self._wishes[key] = Wish(tenant_id, wants, [])
            for spec in self._classes.values():
                _consider(found, spec)
        return found

    def head(self, spec: SpecClass, until: datetime | None) -> MemoryDevice | None:
        """Give the best free device of a class that is not reserved before."""
        heap = spec.free
        while heap:
            score, number = heap[0]
            device = self._numbered[number]
            if device.spec is spec and -score == device.score and device.is_free:
                if until is None or device.is_unreserved_until(until):
                    return device
                return next(iter(self.heads(spec, until, most=1)), None)
            heappop(heap)
        return None

    def heads(self, spec: SpecClass, until: datetime, most: int = RERANKED) -> Sequence[MemoryDevice]:
        """Give the best few free devices of a class that are not reserved before, the best first."""
        found, passed = list[MemoryDevice](), list[tuple[float, int]]()
        while spec.free and len(found) < most:
            entry = heappop(spec.free)
            device = self._numbered[entry[1]]
            is_anew = passed[-1:] != [entry]
            if is_anew and device.spec is spec and -entry[0] == device.score and device.is_free:
                passed.append(entry)
                if device.is_unreserved_until(until):
                    found.append(device)
        for entry in passed:
            heappush(spec.free, entry)
        return found

    def best(
        self, classes: Iterable[SpecClass], until: datetime, may: Callable[[MemoryDevice], bool] = lambda _: True
    ) -> MemoryDevice | None:
        """Give the best head that may be had and is not reserved before; of the first class among equals."""
        best: MemoryDevice | None = None
        for spec in classes:
            head = self.head(spec, until)
            if head and (best is None or head.score > best.score) and may(head):
                best = head
        return best

    def preferred(self, user: User, minutes: int, heads: Sequence[MemoryDevice]) -> MemoryDevice | None:
        """Choose among heads of several classes, smaller classes first; None: there are none."""
        if self.prefer is None or not heads:
            return None
        few = sorted(heads, key=lambda device: -device.score)[:RERANKED]
        return self.prefer(user, minutes, few)

    def soonest(self, spec: SpecClass, now: datetime, minutes: int) -> MemoryDevice | None:
        """Give the lent device of a class that comes back first, is not held and has the minutes to give then."""
        passed = list[tuple[datetime, int]]()
        while (device := self._first_lent(spec)) and not device.is_unreserved_until(
            max(spec.lent[0][0], now) + timedelta(minutes=minutes)
        ):
            passed.append(heappop(spec.lent))
        for entry in passed:
            heappush(spec.lent, entry)
        return device

    def _first_lent(self, spec: SpecClass) -> MemoryDevice | None:
        while spec.lent:
            end, number = spec.lent[0]
            device = self._numbered[number]
            is_so = device.active is not None and device.active.expires_at == end and device.held_for is None
            if is_so and device.spec is spec and device.status == "running":
                return device
            heappop(spec.lent)
        return None

    @property
    def classes(self) -> Collection[SpecClass]:
        """All classes."""
        return self._classes.values()

    def lent_classes(self) -> set[SpecClass]:
        """Give the classes of which a device is lent that is not held for whoever comes next."""
        return {spec for spec in self._classes.values() if self._first_lent(spec)}

    def idle_held(self) -> Iterator[MemoryDevice]:
        """Give held devices that are not lent, the best first."""
        return iter(sorted(self.holds.idle().values(), key=lambda device: (-device.score, device.id)))

    def _class_of(self, kind: Kind) -> SpecClass:
        spec = self._classes.get(kind)
        if spec is None:
            spec = self._classes[kind] = SpecClass(len(self._classes), kind)
            for wish in self._wishes.values():
                _consider(wish, spec)
        return spec

    def _compact(self, spec: SpecClass) -> None:
        numbers = {number for _, number in spec.free}
        current = [device for device in map(self._numbered.__getitem__, numbers) if device.spec is spec]
        spec.free = [(-device.score, device.number) for device in current if device.is_free]
        heapify(spec.free)


def _consider(wish: Wish, spec: SpecClass) -> None:
    if spec.kind.fits(wish.tenant_id, wish.wants):
        wish.classes.append(spec)
        wish.classes.sort(key=lambda spec: (spec.kind.size, spec.id))
