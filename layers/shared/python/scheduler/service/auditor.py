"""Prove from the rows that what was promised holds: in seconds by request, everything by schedule."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from scheduler.domain.audit import Audit, Finding, Progress, Walk, verdicts
from scheduler.ports import AuditStore, Meter, SliceTooLarge

logger = logging.getLogger(__name__)

LOOK_SECONDS = 7.0
"""A look begins no statement after that: it answers within ten, and before API Gateway gives up if each is slow."""
LOOK_HOURS = 24
LOOK_ROWS = 10_000
RUN_ROWS = 20_000
FEWEST_ROWS = 20
"""Slices that take too long are halved down to this; if even that is too slow, the database needs help first."""
SPARE_SECONDS = 45.0
"""With less left a run begins no statement: one may take nine seconds, and again, and saving comes after it."""
LOGGED_ROWS = 5


class Auditor:
    """Walks the rows in slices, newest first, so that every statement is short."""

    def __init__(self, store: AuditStore, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where rows are examined; `clock` gives seconds."""
        self._store = store
        self._meter = meter
        self._clock = clock

    def look(self) -> Audit:
        """Examine live rows and the last 24 hours; what time does not allow is left out, and said to be."""
        stop_at = self._clock() + LOOK_SECONDS

        def in_time() -> bool:
            return self._clock() < stop_at

        progress = Progress({name: Walk() for name in self._store.walks()})
        progress.replace(self._store.examine_now())
        steps = {name: _Steps(self._store, name, LOOK_ROWS, LOOK_HOURS, in_time) for name in progress.walks}
        waiting = deque(steps)
        while waiting and steps[waiting[0]].take(progress):
            name = waiting.popleft()
            if not progress.walks[name].complete:
                waiting.append(name)
        audit = Audit(verdicts(progress, self._store.walks()), self._store.last_full_run())
        self._tell(progress)
        return audit

    def run(self, seconds_left: Callable[[], float]) -> Mapping[str, Any]:
        """Examine everything; go on where a run that was cut has stopped, and stop before the time is up."""
        started = self._clock()

        def in_time() -> bool:
            return seconds_left() > SPARE_SECONDS

        full = self._store.resume_run()
        progress = full.progress
        progress.replace(self._store.examine_now())
        for name in self._store.walks():
            steps = _Steps(self._store, name, RUN_ROWS, None, in_time)
            progress.walks.setdefault(name, Walk())
            while not progress.walks[name].complete and steps.take(progress):
                if not self._store.save_run(full):
                    return {"complete": False, "violations": progress.violations}  # another run took over
        self._store.save_run(full)
        self._tell(progress)
        self._meter.count("AuditViolations", self._known_violations(progress))
        self._meter.observe("AuditSeconds", self._clock() - started, "Seconds")
        return {"complete": progress.complete, "violations": progress.violations}

    def _known_violations(self, progress: Progress) -> int:
        """Count what stands: what the last full run found does, until another has looked everywhere."""
        last = None if progress.complete else self._store.last_full_run()
        return max(progress.violations, last.progress.violations if last else 0)

    def _tell(self, progress: Progress) -> None:
        for verdict in verdicts(progress, self._store.walks()):
            for finding in verdict.findings:
                if finding.count:
                    _log(finding)


class _Steps:
    """Takes slice after slice of one walk, smaller ones once one was too large."""

    def __init__(self, store: AuditStore, name: str, rows: int, hours: int | None, in_time: Callable[[], bool]) -> None:
        self._store = store
        self._name = name
        self._rows = rows
        self._hours = hours
        self._in_time = in_time

    def take(self, progress: Progress) -> bool:
        """Examine the next slice; False, and nothing of it counts, when time was over before its end."""
        while self._in_time():
            try:
                return self._examine(progress)
            except SliceTooLarge:
                if self._rows <= FEWEST_ROWS:
                    raise
                self._rows //= 2
        return False

    def _examine(self, progress: Progress) -> bool:
        walk = progress.walks[self._name]
        part = self._store.next_slice(self._name, walk.border, self._rows, self._hours)
        findings = []
        for finding in self._store.examine(self._name, part):
            findings.append(finding)
            if not self._in_time():
                return False
        progress.add(findings)
        progress.walks[self._name] = walk.past(part)
        return True


def _log(finding: Finding) -> None:
    logger.error(
        "invariant broken",
        extra={
            "invariant": finding.invariant,
            "check": finding.check,
            "count": finding.count,
            "rows": [dict(row) for row in finding.rows[:LOGGED_ROWS]],
        },
    )
