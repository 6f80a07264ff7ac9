"""Every command of the runbook is run as it stands there, and prints what the runbook shows."""

import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.session
import psycopg2
import pytest
from botocore import xform_name

from tests.e2e.conftest import ROOT, Api
from tests.support.receiver import receiver
from tools.embedded.postgres import POSTGRES_BIN
from tools.region.layout import STACK

RUNBOOK = ROOT / "docs" / "runbook.md"
BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```\n(?:```text\n(?P<prints>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
ELSEWHERE = "**Not run here**"
PLACEHOLDERS = {
    "<allocationId>": str(uuid.uuid4()),
    "<when the service came>": "2000-01-01",
    "<new password>": "of-nobody",
}
SECONDS = 60


@dataclass(frozen=True)
class Block:
    """One block of the runbook: where it stands, what it says, what it prints (if that is shown)."""

    name: str
    language: str
    code: str
    prints: str | None
    here: bool


def blocks() -> list[Block]:
    """All blocks of the runbook that can be run, in its order."""
    text, found, heading = RUNBOOK.read_text(), [], ""
    for match in BLOCK.finditer(text):
        before = text[: match.start()]
        heading = re.findall(r"^## (.*)$", before, re.MULTILINE)[-1:] or ["Before all"]
        paragraph = re.split(r"\n\n", before.rstrip())[-1]
        number = sum(block.name.startswith(heading[0]) for block in found) + 1
        name = f"{heading[0]} {number}"
        found.append(Block(name, match["language"], match["code"], match["prints"], ELSEWHERE not in paragraph))
    return found


BLOCKS = blocks()
HERE = [block for block in BLOCKS if block.here]
ON_AWS = [block for block in BLOCKS if not block.here]
DEFINES_ID = next(block for block in BLOCKS if block.code.startswith("id() {"))


@pytest.fixture(scope="module")
def shell(region: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What an operator has set, and something for each command to find."""
    environment = {
        **os.environ,
        **region,
        "STACK": STACK,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with pytest.MonkeyPatch.context() as patch, receiver(port=int(region["WEBHOOK_PORT"])) as target:
        for name, value in region.items():
            patch.setenv(name, value)
        boto3.client("secretsmanager").create_secret(Name="runbook/service-token", SecretString="old")
        hook = _register(region, target.url())
        yield environment | {"SERVICE_TOKEN_SECRET_ID": "runbook/service-token", "HOOK": hook, "TARGET": target.url()}


@pytest.mark.parametrize("block", HERE, ids=lambda block: block.name)
def test_a_block_runs_and_prints_what_is_shown(block: Block, shell: dict[str, str], tmp_path: Path) -> None:
    _prepare(block, shell)

    ran = run(block, shell, tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    if block.prints is not None:
        assert re.fullmatch(pattern(block.prints), words(ran.stdout)), f"it prints:\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("block", ON_AWS, ids=lambda block: block.name)
def test_what_only_aws_can_do_names_operations_and_options_that_exist(block: Block) -> None:
    for command in re.findall(r"^aws .*", block.code.replace("\\\n", " "), re.MULTILINE):
        assert unknown_parts(command) == []


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("aws rds fail-over-db-cluster --db-cluster-identifier x", ["rds fail-over-db-cluster"]),
        ("aws rds failover-db-cluster --cluster x", ["--cluster"]),
        ("aws rds failover-db-cluster --db-cluster-identifier x --output text", []),
        ("aws rds modify-db-cluster --db-cluster-identifier x --no-apply-immediately", []),
    ],
)
def test_an_operation_or_option_that_does_not_exist_is_seen(command: str, unknown: list[str]) -> None:
    assert unknown_parts(command) == unknown


def test_what_is_printed_is_compared_but_for_placeholders() -> None:
    shown = pattern("UPDATE <n>\nall is well\n")

    assert re.fullmatch(shown, words("UPDATE 60\n\nall  is well"))
    assert not re.fullmatch(shown, words("UPDATE\nall is well"))
    assert not re.fullmatch(shown, words("UPDATE 60\nall is lost"))


def test_the_runbook_has_blocks_of_both_kinds() -> None:
    assert {block.language for block in HERE} == {"sh", "sql"}
    assert len(ON_AWS) >= 3


def run(block: Block, shell: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one block; files that it writes go elsewhere."""
    code = block.code
    for placeholder, value in PLACEHOLDERS.items():
        code = code.replace(placeholder, value)
    if block.language == "sql":
        command = [str(POSTGRES_BIN / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-P", "border=0", "-P", "footer=off"]
        return _run([*command, shell["DATABASE_URL"]], code, shell, folder)
    # As the page says of the local region. make wants this folder.
    local = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n'
    make = f'make() {{ command make --no-print-directory -C {shlex.quote(str(ROOT))} "$@"; }}\n'
    return _run(["bash", "-euo", "pipefail"], local + make + DEFINES_ID.code + code, shell, folder)


def words(text: str) -> str:
    """What a text says, however its lines are broken and filled."""
    return " ".join(re.sub(r"-{2,}", " ", text).split())


def pattern(shown: str) -> str:
    """An expression for what a block may print: `<…>` stands for anything."""
    return "".join(".+?" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[^>]*>)", words(shown)))


def unknown_parts(command: str) -> list[str]:
    """Parts of an aws command that its service does not know."""
    _, service, operation, *rest = shlex.split(command)
    model = botocore.session.get_session().get_service_model(service)
    known = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in known:
        return [f"{service} {operation}"]
    shape = model.operation_model(known[operation]).input_shape
    options = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else {})}
    options |= {option.replace("--", "--no-", 1) for option in options} | {"--query", "--output"}
    return [part for part in rest if part.startswith("--") and part not in options]


def _prepare(block: Block, shell: Mapping[str, str]) -> None:
    """Break what the block repairs."""
    if "redrive QUEUE=EventsIn" in block.code:
        client = boto3.client("sqs", endpoint_url=shell["AWS_ENDPOINT_URL"])
        (url,) = client.list_queues(QueueNamePrefix=f"{STACK}-EventsInDeadLetters")["QueueUrls"]
        event = {"type": "device.heartbeat", "data": {"deviceId": "nobody", "observedAt": "2026-01-01T00:00:00Z"}}
        client.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(event),
            MessageGroupId="nobody",
            MessageDeduplicationId=str(uuid.uuid4()),
        )
    if "repair-quota" in block.code:
        connection = psycopg2.connect(shell["DATABASE_URL"])
        with connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO quota_usage (tenant_id, user_id, devices) VALUES ('acme', 'miscounted', 3)")
        connection.close()


def _register(region: Mapping[str, str], url: str) -> str:
    wish = {"url": url, "types": ["device.allocated"]}
    answer = Api(region["API_URL"]).call("POST", "/scheduler/webhooks", region["SERVICE_TOKEN"], wish)
    return str(answer.body["data"]["id"])


def _run(command: list[str], text: str, shell: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=text, cwd=folder, env=dict(shell), capture_output=True, text=True, timeout=SECONDS, check=False
    )
