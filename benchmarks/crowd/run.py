"""`python -m benchmarks.crowd.run <environments> <seed> <file> <phases as JSON>`: a crowd in a process of its own.

It says each phase on its standard output as it begins; the answers are in the file when it has ended.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crowd.callers import Callers
from benchmarks.crowd.environments import end_environments, fork_environments
from benchmarks.crowd.plan import Phase, Told, write_told

_WEIGHED = 20


def main(arguments: Sequence[str]) -> int:
    """Warm all up, run the phases, settle, write; always 0, for the file tells what was wrong."""
    size, seed, path, phases = int(arguments[0]), int(arguments[1]), Path(arguments[2]), json.loads(arguments[3])
    environments, first_cycles = fork_environments(size)
    callers = Callers(environments, seed)
    callers.warm_up()
    for phase in (Phase(**phase) for phase in phases):
        print(phase.name, flush=True)
        callers.run(phase)
    callers.settle()
    ended_at = callers.now()
    weights = [environment.own_mb() for environment in environments[:: max(size // _WEIGHED, 1)]]
    wrong = sorted([*callers.wrong, *end_environments(environments)])
    write_told(Told(callers.answers, callers.begun, ended_at, first_cycles + callers.cycles, wrong, weights), path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
