"""What a fresh process costs: importing the allocate function, its first answer, and boto3 with one client."""

import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median

from benchmarks.figures import Figure, figure
from benchmarks.requests import ALLOCATE, allocate_body, post
from benchmarks.worker import WrongAnswer
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
RUNS_A_ROUND = 3


def fresh_figures(rounds: int, advance: Callable[[], None]) -> tuple[list[Figure], int]:
    """Time the three in turn, a process each; give the figures, and how many cycles went to the ledger."""
    imports: list[float] = []
    clients: list[float] = []
    answers: list[float] = []
    for _ in range(rounds):
        for found, part, after in ((imports, _IMPORT, ""), (clients, _SNS, ""), (answers, _ANSWER, _GIVE_BACK)):
            found.append(_seconds(part, after))
            advance()
    ratio = median(ours / boto3 for ours, boto3 in zip(imports, clients, strict=True))
    detail = f"{1000 * median(imports):.0f} ms ÷ {1000 * median(clients):.0f} ms, medians of {rounds} alternating runs"
    return [
        figure("init of allocate ÷ importing boto3 and making one client", ratio, "<= 0.70", detail),
        figure(
            "init and first answer of allocate, ms",
            1000 * median(answers),
            detail="with what is imported and connected late: Redis, Postgres, the quota's first read",
        ),
    ], rounds


def _seconds(part: str, after: str) -> float:
    code = _TIMED.format(part=part, after=after)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise WrongAnswer(f"a fresh process failed:\n{done.stderr[-2000:]}")
    return float(done.stderr.splitlines()[-1])
