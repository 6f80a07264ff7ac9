"""What a fuzz tells: a JSON file for programs, lines for people, and a curl command for each request that failed."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.fuzz.findings import Finding


@dataclass(frozen=True)
class Figures:
    """What was done, beside what was found."""

    seed: int
    seconds: int
    requests: int
    statuses: dict[str, dict[int, int]]
    median_ms: float
    p99_ms: float
    slowest_ms: float
    noise_median_ms: float
    noise_slowest_ms: float
    memory_mb: dict[str, tuple[float, float]]
    """By process: after warm-up, and at the end."""
    memory_samples_mb: dict[str, list[float]] = field(default_factory=dict)


def milliseconds(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Give median, 99th percentile and maximum of durations in seconds."""
    ordered = sorted(seconds) or [0.0]
    return tuple(round(1000 * one, 1) for one in (median(ordered), ordered[len(ordered) * 99 // 100], ordered[-1]))  # type: ignore[return-value]


def write(folder: Path, figures: Figures, findings: Sequence[Finding]) -> None:
    """Write report.json and, for each request that shows a finding, its body and the command that sends it again."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("finding-*"):
        old.unlink()
    document = {"figures": asdict(figures), "findings": [_entry(n, f, folder) for n, f in enumerate(findings, 1)]}
    (folder / "report.json").write_text(json.dumps(document, indent=1, ensure_ascii=True))


def lines(figures: Figures, findings: Sequence[Finding], folder: Path) -> list[str]:
    """Give what people read."""
    totals = Counter[int]()
    for counted in figures.statuses.values():
        totals.update(counted)
    kinds = Counter(finding.kind for finding in findings)
    return [
        f"seed {figures.seed}: {figures.requests:,} requests in {figures.seconds} s, beside schemathesis",
        f"answers: {', '.join(f'{status} {count:,}' for status, count in sorted(totals.items()))}",
        f"median {figures.median_ms} ms, p99 {figures.p99_ms} ms, slowest {figures.slowest_ms} ms"
        f" (a request that does nothing: {figures.noise_median_ms}, slowest {figures.noise_slowest_ms} ms)",
        f"memory of {len(figures.memory_mb)} processes: "
        f"{sum(a for a, _ in figures.memory_mb.values()):.0f} → {sum(b for _, b in figures.memory_mb.values()):.0f} MB",
        *(f"{finding.kind}: {finding.text}" for finding in findings[:30]),
        f"{len(findings)} findings {dict(kinds)}; {folder}/report.json" if findings else "no findings",
    ]


def _entry(number: int, finding: Finding, folder: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": finding.kind, "text": finding.text}
    request = finding.request
    if request is not None:
        body_file = folder / f"finding-{number}.body"
        body_file.write_bytes(request.body or b"")
        entry |= {"how": request.how, "curl": request.curl(str(body_file))}
        entry |= {"body": base64.b64encode(request.body or b"").decode()}
    return entry
