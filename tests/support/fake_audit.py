"""A store of numbered rows, some of them broken, that an auditor can walk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from scheduler.domain.audit import Border, Finding, FullRun, Invariant, Progress, Slice
from scheduler.ports import SliceTooLarge

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WALK = "numbers"
CHECK = "number is broken"


@dataclass
class FakeAudit:
    """Rows 0 to `size` - 1, the last the newest; `most` rows fit into a statement."""

    size: int = 100
    broken: Collection[int] = ()
    late: int = 0
    most: int = 10_000
    examined: list[range] = field(default_factory=list)
    run: FullRun | None = None
    ended: FullRun | None = None
    saved_by_another: bool = False

    def walks(self) -> Mapping[str, Collection[Invariant]]:
        """One."""
        return {WALK: {Invariant.ONE_HOLDER}}

    def examine_now(self) -> Sequence[Finding]:
        """Tell what is late."""
        return [Finding("late", Invariant.ENDS_IN_TIME, self.late, ({"late": True},) if self.late else ())]

    def next_slice(self, walk: str, below: Border | None, rows: int, hours: int | None) -> Slice:
        """Cut."""
        high = int(below[0]) if below else self.size
        low = max(high - rows, 0)
        return Slice((str(low),) if low else None, below, NOON, last=low == 0)

    def examine(self, walk: str, part: Slice) -> Iterator[Finding]:
        """Look at each row."""
        rows = range(int(part.low[0]) if part.low else 0, int(part.high[0]) if part.high else self.size)
        if len(rows) > self.most:
            raise SliceTooLarge
        self.examined.append(rows)
        found = [{"row": row} for row in rows if row in self.broken]
        yield Finding(CHECK, Invariant.ONE_HOLDER, len(found), tuple(found))

    def resume_run(self) -> FullRun:
        """Go on, or begin."""
        if self.run is None or self.run.ended_at:
            self.run = FullRun(1, 0, NOON, None, Progress())
        return replace(self.run, progress=Progress(dict(self.run.progress.walks), dict(self.run.progress.findings)))

    def save_run(self, run: FullRun) -> bool:
        """Keep."""
        if self.saved_by_another:
            return False
        run.ended_at = NOON if run.progress.complete else None
        self.run = run
        self.ended = run if run.ended_at else self.ended
        return True

    def last_full_run(self) -> FullRun | None:
        """Give it once it has ended."""
        return self.ended
