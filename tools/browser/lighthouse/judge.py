"""One Node process that judges pages of the browser which runs already."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

from tools.browser.chromium import ROOT
from tools.npm import install as install_packages
from tools.npm import node_and_npm

HERE = Path(__file__).parent
WORK = ROOT / ".local" / "lighthouse"
PROGRAM = "audit.mjs"
_SECONDS = 60
"""For one page."""


class JudgeError(RuntimeError):
    """A page could not be judged; the text says why."""


@dataclass(frozen=True)
class Judgement:
    """What Lighthouse says of a page: a score of 0 to 100, and the audits that apply; failed ones with an element."""

    score: int
    passed: tuple[str, ...]
    failed: tuple[str, ...]


def install() -> None:
    """Put the packages that package-lock.json names, and the program that uses them, into .local.

    Raises:
        NpmError: They cannot be had.
    """
    install_packages(HERE, WORK)
    shutil.copy(HERE / PROGRAM, WORK / PROGRAM)


class Judge:
    """Judges pages as they are shown at the moment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Take the process that does it."""
        self._process = process

    def judge(self, page: Any) -> Judgement:
        """Judge the only page that is open at its address.

        Raises:
            JudgeError: Lighthouse could not, or took longer than a minute.
        """
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        late = Timer(_SECONDS, self._process.kill)
        late.start()
        try:
            asked.write(page.evaluate("location.href") + "\n")
            asked.flush()
            found = json.loads(told.readline() or '{"error": "it ended before it answered"}')
        except BrokenPipeError as problem:
            raise JudgeError("Lighthouse has ended") from problem
        finally:
            late.cancel()
        if "error" in found:
            raise JudgeError(f"Lighthouse: {found['error']}")
        return Judgement(round(100 * found["score"]), tuple(found["passed"]), tuple(found["failed"]))


@contextmanager
def judging(debugger: str) -> Iterator[Judge]:
    """Yield a judge of what is open in the browser with this address of its debugger."""
    node, _ = node_and_npm()
    command = [node, str(WORK / PROGRAM), debugger]
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=WORK, env={"HOME": str(WORK)}, **streams) as process:
        try:
            yield Judge(process)
        finally:
            process.kill()
