"""What came, what was there, and what could not come."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

MOST_REFUSALS = 1000
KINDS = ("devices", "history", "active")
OUTCOMES = ("added", "present", "refused")


@dataclass
class Tally:
    """Counts by kind and outcome, and the first refusals by name."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: list[dict[str, str]] = field(default_factory=list)
    computed: int = 0

    def add(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count some rows."""
        self.counts[kind, outcome] += number

    def refuse(self, kind: str, row_id: str, why: str) -> None:
        """Count a row that stays out, and keep why."""
        self.add(kind, "refused")
        if len(self.refusals) < MOST_REFUSALS:
            self.refusals.append({"kind": kind, "id": row_id, "why": why})

    @property
    def refused(self) -> int:
        """How many rows stay out."""
        return sum(self.counts[kind, "refused"] for kind in KINDS)

    def write(self, path: Path, *, dry_run: bool) -> None:
        """Write all of it as JSON."""
        counts = {kind: {outcome: self.counts[kind, outcome] for outcome in OUTCOMES} for kind in KINDS}
        report = {
            "dryRun": dry_run,
            **counts,
            "durationsComputed": self.computed,
            "refusals": self.refusals,
            "refusalsLeftOut": self.refused - len(self.refusals),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")

    def reasons(self) -> list[tuple[str, int]]:
        """Give the reasons of the refusals that were kept, the most frequent first."""
        return Counter(f"{refusal['kind']}: {refusal['why']}" for refusal in self.refusals).most_common()
