"""Build the application and invoke its functions with the SAM command line."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.byte_code import compile_layer
from tools.embedded.aws import REGION
from tools.sam_local.engine import remove_container

_BUILD_SECONDS = 600
_INVOKE_SECONDS = 240
_FUNCTION_SECONDS = 120
"""How long a function may run here: a cold container on a busy machine says nothing about the template's limits."""
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_",
    "TMPDIR",
    "DOCKER_",
    "PIP_",
    "UV_",
    "SSL_",
    "HTTP_",
    "HTTPS_",
    "NO_PROXY",
    "ALL_PROXY",
)
_SAM_LEAVES = "Exception ignored in:"
"""What Python prints while SAM exits with a stream to its container open; nothing of the function comes after it."""
_CONTAINER = re.compile(r"SAM_CONTAINER_ID: (\w+)")


class SamError(RuntimeError):
    """The SAM command line failed; the text ends with what it said."""


@dataclass(frozen=True)
class Application:
    """A built application: its template, and the file with the environment that its functions get."""

    template: Path
    environment_file: Path

    def invoke(self, function: str, event: Path) -> tuple[str, str]:
        """Invoke one function in a container; return what it answered and what it logged.

        Raises:
            SamError: It did not end in time, or SAM itself failed.
        """
        command = [
            *("sam", "local", "invoke", function, "--event", str(event), "--template", str(self.template)),
            *("--env-vars", str(self.environment_file), "--skip-pull-image", "--region", REGION),
        ]
        try:
            done = _run(command, _INVOKE_SECONDS)
        except subprocess.TimeoutExpired as late:
            said = late.stderr.decode(errors="replace") if isinstance(late.stderr, bytes) else late.stderr or ""
            for container in _CONTAINER.findall(said):
                remove_container(container)
            raise SamError(f"no answer within {_INVOKE_SECONDS} s\n{said}") from late
        if done.returncode:
            raise SamError(f"exit code {done.returncode}\n{done.stderr}")
        return done.stdout, done.stderr.partition(_SAM_LEAVES)[0]


def build(folder: Path) -> Path:
    """Build template.yaml below `folder`, apart from a developer's own build, and return the built template.

    Raises:
        SamError: `sam build` failed.
    """
    built = folder / "build"
    try:
        done = _run(["sam", "build", "--build-dir", str(built), "--cache-dir", str(folder / "cache")], _BUILD_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise SamError(f"sam build did not end within {_BUILD_SECONDS} s") from late
    if done.returncode:
        raise SamError(f"sam build failed:\n{done.stderr}")
    if not compile_layer(built):
        raise SamError("the layer cannot be compiled")
    return built / "template.yaml"


def with_environment(template: Path, environments: Mapping[str, Mapping[str, str]]) -> Application:
    """Give the functions of a built template these variables, by logical id, beside what the template says.

    A variable that a function's own part of the template empties stays empty: that function may not have it.
    """
    built = yaml.safe_load(template.read_text())
    values = dict(environments)
    for name, resource in built["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        variables = resource["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
        emptied = {variable: "" for variable, value in variables.items() if value == ""}
        values[name] = {**environments.get(name, {}), **emptied}
        # SAM passes on only what a template declares. This is for the built copy alone: no deployment may have it.
        variables["AWS_ENDPOINT_URL"] = ""
        resource["Properties"]["Timeout"] = _FUNCTION_SECONDS
    template.write_text(yaml.safe_dump(built, sort_keys=False))
    environment_file = template.with_name("environment.json")
    environment_file.touch(mode=0o600)  # it holds the passwords of this run
    environment_file.write_text(json.dumps(values))
    return Application(template, environment_file)


def _run(command: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=_environment(),
        stdin=subprocess.DEVNULL,
    )


def _environment() -> dict[str, str]:
    """Return the environment for SAM, which would hand the functions whatever they know of the caller's.

    Without an account: it would look for one, slowly.
    """
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(_KEPT)}
    return kept | {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
    }
