"""What an audit tells."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.audit import MAX_ROWS, STATEMENTS, Audit, Finding, FullRun, Verdict
from scheduler.edge.fields import Instant, View


class FindingView(View):
    """Rows that offend, as one check found them."""

    check: str
    count: int
    rows: Annotated[list[dict[str, Any]], Meta(description=f"the first {MAX_ROWS}, by their ids")]

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Show a finding."""
        return cls(check=finding.check, count=finding.count, rows=[dict(row) for row in finding.rows])


class InvariantView(View):
    """One invariant, and whether it holds in what was looked at."""

    id: str
    statement: str
    holds: bool
    count: Annotated[int, Meta(description="rows that offend")]
    findings: list[FindingView]
    complete: Annotated[bool, Meta(description="false: time ran out before all live rows and 24 hours were examined")]
    checkedFrom: Annotated[Instant | None, Meta(description="from when on history was examined; null: all there is")]

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Show a verdict."""
        return cls(
            id=verdict.invariant,
            statement=STATEMENTS[verdict.invariant],
            holds=verdict.holds,
            count=sum(finding.count for finding in verdict.findings),
            findings=[FindingView.of(finding) for finding in verdict.findings if finding.count],
            complete=verdict.complete,
            checkedFrom=verdict.checked_from,
        )


class FullRunView(View):
    """The last scheduled run that examined everything."""

    startedAt: Instant
    endedAt: Instant | None
    holds: bool
    findings: list[FindingView]

    @classmethod
    def of(cls, run: FullRun) -> Self:
        """Show a run."""
        found = [FindingView.of(finding) for finding in run.progress.findings.values() if finding.count]
        return cls(startedAt=run.started_at, endedAt=run.ended_at, holds=not found, findings=found)


class AuditView(View):
    """Every invariant that rows can prove: live rows and the last 24 hours, as of now."""

    holds: bool
    invariants: list[InvariantView]
    lastFullRun: FullRunView | None

    @classmethod
    def of(cls, audit: Audit) -> Self:
        """Show an audit."""
        return cls(
            holds=audit.holds,
            invariants=[InvariantView.of(verdict) for verdict in audit.verdicts],
            lastFullRun=FullRunView.of(audit.last_full_run) if audit.last_full_run else None,
        )
