"""The emulated cloud: MiniStack on a free port of 127.0.0.1, and clients for it."""

import os
import shutil
import sys
import urllib.request
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from tools.region.layout import AWS_REGION, Layout
from tools.region.processes import Member, python_module, start_program, wait_for

_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
_CONFIG = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=310, max_pool_connections=50)


def start(layout: Layout, port: int) -> Member:
    """Start the emulator and return when it answers. Its state lives in memory and is gone when it stops."""
    shutil.rmtree(layout.scratch, ignore_errors=True)
    layout.scratch.mkdir()
    # The functions' processes inherit this environment, so nothing of the caller's may be in it.
    environment = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
        "HOME": str(layout.scratch),
        "TMPDIR": str(layout.scratch),
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),  # some interpreters need it to start
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": "",
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",  # it would listen on every address
        "DOCKER_HOST": "unix:///nonexistent",  # it removes containers that it takes for its own
        "GATEWAY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": AWS_REGION,
        "AWS_DEFAULT_REGION": AWS_REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "S3_DATA_DIR": str(layout.scratch / "s3"),
        "STATE_DIR": str(layout.scratch / "state"),
        "LAMBDA_WARM_TTL_SECONDS": "3600",
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
    }
    member = start_program(layout, "cloud", python_module("ministack"), environment)
    wait_for(layout, member, lambda: _answers(port))
    return member


def endpoint(port: int) -> str:
    """Return the URL that AWS clients use."""
    return f"http://127.0.0.1:{port}"


@cache
def client(service: str, port: int) -> Any:
    """Return a boto3 client of the emulated cloud."""
    make: Any = boto3.client  # its stub knows no service by a variable name
    return make(service, endpoint_url=endpoint(port), region_name=AWS_REGION, config=_CONFIG, **_CREDENTIALS)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint(port)}/_ministack/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
