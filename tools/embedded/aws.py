"""A local SNS, SQS and Secrets Manager."""

import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tools.embedded.ports import free_port
from tools.embedded.server import EmbeddedServer

REGION = "eu-central-1"
_ACCOUNT = "123456789012"
_ROOT = Path(__file__).parents[2]
_ANSWER_SECONDS = 2


class LocalAws(EmbeddedServer):
    """MiniStack with the few services that the functions use."""

    name = "MiniStack"

    def command(self) -> list[str]:
        """Return the program, kept to the loopback address and away from the docker engine."""
        settings = {
            "PYTHONPATH": str(_ROOT),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "SERVICES": "sns,sqs,secretsmanager",
            "IOT_MTLS_ENABLED": "0",  # it would listen on every address
            "MINISTACK_ACCOUNT_ID": _ACCOUNT,
            "MINISTACK_REGION": REGION,
            "DOCKER_HOST": "unix:///nonexistent",  # it removes containers that it takes for its own
            "LOG_LEVEL": "WARNING",  # one line for each message would slow it down
        }
        return [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            sys.executable,
            "-m",
            "tools.embedded.ministack",
        ]

    def answers(self) -> bool:
        """Tell whether its health page answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=_ANSWER_SECONDS):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    @property
    def url(self) -> str:
        """Endpoint URL of every service."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """Return a boto3 client of one service."""
        make: Any = boto3.client  # its stub knows no service by a variable name
        return make(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="local", aws_secret_access_key="local"
        )

    def keep_secret(self, name: str, value: str) -> str:
        """Store a secret and return its id."""
        self.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return name


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Run it for the time of the `with` block."""
    folder = Path(tempfile.mkdtemp(prefix="scheduler-aws-"))
    server = LocalAws(free_port(), folder / "server.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
