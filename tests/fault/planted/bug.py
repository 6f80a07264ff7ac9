"""What a planted bug is, how it gets in, and how it is played with and without."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scheduler.adapters import postgres
from scheduler.adapters.postgres.connection import Database
from tests.fault import run
from tests.fault.clients import Habits, Log
from tests.fault.history import Evidence
from tests.fault.planted.drama import SLOW_TENANT, Drama
from tests.fault.stage import Setting, Stage, scene

_ROUTINES = Path(postgres.__file__).with_name("routines")
_PATIENCE = "30s"

QUIET = Setting(habits=Habits(clients=3), devices=4, relays=0)
"""A handful of requests, and nothing that runs beside them."""
LONE = replace(QUIET, devices=1)
TOLD = replace(QUIET, relays=1)
"""The same, and events go out: the scenario runs the relay."""


@dataclass(frozen=True)
class Bug:
    """A bug, the promise that it breaks, and a scenario in which it does; without the bug the scenario is harmless."""

    name: str
    promise: str
    scenario: Callable[[Drama], None]
    setting: Setting = QUIET
    in_workers: Callable[[], None] | None = None
    in_database: Callable[[Database], None] | None = None
    always: Sequence[Callable[[], None]] = ()
    """What the scenario needs in every worker, with the bug or without."""


def play(stage: Stage, bug: Bug, *, planted: bool) -> Evidence:
    """Play a bug's scenario on a fresh scene, and give the evidence."""
    log = Log(0)
    changes = (*bug.always, *([bug.in_workers] if planted and bug.in_workers else []))
    setting = replace(bug.setting, changes=changes, prepare=lambda database: _prepare(database, bug, planted=planted))
    with scene(stage, setting, log) as place, Drama(place, log) as drama:
        bug.scenario(drama)
        drama.finish()
        return run.collect(place, seed=0)


def respell(database: Database, routine: str, *changes: tuple[str, str]) -> None:
    """Replace pieces of a routine (regular expressions, each there exactly once) and put it in its place.

    Raises:
        LookupError: The routine has changed: the bug has to be written anew.
    """
    text = (_ROUTINES / f"{routine}.sql").read_text()
    for pattern, replacement in changes:
        text, found = re.subn(pattern, replacement, text, flags=re.DOTALL)
        if found != 1:
            raise LookupError(f"{pattern!r} is {found} times in {routine}")
    database.call(text.replace("%", "%%"), {})


def _prepare(database: Database, bug: Bug, *, planted: bool) -> None:
    name = database.call("SELECT current_database()", {})
    for limit in ("lock_timeout", "statement_timeout"):  # a slow machine needs its time
        database.call(f"ALTER DATABASE {name} SET {limit} = '{_PATIENCE}'", {})
    stop = f"SELECT pg_advisory_xact_lock_shared(1) WHERE p_tenant = '{SLOW_TENANT}';"
    respell(database, "count_allocations", (r"AS \$\$", f"AS $$\n    {stop}"))
    if planted and bug.in_database:
        bug.in_database(database)
