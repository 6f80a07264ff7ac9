"""What became of each mutant."""

import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutation.workplace import PLACE

EXPLAINED = Path(__file__).parent / "explained.toml"
KILLED_CODES = {1, 3, -signal.SIGXCPU}
"""What mutmut notes when a test failed, pytest itself did, or a test did not end in time."""
SHOW_SECONDS = 60
_NAME = re.compile(r"scheduler\.domain\.(?P<module>\w+)\.(?:x_|xǁ(?P<owner>\w+)ǁ)(?P<function>\w+)__mutmut_\d+")


@dataclass(frozen=True)
class Mutant:
    """A small bug: where, whether a test saw it, and (when none did) what it changed."""

    module: str
    function: str
    killed: bool
    was: str = ""
    becomes: str = ""
    why: str = ""
    """Why it may live; empty: not explained."""


def read() -> list[Mutant]:
    """Read what mutmut noted, in the order of modules."""
    mutants = []
    for path in sorted((PLACE / "mutants" / "src" / "scheduler" / "domain").glob("*.meta")):
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
            mutants.append(_mutant(name, killed=code in KILLED_CODES))
    return mutants


def score(mutants: Sequence[Mutant]) -> float:
    """Share of mutants that a test saw, 0 to 1."""
    return sum(mutant.killed for mutant in mutants) / len(mutants) if mutants else 0.0


def survivors(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Those that no test saw."""
    return [mutant for mutant in mutants if not mutant.killed]


def unexplained(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Those that no test saw and nobody explained."""
    return [mutant for mutant in survivors(mutants) if not mutant.why]


def _mutant(name: str, *, killed: bool) -> Mutant:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"mutmut names mutants differently now: {name}")
    function = ".".join(part for part in (found["owner"], found["function"]) if part)
    if killed:
        return Mutant(found["module"], function, killed)
    was, becomes = _change(name)
    explained = tomllib.loads(EXPLAINED.read_text()).get("survivor", [])
    why = [e["why"] for e in explained if (e["function"], e["was"], e["becomes"]) == (function, was, becomes)]
    return Mutant(found["module"], function, killed, was, becomes, "".join(why))


def _change(name: str) -> tuple[str, str]:
    """Give the lines that differ, before and after."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name],
        cwd=PLACE, check=True, capture_output=True, text=True, timeout=SHOW_SECONDS,
    )  # fmt: skip
    lines = [line for line in shown.stdout.splitlines() if not line.startswith(("---", "+++"))]
    return tuple(" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")  # type: ignore[return-value]
