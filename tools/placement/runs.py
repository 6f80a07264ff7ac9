"""Plays the runs of an evaluation, some at a time, and keeps each result: what was played is not played again."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import sha256
from math import isfinite
from pathlib import Path

from tools.placement.logged import Chooser, estimates
from tools.placement.worlds import LOGGED, TARGET, TRIALS, Trial
from tools.simulate.demand import DAY, arrivals, plans
from tools.simulate.placement import placement
from tools.simulate.play import Play
from tools.simulate.smart import MODEL
from tools.simulate.stage import MemoryStage
from tools.simulate.study import silence
from tools.simulate.world import World

type Result = Mapping[str, float]
type Results = Mapping[str, Mapping[str, Sequence[Result]]]
"""By trial and strategy, in the order of the seeds."""


def results(seeds: Mapping[str, int], jobs: int, folder: Path, tell: Callable[[float], None]) -> Results:
    """Play what is missing of each trial's seeds, from 1 on.

    Args:
        seeds: How many, by trial.
        jobs: Runs at a time.
        folder: Where results are kept, by the model that was evaluated.
        tell: Hears what share is done.
    """
    kept = folder / sha256(MODEL.read_bytes()).hexdigest()[:12]
    kept.mkdir(parents=True, exist_ok=True)
    wanted = [
        (t.place or t.name, name, seed) for t in TRIALS for seed in range(1, seeds[t.name] + 1) for name in t.strategies
    ]
    missing = list(dict.fromkeys(run for run in wanted if not _file(kept, *run).exists()))
    with ProcessPoolExecutor(jobs) as pool:
        coming = {pool.submit(played, *run): run for run in missing}
        for number, done in enumerate(as_completed(coming), 1):
            _file(kept, *coming[done]).write_text(json.dumps(done.result()))
            tell(number / len(missing))
    return {
        t.name: {
            name: [_read(_file(kept, t.place or t.name, name, seed)) for seed in range(1, seeds[t.name] + 1)]
            for name in t.strategies
        }
        for t in TRIALS
    }


def played(trial_name: str, strategy: str, seed: int) -> Result:
    """Play one run."""
    trial = next(one for one in TRIALS if one.name == trial_name)
    wishes, world = arrivals(trial.demand, seed), World(trial.world, seed)
    is_logged = strategy in {LOGGED, TARGET}
    chooser = Chooser(world, wishes, seed, is_target=strategy == TARGET) if is_logged else None
    chosen = chooser.placement() if chooser else placement(strategy, world, seed)
    with silence():
        play = Play(MemoryStage(plans(wishes)), world, wishes, chosen, seed)
        found = dict(play.play().result())
    found["failures"] = float(play.measures.counts["failures"])
    if chooser:
        found |= estimates(chooser.choices)
    if trial.world.turns_bad_at is not None:
        found |= _on_turned(play, world, trial)
    return found


def _on_turned(play: Play, world: World, trial: Trial) -> Result:
    """Tell by day what share of the grants went to phones of hosts that turn bad."""
    every, turned = Counter[int](), Counter[int]()
    for grant in play.grants:
        day = int(grant.at / DAY)
        every[day] += 1
        turned[day] += isfinite(world.phones[grant.device_id].host.turns_bad_at)
    return {f"turned on day {day}": turned[day] / max(every[day], 1) for day in range(int(trial.demand.days))}


def _read(file: Path) -> Result:
    found: Result = json.loads(file.read_text())
    return found


def _file(folder: Path, trial: str, strategy: str, seed: int) -> Path:
    return folder / f"{trial} {strategy} {seed}.json"
