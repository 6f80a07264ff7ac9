"""The smallest history that shows a violation, and how to read it.

What belongs together goes together: an allocation with the requests that name it, its events, their receptions and
effects. So nothing is left that only looks broken because the other half of it was cut away.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.fault.checker import CHECKS
from tests.fault.checker.requests import may_have_happened
from tests.fault.history import (
    AllocationRow,
    EntryRow,
    Evidence,
    Operation,
    ReservationRow,
    UsageRow,
    Violation,
)
from tests.fault.subjects import bonds, subjects

MOST_CHECKS = 300

FIELDS = (
    *("operations", "locks", "received", "effects", "allocations", "renewals", "reservations", "entries"),
    *("events", "usage", "keys", "parked"),
)

type Unit = list[tuple[str, int]]
"""Places of items that stand and fall together: (field of the evidence, index)."""


def shrink(evidence: Evidence, violation: Violation) -> Evidence:
    """Cut the evidence down to what still shows the violation; unchanged when no check tells of it."""
    if not _shows(evidence, violation):
        return evidence
    units = _units(evidence)
    concerned = [unit for unit in units if any(_concerns(item, violation) for item in _items(evidence, unit))]
    if not _shows(_only(evidence, concerned), violation):
        concerned = units
    fixed: list[Unit] = []
    loose: list[Unit] = []
    for unit in concerned:
        (fixed if _is_context(evidence, unit, violation) else loose).append(unit)
    return _only(evidence, fixed + _minimal(loose, lambda kept: _shows(_only(evidence, fixed + kept), violation)))


def _concerns(item: Any, violation: Violation) -> bool:
    return any(violation.about.get(kind) == name for kind, name in subjects(item))


def _shows(evidence: Evidence, violation: Violation) -> bool:
    look = CHECKS.get(violation.promise)
    return look is not None and any(found.about == violation.about for found in look(evidence))


def _minimal(units: list[Unit], shows: Callable[[list[Unit]], bool]) -> list[Unit]:
    """Leave out ever smaller parts as long as the rest shows it (A. Zeller, R. Hildebrandt, IEEE TSE 28 (2), 2002)."""
    parts, checks = 2, 0
    while units and checks < MOST_CHECKS:
        size = -(-len(units) // parts)
        for start in range(0, len(units), size):
            rest, checks = units[:start] + units[start + size :], checks + 1
            if shows(rest):
                units, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(2 * parts, len(units))
    return units


@dataclass(slots=True)
class _Groups:
    """Union of names, each standing for a thing that items speak of."""

    above: dict[Hashable, Hashable]

    def root(self, name: Hashable) -> Hashable:
        above = self.above.setdefault(name, name)
        while above != self.above[above]:
            above = self.above[above]
        self.above[name] = above
        return above

    def join(self, names: Sequence[Hashable]) -> None:
        for name in names[1:]:
            self.above[self.root(name)] = self.root(names[0])


def _units(evidence: Evidence) -> list[Unit]:
    groups, named = _Groups({}), list[tuple[tuple[str, int], Hashable]]()
    for field in FIELDS:
        for index, item in enumerate(getattr(evidence, field)):
            names: list[Hashable] = [*bonds(item)] or [(field, index)]
            groups.join(names)
            named.append(((field, index), names[0]))
    units: defaultdict[Hashable, Unit] = defaultdict(list)
    for place, name in named:
        units[groups.root(name)].append(place)
    return list(units.values())


def _is_context(evidence: Evidence, unit: Unit, violation: Violation) -> bool:
    """Tell whether leaving it out would make something look broken that is not, as it may explain what is left."""
    items = _items(evidence, unit)
    if any(isinstance(item, UsageRow) for item in items):
        return True
    made = [item for item in items if isinstance(item, AllocationRow | ReservationRow | EntryRow)]
    rows = [item for item in made if isinstance(item, AllocationRow)]
    if violation.promise == "quota":
        unanswered = any(isinstance(item, Operation) and may_have_happened(item) for item in items)
        return any(row.status == "allocated" for row in rows) or (unanswered and not made)
    if violation.promise in {"grants", "releases", "holds", "renewals", "reservations", "waits"}:
        told = violation.about.get("operation")
        return not made or (told is not None and any(_may_mean(evidence, told, row) for row in rows))
    return False


def _may_mean(evidence: Evidence, operation_id: str, row: AllocationRow) -> bool:
    asked = next(operation for operation in evidence.operations if str(operation.id) == operation_id)
    return (asked.tenant, asked.user, asked.body.get("deviceId")) == (row.tenant, row.user, row.device_id)


def _items(evidence: Evidence, unit: Unit) -> list[Any]:
    return [getattr(evidence, field)[index] for field, index in unit]


def _only(evidence: Evidence, units: Sequence[Unit]) -> Evidence:
    kept: defaultdict[str, list[int]] = defaultdict(list)
    for unit in units:
        for field, index in unit:
            kept[field].append(index)
    chosen: dict[str, Any] = {name: [getattr(evidence, name)[n] for n in sorted(kept[name])] for name in FIELDS}
    return replace(evidence, **chosen)
