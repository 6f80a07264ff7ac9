"""`make fuzz`: ten minutes of odd requests, and of schemathesis, against a region of its own.

1 when an answer was a server error, told of our inside or took over 2 s, when memory grew, or a route was never taken.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.e2e.conftest import region_up
from tests.fuzz import report
from tests.fuzz.attack import Attack
from tests.fuzz.findings import Finding, grown, untried, wrong
from tests.fuzz.shapes import TARGET, Shapes
from tests.fuzz.stateful import walking
from tests.fuzz.warm import warm
from tests.fuzz.watch import Watch
from tools.region.layout import Layout

HOME = Path(__file__).parents[2] / ".local" / "fuzz"
SECONDS, SHORT_SECONDS = 600, 45
WORKERS = 3
UNLIMITED = dict.fromkeys([f"RATE_{kind}_PER_MINUTE" for kind in ("WRITE", "QUERY", "BATCH", "SERVICE")], "0")
"""A limited attack would be refused before it reaches anything."""
TRIVIAL = "/scheduler/docs"
"""A route of a function that does nothing: when it is slow as well, the machine is."""


def main() -> int:
    """Fuzz for as long as asked, report, and return the exit code."""
    options = _options()
    HOME.mkdir(parents=True, exist_ok=True)
    seconds = options.seconds or (SHORT_SECONDS if options.short else SECONDS)
    with region_up(WEBHOOK_ALLOWED_TARGETS=TARGET, **UNLIMITED) as environment:
        findings, figures = fuzz(environment, seconds, options.seed)
    report.write(HOME, figures, findings)
    print(*report.lines(figures, findings, HOME), sep="\n")
    return 1 if findings else 0


def fuzz(environment: Mapping[str, str], seconds: int, seed: int) -> tuple[Sequence[Finding], report.Figures]:
    """Attack the region of this environment for so many seconds; return what was found, and figures."""
    warm(environment, WORKERS + 2)
    attack = Attack(environment, time.monotonic() + seconds, seed)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[sent]:,} requests"))
    with (
        Watch(Layout(Path(environment["REGION_HOME"])), environment["API_URL"] + TRIVIAL) as watch,
        walking(environment, seconds, seed, HOME / "schemathesis.log") as walk,
        Progress(*columns, TimeRemainingColumn()) as progress,
    ):
        task = progress.add_task(f"fuzz, seed {seed}", total=seconds, sent=0)
        started = time.monotonic()
        attack.run(WORKERS, lambda: progress.update(task, completed=time.monotonic() - started, sent=attack.sent))
        progress.stop()
        walked = walk.findings()
    judged = [wrong(answer, watch.noise) for answer in attack.suspects]
    findings = [finding for finding in judged if finding]
    findings += walked + grown(watch.memory)
    findings += untried(attack.statuses, [operation.name for operation in Shapes.read().operations()])
    return findings, _figures(attack, watch, seconds)


def _figures(attack: Attack, watch: Watch, seconds: int) -> report.Figures:
    middle, p99, slowest = report.milliseconds(attack.seconds)
    noise_middle, _, noise_slowest = report.milliseconds([noise.seconds for noise in watch.noise])
    memory = {
        name: (median(samples[len(samples) // 3 :][:5]) / 2**20, median(samples[-5:]) / 2**20)
        for name, samples in watch.memory.items()
    }
    return report.Figures(
        seed=attack.seed,
        seconds=seconds,
        requests=attack.sent,
        statuses={name: dict(counted) for name, counted in attack.statuses.items()},
        median_ms=middle,
        p99_ms=p99,
        slowest_ms=slowest,
        noise_median_ms=noise_middle,
        noise_slowest_ms=noise_slowest,
        memory_mb=memory,
        memory_samples_mb={name: [round(one / 2**20, 1) for one in watch.memory[name]] for name in memory},
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT_SECONDS} s instead of {SECONDS}")
    parser.add_argument("--seconds", type=int, help="so many seconds")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="begin as that run did")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
