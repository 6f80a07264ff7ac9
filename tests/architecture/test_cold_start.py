"""A cold start pays for what its route uses, and for nothing else."""

import json
import os
import subprocess
import sys

import pytest

from scheduler.settings import ENVIRONMENT
from tests.architecture.repository import FUNCTIONS, PACKAGE

# botocore itself comes with Powertools and costs nothing; its client is what costs.
AWS = {"boto3", "botocore.client", "botocore.session"}
NEIGHBOURS = {"requests", "urllib3", "jwt"}
REDIS = {"redis"}
# Writes the OpenAPI document; at run time routes are our own (decision 0023).
POWERTOOLS_ROUTES = {"aws_lambda_powertools.event_handler"}

SCRIPT = """
import importlib, json, sys
import app
for name in sys.argv[1:]:
    module, _, wiring = ("scheduler.runtime." + name).rpartition(".")
    getattr(importlib.import_module(module), wiring)()
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(function: str, *wiring: str, **environment: str) -> set[str]:
    """Import a function in a fresh process, wire what its routes ask for, and tell which modules that loaded."""
    clean = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    path = os.pathsep.join([str(FUNCTIONS / function), str(PACKAGE.parent)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *wiring],
        env=clean | {"PYTHONPATH": path, "DATABASE_URL": "postgresql://nowhere"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("function", "wiring"),
    [
        ("allocate", ["get_allocator"]),
        ("release", ["get_releaser"]),
        ("renew", ["renewals.get_renewer"]),
        ("batch", ["batches.get_batches"]),
        ("queue", ["queue.get_queue"]),
        ("dispatch", ["queue.get_dispatcher"]),
        ("fleet", ["get_fleet"]),
        ("query", ["get_catalog"]),
        ("expire", ["get_expirer"]),
        ("audit", ["get_auditor"]),
        ("place", ["placement.get_placement"]),
        ("hook", ["webhooks.get_webhooks", "webhooks.get_webhook_announcer"]),
        ("notify", ["notices.get_notifications"]),
        ("remind", ["notices.get_warner"]),
        ("console", []),
    ],
)
def test_without_neighbours_an_http_function_loads_none_of_their_clients(function: str, wiring: list[str]) -> None:
    loaded = modules_after(function, *wiring)

    assert loaded.isdisjoint(AWS | NEIGHBOURS | REDIS | POWERTOOLS_ROUTES | {"scheduler.runtime.billing"})


def test_with_redis_allocate_still_loads_neither_aws_nor_http_clients() -> None:
    loaded = modules_after("allocate", "get_allocator", REDIS_HOST="127.0.0.1")

    assert loaded >= REDIS
    assert loaded.isdisjoint(AWS | NEIGHBOURS)


def test_with_a_user_service_allocate_loads_its_client_but_not_that_of_aws() -> None:
    loaded = modules_after("allocate", "get_allocator", USER_SERVICE_URL="http://127.0.0.1:1")

    assert "requests" in loaded
    assert loaded.isdisjoint(AWS)


def test_with_a_billing_service_allocate_loads_its_client_but_not_that_of_aws() -> None:
    loaded = modules_after("allocate", "get_allocator", BILLING_SERVICE_URL="http://127.0.0.1:1")

    assert loaded >= {"requests", "scheduler.runtime.billing"}
    assert loaded.isdisjoint(AWS)


@pytest.mark.parametrize(
    ("function", "wiring"),
    [
        ("allocate", "get_allocator"),
        ("release", "get_releaser"),
        ("renew", "renewals.get_renewer"),
        ("query", "get_catalog"),
    ],
)
def test_what_most_requests_ask_for_loads_nothing_of_the_others(function: str, wiring: str) -> None:
    others = {
        "scheduler.domain.audit",
        "scheduler.domain.eta",
        "scheduler.edge.schemas.queue",
        "scheduler.service.auditor",
        "scheduler.service.cleaner",
        "scheduler.service.line",
        "scheduler.service.queue",
        "scheduler.service.relay",
        "scheduler.service.reservation_keeper",
        "scheduler.service.reserver",
        "scheduler.service.usage_deliverer",
    }

    assert modules_after(function, wiring).isdisjoint(others | {"asyncio"})


def test_the_console_needs_no_database() -> None:
    assert "psycopg2" not in modules_after("console")
