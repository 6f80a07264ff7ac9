"""`python -m tools.sam_local`: build, run what the functions need, invoke every sample event, check each answer."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.embedded import ServerError
from tools.sam_local.answers import mismatches, parse_answer
from tools.sam_local.cases import CASES, PUBLISHED, TOLD, Case, waves
from tools.sam_local.engine import EngineError, docker_engine, host_address
from tools.sam_local.sam import Application, SamError, build, with_environment
from tools.sam_local.services import Services, services

_ROOT = Path(__file__).resolve().parents[2]
_EVENTS = _ROOT / "events"
_KINDS = ("direct", "http", "schedule", "sqs")
_WORK = _ROOT / ".local" / "sam-local"
_LOGS = _WORK / "logs"
_IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
_IMAGE_SECONDS = 1200
_STEPS = len(CASES) + 2  # the last ones look at what reached the neighbours
_AT_ONCE = 2
_SHOWN_LINES, _SHOWN_COLUMNS = 8, 1000
_NEVER_LOGGED = ("checked-by-the-authorizer", "10.20.0.1")
"""Parts of the token and of the ADB addresses that the sample events carry."""


@dataclass(frozen=True)
class _Run:
    """What one invocation answered, what is wrong with it, and how long it took."""

    answer: Mapping[str, Any]
    problems: list[str]
    seconds: float


def main() -> int:
    """Run it all; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that all is stopped on the way out
    started = time.monotonic()
    try:
        _check_table()
        shutil.rmtree(_LOGS, ignore_errors=True)
        _LOGS.mkdir(parents=True)
        with docker_engine(_LOGS / "dockerd.log"):
            _make_image()
            print("sam build", flush=True)
            template = build(_WORK)
            with services(host_address(_IMAGE)) as running:
                failed = _run_all(with_environment(template, running.environments), running)
    except (EngineError, SamError, ServerError, subprocess.TimeoutExpired) as problem:
        print(f"sam-local cannot run: {problem}", file=sys.stderr)
        return 1
    print(f"in {time.monotonic() - started:.0f} s; the functions' logs are in {_LOGS.relative_to(_ROOT)}/")
    print(f"{_STEPS - failed} passed, {failed} failed")
    return 1 if failed else 0


def _check_table() -> None:
    """Hold the table against the folder: an event that nobody invokes proves nothing."""
    there = {str(path.relative_to(_EVENTS)) for kind in _KINDS for path in (_EVENTS / kind).glob("*.json")}
    if difference := there ^ {case.event for case in CASES}:
        raise SamError(f"only in events/ or only in the table of cases: {', '.join(sorted(difference))}")


def _make_image() -> None:
    try:
        made = subprocess.run([Path(__file__).with_name("image.sh")], check=False, timeout=_IMAGE_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise EngineError(f"the image was not ready within {_IMAGE_SECONDS} s") from late
    if made.returncode:
        raise EngineError("there is no image of Lambda's Python (the lines above say why)")


def _run_all(application: Application, running: Services) -> int:
    """Invoke wave after wave, then look at what reached the neighbours; return how many failed."""
    failed, number = 0, 0
    before: Mapping[str, Any] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for wave in waves():
            if wave[0].ahead:
                running.set_clock_ahead(wave[0].ahead)
            logs = [_LOGS / f"{number + n:03}-{Path(case.event).stem}.log" for n, case in enumerate(wave, start=1)]
            runs = pool.map(lambda case, log: _run_one(application, case, before, log), wave, logs)  # noqa: B023
            for case, log, run in zip(wave, logs, runs, strict=True):
                number += 1
                failed += _report(number, f"{case.event} {case.function}", run.problems, run.seconds, log)
                before = run.answer
    told = [(usage["userId"], usage["deviceId"], usage["operation"]) for usage in running.told_usage()]
    failed += _report(_STEPS - 1, "events published", _difference(running.published(), PUBLISHED))
    return failed + _report(_STEPS, "usage told", _difference(told, TOLD))


def _difference(found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{found}, not {wanted}"]


def _run_one(application: Application, case: Case, before: Mapping[str, Any], log: Path) -> _Run:
    """Invoke one; `before` is what the case before it answered."""
    started = time.monotonic()

    def ended(answer: Mapping[str, Any], problems: list[str]) -> _Run:
        return _Run(answer, problems, time.monotonic() - started)

    try:
        printed, logged = application.invoke(case.function, _EVENTS / case.event)
        log.write_text(f"{logged}\n{printed}")
        answer = parse_answer(printed)
    except SamError as problem:
        log.write_text(str(problem))
        return ended({}, ["it was not answered"])
    except ValueError as problem:
        return ended({}, [str(problem)])
    problems = mismatches(answer, case.expected)
    if case.replays and answer.get("body") != before.get("body"):
        problems.append("the body is not the one of the first time")
    problems += [f"{secret}… is in the log" for secret in _NEVER_LOGGED if secret in logged]
    return ended(answer, problems)


def _report(number: int, title: str, problems: list[str], seconds: float = 0, log: Path | None = None) -> int:
    """Print one line, and more when something is wrong; return 1 then, else 0."""
    verdict = "FAILED" if problems else "ok"
    print(f"[{number:2}/{_STEPS}] {title:58} {verdict:6} {seconds * 1000:6.0f} ms", flush=True)
    for problem in problems:
        print(f"        {problem}")
    if problems and log:
        lines = [line[:_SHOWN_COLUMNS] for line in log.read_text().split("\n") if line.strip()]
        print("        | " + "\n        | ".join(lines[-_SHOWN_LINES:]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
