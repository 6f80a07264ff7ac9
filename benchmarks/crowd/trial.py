"""One run of a crowd: its place, its process, what is done to the database meanwhile, and the ledger afterwards."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.crowd.place import Place, Watch, place
from benchmarks.crowd.plan import Phase, Told, read_told
from benchmarks.ledger import check_ledger
from benchmarks.outcome import WrongAnswer

WAIT_SECONDS = 3
"""How long PgBouncer lets a client wait for a session."""
CLOCK_SECONDS = 0.2
_LATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Trial:
    """What a run is made of.

    `hold_ups` are seconds for which the database is held up as a phase begins; `clock_seconds` make it slow once all
    are warm, for on one machine the environments would else use up the processor long before the connections.
    """

    environments: int
    phases: Sequence[Phase]
    proxied: bool = True
    wait_seconds: int = WAIT_SECONDS
    hold_ups: Mapping[str, float] = field(default_factory=dict)
    clock_seconds: float = CLOCK_SECONDS
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What a crowd told, the most sessions that Postgres had for it, and what the ledger says."""

    told: Told
    most_sessions: int
    ledger: str


def run_trial(trial: Trial) -> Result:
    """Run it all.

    Raises:
        WrongAnswer: Some request was lost or doubled, or an environment died.
    """
    with (
        place(environments=trial.environments, proxied=trial.proxied, wait_seconds=trial.wait_seconds) as stage,
        tempfile.TemporaryDirectory() as folder,
        Watch(stage.owner_url) as watch,
    ):
        told = _run_crowd(trial, stage, watch, Path(folder) / "told.json")
        if told.wrong:
            raise WrongAnswer(f"{len(told.wrong)} things went wrong, such as {told.wrong[0]}")
        return Result(told, watch.most_sessions, check_ledger(stage.owner_url, told.cycles))


def _run_crowd(trial: Trial, stage: Place, watch: Watch, file: Path) -> Told:
    phases = json.dumps([asdict(phase) for phase in trial.phases])
    arguments = [str(trial.environments), str(trial.seed), str(file), phases]
    command = [sys.executable, "-m", "benchmarks.crowd.run", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=stage.environment) as process:
        try:
            _follow(process.stdout or [], trial, watch)
            if process.wait(_LATE_SECONDS):
                raise WrongAnswer("the crowd did not end well")
        finally:
            process.kill()
    return read_told(file)


def _follow(begun: Iterable[str], trial: Trial, watch: Watch) -> None:
    for number, name in enumerate(line.strip() for line in begun):
        if number == 0:
            watch.slow_down(trial.clock_seconds)
        if name in trial.hold_ups:
            watch.hold_up(trial.hold_ups[name])
