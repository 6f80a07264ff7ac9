"""What a fresh process costs: importing the allocate function, its first answer, and boto3 with one client."""

import json
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import figure
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, WrongAnswer
from benchmarks.part import Part, Tell
from benchmarks.requests import ALLOCATE, allocate_body, post
from benchmarks.stage import Place
from tools.handlers import FUNCTIONS

# Nothing but sys and time is imported before the clock starts. The time goes to stderr: stdout is for logs.
_TIMED = """
import sys, time
started = time.perf_counter()
{part}
seconds = time.perf_counter() - started
{after}
sys.stderr.write(repr(seconds))
"""
_IMPORT = f"sys.path.insert(0, {str(FUNCTIONS / 'allocate')!r}); import app"
_EVENT = json.dumps(post(ALLOCATE, allocate_body("user-fresh")))
_ANSWER = f"{_IMPORT}; import json; answer = app.handler(json.loads({_EVENT!r}), None)"
_GIVE_BACK = """
from benchmarks.requests import RELEASE, post, release_body
from tools.handlers import load_function
device = json.loads(answer["body"])["data"]["deviceId"]
assert load_function("release").handler(post(RELEASE, release_body("user-fresh", device)), None)["statusCode"] == 200
"""
_SNS = "import boto3; boto3.client('sns')"


@dataclass(frozen=True, slots=True)
class Form:
    """How often each is started."""

    rounds: int


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Time the three in turn, a process each."""
    imports: list[float] = []
    clients: list[float] = []
    answers: list[float] = []
    for number in range(1, form.rounds + 1):
        tell(f"fresh processes, round {number}")
        for found, part, after in ((imports, _IMPORT, ""), (clients, _SNS, ""), (answers, _ANSWER, _GIVE_BACK)):
            found.append(_seconds(part, after))
    check_ledger(place.database_url, form.rounds)
    ratio = median(ours / boto3 for ours, boto3 in zip(imports, clients, strict=True))
    detail = (
        f"{1000 * median(imports):.0f} ms ÷ {1000 * median(clients):.0f} ms, medians of {form.rounds} alternating runs"
    )
    return Outcome(
        (
            figure("init of allocate ÷ importing boto3 and making one client", ratio, "<= 0.70", detail),
            figure(
                "init and first answer of allocate, ms",
                1000 * median(answers),
                detail="with what is imported and connected late: Redis, Postgres, the quota's first read",
            ),
        )
    )


def _seconds(part: str, after: str) -> float:
    code = _TIMED.format(part=part, after=after)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise WrongAnswer(f"a fresh process failed:\n{done.stderr[-2000:]}")
    return float(done.stderr.splitlines()[-1])


PART = Part(
    name="cold-start",
    title="Cold start",
    quick=Form(rounds=3),
    full=Form(rounds=5),
    steps=lambda form: form.rounds,
    run=run,
)
