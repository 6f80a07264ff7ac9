"""Live ten thousand lives of allocations under kills and redeliveries, and prove the books: `make lifecycles`."""

import argparse
import sys
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.lifecycles.run import Outcome, run
from tools.embedded import postgres

TEN_THOUSAND = 10_000
_MOST_NAMED = 10


def main() -> int:
    """Run, and say what came of it; 1 when something is wrong."""
    options = _options()
    started = time.monotonic()
    columns = (TextColumn("lives"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with postgres(settings={"max_connections": "110"}) as server, Progress(*columns) as progress:
        task = progress.add_task("lives", total=options.lives)
        outcome = run(server, options.lives, options.seed, lambda done: progress.update(task, completed=done))
    _tell(outcome, options.seed, time.monotonic() - started)
    return 1 if outcome.findings else 0


def _tell(outcome: Outcome, seed: int, seconds: float) -> None:
    print(f"{outcome.lives:,} lives in {seconds:,.0f} s, seed {seed}: {dict(outcome.happened)}")
    print(f"{outcome.kills:,} workers killed, {outcome.redelivered:,} redeliveries, {outcome.repeated:,} told again")
    print(f"{outcome.ended:,} allocations ended: {outcome.records:,} usage records, {outcome.credits:,} credits")
    print(f"{outcome.notices:,} notices")
    for what, wrong in outcome.findings.items():
        print(f"{what}: {len(wrong)} wrong", *wrong[:_MOST_NAMED], sep="\n  ")
    print("something is wrong" if outcome.findings else "bills, credits and notices are exact")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make lifecycles", description=__doc__)
    parser.add_argument("--lives", type=int, default=TEN_THOUSAND, help="how many in all (default: ten thousand)")
    parser.add_argument("--seed", type=int, default=1, help="for the random numbers (default: 1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
