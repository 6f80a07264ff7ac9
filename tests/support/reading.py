"""A page as one shell script: what a reader of it does, in a folder that looks like a fresh checkout."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.repository import ROOT
from tests.support.blocks import Block
from tests.support.outside_make import outside_make
from tools.embedded.postgres import POSTGRES_BIN
from tools.region.identities import write_environment

SECONDS = 240
NOWHERE = "http://127.0.0.1:9"
"""The proxy to everything that is not on this machine."""
PLACEHOLDERS = {
    "python3 -m venv .local/client && .local/client/bin/pip install -q ./clients/python && ": "",  # needs an index
    "DEVICE_ID=phone-small-01": "DEVICE_ID=$(grep -ho 'phone-[a-z]*-[0-9]*' \"$PRINTED\"/* | tail -1)",
    "FROM=postgresql://…": 'FROM="$THEIRS_URL"',
    "DATABASE_URL=postgresql://…": 'DATABASE_URL="$SCRATCH_URL"',
    "postgresql://user:password@host:5432/database": '"$SCRATCH_URL"',
    "https://hooks.example.com/scheduler": "'$TARGET'",
    "<MigrateFunctionName>": '"$MIGRATE_FUNCTION"',
    "<allocationId>": "00000000-0000-4000-8000-000000000000",
    "<id>": "phone-small-04",
    "<pid>": "0",
    "SELECT calls, total_exec_time": "CREATE EXTENSION pg_stat_statements; EXPLAIN SELECT calls, total_exec_time",
    "CREATE ROLE scheduler_app": "CREATE ROLE of_nobody",
    "<when the service came>": "2000-01-01",
    "<new password>": "of-nobody",
}
"""What a reader puts in, and what the tests have in its place."""
_BEGIN = """set -euo pipefail
curl() { command curl --fail-with-body "$@"; }
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
sam() { echo "nothing is deployed from here: NOT_RUN of tests/support/blocks.py has to name this block" >&2; return 1; }
sql() { psql -X -v ON_ERROR_STOP=1 -P border=0 -P footer=off "$DATABASE_URL"; }
"""
_CLIENT = "#!/bin/sh\nexec {python} -c 'from cloudphone.cli.main import main; main()' \"$@\"\n"


@dataclass(frozen=True)
class Reading:
    """How a page's commands ended. `printed`: by the line of each block; the last of them failed if any did."""

    code: int
    printed: Mapping[int, str]
    told: str


def read(codes: Sequence[tuple[Block, bool]], folder: Path, environment: Mapping[str, str], user: str) -> Reading:
    """Run blocks in one shell, their order kept but for lines of text, which come last.

    Args:
        codes: Blocks of one page, and whether the last command of each has to fail.
        folder: An empty one.
        environment: What the shell is given.
        user: Who takes the place of Alice.
    """
    printed = folder / ".printed"
    printed.mkdir()
    parts = [_BEGIN, f"PRINTED={shlex.quote(str(printed))}\n"]
    for number, (block, refused) in enumerate(sorted(codes, key=lambda pair: not pair[0].fenced)):
        out = printed / f"{number:03}-{block.line}"
        group = f"{{\n{named(_command(block), user)}\n}} > {shlex.quote(str(out))}"
        parts.append(f"if {group}; then echo 'this is not refused' >&2; exit 1; fi\n" if refused else f"{group}\n")
    ran = subprocess.run(
        ["bash"],
        input="".join(parts),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    texts = {int(path.name.partition("-")[2]): path.read_text() for path in sorted(printed.iterdir())}
    return Reading(ran.returncode, texts, ran.stderr)


def checkout(folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Make a folder look like a checkout whose region runs; give the variables that a shell in it needs."""
    for path in ROOT.iterdir():
        if path.name not in {".git", ".local", "tests"}:  # a page may write its own tests
            (folder / path.name).symlink_to(path)
    (folder / ".local" / "bin").mkdir(parents=True)
    write_environment(folder / ".local" / "env", values)
    client = folder / ".local" / "bin" / "cloudphone"
    client.write_text(_CLIENT.format(python=shlex.quote(sys.executable)))
    client.chmod(0o755)
    path = (client.parent, Path(sys.executable).parent, POSTGRES_BIN, os.environ["PATH"])
    return {
        **{name: value for name, value in outside_make().items() if name not in values},
        "PATH": ":".join(map(str, path)),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "PYTEST_ADDOPTS": "-p cloudphone.pytest_plugin",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
    }


def named(text: str, user: str) -> str:
    """Put the page's user in the place of Alice."""
    return re.sub(r"\balice\b", user, text)


def _command(block: Block) -> str:
    code = block.code
    for placeholder, value in PLACEHOLDERS.items():
        code = code.replace(placeholder, value)
    match block.language:
        case "sql" if block.fenced:
            return f"sql <<'END'\n{code}\nEND"
        case "sql":
            return f"sql <<'END'\nBEGIN;\n{code};\nROLLBACK;\nEND"
        case "python" if "def test_" in code:
            return (
                f"mkdir -p tests/device\ncat > tests/device/test_page.py <<'END'\n{code}\nEND\npytest -q tests/device"
            )
        case "python":
            return f"python - <<'END'\n{code}\nEND"
    return code
