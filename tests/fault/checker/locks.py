"""A Redis lock has one holder at a time, as long as Redis keeps it and its time to live lasts."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from tests.fault.history import Evidence, LockUse, Violation

PROMISE = "locks"

_NS_A_MS = 1_000_000
MARGIN_NS = 50 * _NS_A_MS
"""Redis ends a lock by its own clock."""
LATE_STAMP_NS = 1_000 * _NS_A_MS
"""How long a busy worker may take to stamp that it has a lock, where it did not stamp when it asked."""
BREAK_NS = 1_000 * _NS_A_MS
"""Nobody can stamp the very instant at which Redis lost its locks: so near to it a hold proves nothing."""


def check(evidence: Evidence) -> list[Violation]:
    """Sweep the sure holds of each lock in the order in which they were taken."""
    keys: defaultdict[str, list[LockUse]] = defaultdict(list)
    for use in evidence.locks:
        keys[use.key].append(use)
    breaks = sorted(evidence.lock_breaks_ns)
    found = []
    for key, uses in keys.items():
        last: tuple[float, LockUse] | None = None
        for use in sorted(uses, key=lambda use: use.taken_ns):
            end = _sure_end(use, breaks)
            if end <= use.taken_ns:
                continue
            if last is not None and use.taken_ns < last[0]:
                what = f"workers {last[1].worker} and {use.worker} held {key} at the same time"
                found.append(Violation(PROMISE, what, {"lock": key}))
            if last is None or end > last[0]:
                last = (end, use)
    return found


def _sure_end(use: LockUse, breaks: Sequence[int]) -> float:
    counted_from = use.taken_ns - LATE_STAMP_NS if use.asked_ns is None else use.asked_ns
    end = min(math.inf if use.left_ns is None else use.left_ns, counted_from + use.ttl_ms * _NS_A_MS - MARGIN_NS)
    place = bisect_right(breaks, use.taken_ns - BREAK_NS)
    return min(end, breaks[place] - BREAK_NS) if place < len(breaks) else end
