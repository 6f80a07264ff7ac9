"""Mutates the domain and writes docs/mutation.md: `python -m tools.mutation [--check]`; some minutes."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tools.mutation.report import DOCUMENT, LOWEST_SCORE, document
from tools.mutation.results import Mutant, score, unexplained
from tools.mutation.results import read as read_mutants
from tools.mutation.workplace import PLACE, prepare

CHILDREN = "2"
LIMIT_SECONDS = 720


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the score and the survivors; 1 when too many survive, one is unexplained, or the document is not so."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with docs/mutation.md, do not write it")
    check = parser.parse_args(arguments).check
    mutants = run()
    told = document(mutants)
    sys.stdout.write(told)
    stale = check and DOCUMENT.read_text() != told
    if stale:
        print(f"{DOCUMENT.name} says something else: run `make mutation` and look at what changed", file=sys.stderr)
    if not check:
        DOCUMENT.write_text(told)
    return int(stale or score(mutants) < LOWEST_SCORE or bool(unexplained(mutants)))


def run() -> list[Mutant]:
    """Try every mutant; mutmut shows how far it is."""
    os.nice(10)
    prepare()
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", CHILDREN],
        cwd=PLACE,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    return read_mutants()


if __name__ == "__main__":
    sys.exit(main())
