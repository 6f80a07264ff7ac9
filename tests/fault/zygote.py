"""What every worker is forked from: all is imported and built, nothing connected. Only the fork server imports this."""

import gc
import os
from unittest.mock import patch

import boto3
import pytest

import tests.fault.faults
import tests.soak.place
from tests.fault.worker import LambdaContext
from tests.support.api import function_of, http_event
from tests.support.wiring import forget_wiring
from tools.handlers import function_names, load_function

HARNESS = (tests.fault.faults, tests.soak.place, pytest)
"""Children import the main program of their parent anew: all that it imports should be here already."""

# Nobody listens there: a connection that forked workers share would be a mistake.
_NOWHERE = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "REDIS_HOST": "127.0.0.1",
    "REDIS_PORT": "1",
    "EVENTS_TOPIC_ARN": "none",
    "AWS_DEFAULT_REGION": "none",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
_CLAIMS = {"sub": "shop", "scope": "scheduler.service"}


def _warm_up() -> None:
    for name in function_names():
        load_function(name)
    for method, path in (("POST", "allocate"), ("POST", "release"), ("GET", "available")):
        body = {"deviceId": "none"} if path == "release" else {"userId": "nobody"}
        event = http_event(method, f"/scheduler/devices/{path}", _CLAIMS, body if method == "POST" else None)
        load_function(function_of(method, event["rawPath"])).handler(event, LambdaContext(1))
    boto3.client("sns", region_name="none", aws_access_key_id="none", aws_secret_access_key="none")


_stdout, _silence = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(_silence, 1)
with patch.dict(os.environ, _NOWHERE):
    _warm_up()
os.dup2(_stdout, 1)
forget_wiring()
gc.freeze()  # so that collections in the children do not copy every page
