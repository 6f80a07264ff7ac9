"""Say what one database carries, and what sharding costs: `make scale`; docs/scale.md explains."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tools.cost.model import read
from tools.scale import study
from tools.scale.page import PAGE, ROOT, tables, write

HERE = Path(__file__).parent
MEASURED = HERE / "measured.json"
PARTS = ("cycles", "relay")


def main(arguments: list[str] | None = None) -> int:
    """Print, or write the page; return the exit code."""
    options = _options(arguments)
    console = Console(highlight=False, stderr=True)
    if options.measure is not None:
        _measure(options.measure or PARTS, options.seconds, console.print)
    found = examine(options.seed, console)
    if options.write:
        write(found)
        print(f"{PAGE.relative_to(ROOT)} written")
    else:
        print(tables(found))
    return 0


def _measure(parts: Sequence[str], seconds: int, tell: Callable[[str], None]) -> None:
    """Measure some parts anew and keep what was known of the others; "quiet" is of a machine that did nothing else."""
    from tools.scale.measure import measure
    from tools.scale.relaying import measure_relay

    known = json.loads(MEASURED.read_text())
    if "cycles" in parts:
        known |= measure(seconds, tell)
    if "relay" in parts:
        known["relay"] = measure_relay(read(HERE / "limits.toml")["sns"]["batch_ms"], tell)
    MEASURED.write_text(json.dumps(known, indent=1) + "\n")


def examine(seed: int, console: Console) -> dict[str, Any]:
    """Answer all questions; a line for each as it begins."""
    costs, limits = json.loads(MEASURED.read_text()), read(HERE / "limits.toml")
    questions: dict[str, Callable[[], Any]] = {
        "ceilings": lambda: study.ceilings(costs, limits),
        "agreement": lambda: study.agreement(costs),
        "curves": lambda: study.curves(costs, seed),
        "hottest": study.hottest,
        "stranding": lambda: study.stranding(seed),
        "dollars": lambda: study.dollars(costs, limits),
    }
    found: dict[str, Any] = {"costs": costs}
    for number, (name, answer) in enumerate(questions.items(), 1):
        console.print(f"{number}/{len(questions)} {name}")
        found[name] = answer()
    return found


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/scale.md's tables and pictures")
    parser.add_argument(
        "--measure", nargs="*", choices=PARTS, help="measure costs here first, and keep them; all parts"
    )
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement of cycles (%(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
