"""(f) What a fresh process costs: importing each function, its first answer, and boto3 with one client beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import Figure, figure
from benchmarks.import_times import Package, packages, read_import_times
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, Plot, Series, Table, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.requests import ALLOCATE, allocate_body, post
from benchmarks.stage import Place
from tools.handlers import FUNCTIONS, function_names

MS = 1000
# Nothing but sys and time is imported before the clock starts. The time goes to stderr: stdout is for logs.
_TIMED = """
import sys, time
started = time.perf_counter()
{part}
seconds = time.perf_counter() - started
{after}
sys.stderr.write(repr(seconds))
"""
_EVENT = json.dumps(post(ALLOCATE, allocate_body("user-fresh")))
_ANSWER = "; import json; answer = app.handler(json.loads({event!r}), None)"
_GIVE_BACK = """
from benchmarks.requests import RELEASE, post, release_body
from tools.handlers import load_function
device = json.loads(answer["body"])["data"]["deviceId"]
assert load_function("release").handler(post(RELEASE, release_body("user-fresh", device)), None)["statusCode"] == 200
"""
_SNS = "import boto3; boto3.client('sns')"
_GOAL_FUNCTION = "allocate"
_SHOWN_PACKAGES = 12
_WORTH_SHOWING_MS = 1.0


@dataclass(frozen=True, slots=True)
class Form:
    """How often allocate and boto3 are started in turn, and how often every other function."""

    rounds: int
    rounds_of_others: int


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Start everything in turn, a process each; the import tree is read from a last one."""
    functions = [_GOAL_FUNCTION, *(name for name in function_names() if name != _GOAL_FUNCTION)]
    starts: dict[str, list[float]] = {name: [] for name in functions}
    clients: list[float] = []
    answers: list[float] = []
    tell("compile")
    for part in (*map(_import, functions), _SNS):
        _seconds(part)
    for number in range(1, form.rounds + 1):
        tell(f"fresh processes, round {number}")
        answers.append(_seconds(_import(_GOAL_FUNCTION) + _ANSWER.format(event=_EVENT), _GIVE_BACK))
        for name in functions if number <= form.rounds_of_others else functions[:1]:
            starts[name].append(_seconds(_import(name)))
        clients.append(_seconds(_SNS))
    tell("import tree")
    tree = packages(read_import_times(_importtime(_GOAL_FUNCTION)))
    check_ledger(place.database_url, form.rounds)
    return Outcome(
        tuple(start_figures(starts, clients, answers)),
        (_starts_table(starts, clients), _tree_table(tree)),
        (_plot(tree),),
    )


def start_figures(
    starts: Mapping[str, Sequence[float]], clients: Sequence[float], answers: Sequence[float]
) -> list[Figure]:
    """Give the figures from seconds: of each function's imports, of boto3's, of allocate's first answers."""
    ratio = median(ours / boto3 for ours, boto3 in zip(starts[_GOAL_FUNCTION], clients, strict=True))
    ours, theirs = MS * median(starts[_GOAL_FUNCTION]), MS * median(clients)
    detail = f"{ours:.0f} ms ÷ {theirs:.0f} ms, medians of {len(clients)} alternating runs"
    late = "with what is imported and connected late: Redis, Postgres, the quota's first read"
    return [
        figure(f"init of {_GOAL_FUNCTION} ÷ importing boto3 and making one client", ratio, "<= 0.70", detail),
        figure(f"init and first answer of {_GOAL_FUNCTION}, ms", MS * median(answers), detail=late),
        *(figure(f"init of {name}, ms", MS * median(seconds)) for name, seconds in starts.items()),
        figure("importing boto3 and making one client, ms", theirs),
    ]


def _starts_table(starts: Mapping[str, Sequence[float]], clients: Sequence[float]) -> Table:
    by_name = {
        name: median(ours / boto3 for ours, boto3 in zip(starts[name], clients, strict=False)) for name in starts
    }
    every = sorted(starts, key=lambda name: -by_name[name])
    rows = [(name, f"{MS * median(starts[name]):.0f}", f"{by_name[name]:.2f}") for name in every]
    rows.append(("boto3 and one client", f"{MS * median(clients):.0f}", "1.00"))
    return Table(
        "Init of each function in a fresh process, medians, and those of its shares of the boto3 in its round",
        ("function", "ms", "÷ boto3"),
        tuple(rows),
    )


def _tree_table(tree: Sequence[Package]) -> Table:
    rows = tuple((one.name, f"{one.own_ms:.0f}", f"{one.with_others_ms:.0f}", str(one.modules)) for one in _shown(tree))
    title = f"What importing {_GOAL_FUNCTION} costs by package, ms (the clock of -X importtime slows it)"
    return Table(title, ("package", "own", "with what it imports first", "modules"), rows)


def _shown(tree: Sequence[Package]) -> Sequence[Package]:
    return [one for one in tree[:_SHOWN_PACKAGES] if one.own_ms >= _WORTH_SHOWING_MS]


def _plot(tree: Sequence[Package]) -> Plot:
    shown = _shown(tree)
    rest = sum(one.own_ms for one in tree[len(shown) :])
    names, own = [one.name for one in shown], [one.own_ms for one in shown]
    return Plot(
        "cold-start",
        f"Importing {_GOAL_FUNCTION}: own time of each package",
        "",
        "ms",
        (Series("own", (*names, "all others"), (*own, rest)),),
        kind="bars",
    )


def _import(function: str) -> str:
    return f"sys.path.insert(0, {str(FUNCTIONS / function)!r}); import app"


def _importtime(function: str) -> str:
    return _run(["-X", "importtime", "-c", f"import sys; {_import(function)}"])


def _seconds(part: str, after: str = "") -> float:
    return float(_run(["-c", _TIMED.format(part=part, after=after)]).splitlines()[-1])


def _run(arguments: Sequence[str]) -> str:
    # Compiled files are kept from the first, uncounted start on: otherwise the largest package would pay most.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, *arguments], env=kept, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise WrongAnswer(f"a fresh process failed:\n{done.stderr[-2000:]}")
    return done.stderr


PART = Part(
    name="cold-start",
    title="Cold start",
    quick=Form(rounds=3, rounds_of_others=1),
    full=Form(rounds=7, rounds_of_others=5),
    steps=lambda form: form.rounds + 2,
    run=run,
)
