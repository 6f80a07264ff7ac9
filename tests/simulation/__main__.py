"""Play weeks by hand: python -m tests.simulation [seed …] prints how each one's promises were kept."""

import logging
import sys
from contextlib import closing
from itertools import pairwise
from statistics import median

from scheduler.adapters.postgres.connection import Database
from tests.simulation.findings import is_known, kept, within
from tests.simulation.week import Week
from tests.support.databases import migrated_database
from tools.embedded import postgres

STRATA = (0, 900, 3600, 14401)
HEAD = (
    "| seed | waits | known | within p90 | within p50 | within raw p90 | median wait | median p90"
    " | p90 < 15 min | 15-60 min | longer |"
)


def main(seeds: list[int]) -> None:
    """Play one week a seed."""
    logging.disable(logging.CRITICAL)
    print(HEAD + "\n|" + " --- |" * (HEAD.count("|") - 1))
    with postgres() as server:
        for seed in seeds:
            url = migrated_database(server, f"week_{seed}")
            with closing(Database(lambda url=url: url)) as database:  # type: ignore[misc]
                week = Week(database, seed)
                week.play(progress)
            print(row(seed, week), flush=True)


def progress(days: float) -> None:
    """Show how far the week is."""
    if sys.stderr.isatty():
        print(f"day {days:4.1f} of 7", end="\r", file=sys.stderr)


def row(seed: int, week: Week) -> str:
    """Give one line of the table."""
    waits = [wait for wait in week.waits() if wait["promised_p90"] is not None]
    known = [wait for wait in waits if is_known(wait)]
    found = kept(waits)
    strata = [[wait for wait in known if low <= wait["promised_p90"] < high] for low, high in pairwise(STRATA)]
    shares = [f"{within(part, 'promised_p90') / max(len(part), 1):.0%} of {len(part)}" for part in strata]
    cells = [
        seed,
        len(waits),
        len(known),
        f"{found.share_within_p90:.1%}",
        f"{found.share_within_p50:.1%}",
        f"{within(known, 'raw_p90') / max(len(known), 1):.1%}",
        f"{median(wait['waited'] for wait in known) / 60:.0f} min",
        f"{median(wait['promised_p90'] for wait in known) / 60:.0f} min",
        *shares,
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


main([int(seed) for seed in sys.argv[1:]] or [1, 2, 3, 4, 5])
