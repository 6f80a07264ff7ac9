"""schemathesis beside the attack: it walks along the links of the document, from what one answer names to the next."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.findings import Finding
from tests.fuzz.shapes import DOCUMENT

CONFIGURATION = Path(__file__).with_name("stateful.toml")
_GRACE_SECONDS = 90


class Walk:
    """One run of schemathesis, its output in a file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Keep the process and where it writes."""
        self._process, self._log = process, log

    def findings(self) -> list[Finding]:
        """Wait for its end, and tell when it found something, or walked nowhere."""
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return [Finding("schemathesis", "did not end in time")]
        text = self._log.read_text(errors="replace")
        if code:
            return [Finding("schemathesis", text[-6000:])]
        if "Stateful" not in text or " passed" not in text:
            return [Finding("schemathesis", f"sent nothing:\n{text[-2000:]}")]
        return []


@contextmanager
def walking(environment: Mapping[str, str], seconds: int, seed: int, log: Path) -> Iterator[Walk]:
    """Let it walk as operator for so long, and end it when the caller fails."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run", str(DOCUMENT)),
        *("--url", environment["API_URL"], "--phases", "stateful"),
        *("--header", f"Authorization: Bearer {environment['OPERATOR_TOKEN']}"),
        *("--max-time", str(seconds), "--seed", str(seed), "--no-color"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield Walk(process, log)
    finally:
        process.kill()
        process.wait()
