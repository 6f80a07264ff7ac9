"""Runs the audit's checks, the way the auditor does, in slices as small as a test wants."""

from scheduler.domain.audit import Finding, Progress, Walk
from scheduler.ports import AuditStore

MOST_SLICES = 10_000


def everything_found(store: AuditStore, rows: int = 10_000) -> dict[str, Finding]:
    """Walk everything in slices; give what each check found, if it found anything."""
    progress = Progress()
    progress.replace(store.examine_now())
    for name in store.walks():
        walk = Walk()
        for _ in range(MOST_SLICES):
            part = store.next_slice(name, walk.border, rows, None)
            progress.add(store.examine(name, part))
            walk = walk.past(part)
            if walk.complete:
                break
        assert walk.complete
    return {check: finding for check, finding in progress.findings.items() if finding.count}
