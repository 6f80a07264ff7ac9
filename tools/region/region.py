"""Start and stop the region: the order of the steps, and what each needs of the one before."""

import json
import os
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from signal import SIGINT, SIGTERM

from scheduler.adapters.postgres.logins import LOGIN_ROLES
from tools.embedded import PostgresServer, ValkeyServer, as_role, free_port
from tools.region import cloud, demo_fleet, http_routes, template
from tools.region.deploy import Stack, deploy, invoke, package, start_now
from tools.region.identities import read_environment, tokens_and_ids, write_environment
from tools.region.issuer import AUDIENCE, Issuer
from tools.region.layout import Layout
from tools.region.neighbourhood import TOKEN_SECRET, Neighbour
from tools.region.processes import Member, members, python_module, remember, start_program, stop_all, wait_for
from tools.region.screen import step

GIVEN = {
    "WebhookAllowedTargets": "WEBHOOK_ALLOWED_TARGETS",
    "RateWritePerMinute": "RATE_WRITE_PER_MINUTE",
    "RateQueryPerMinute": "RATE_QUERY_PER_MINUTE",
    "RateBatchPerMinute": "RATE_BATCH_PER_MINUTE",
    "RateServicePerMinute": "RATE_SERVICE_PER_MINUTE",
    "ConsoleAuthorizeUrl": "CONSOLE_AUTHORIZE_URL",
    "ConsoleTokenUrl": "CONSOLE_TOKEN_URL",
    "ConsoleClientId": "CONSOLE_CLIENT_ID",
    "ConsoleScope": "CONSOLE_SCOPE",
}
"""Parameters that follow the environment of `make up` and `make run`."""


class Region:
    """One region on free ports, described by the files of its layout."""

    def __init__(self, layout: Layout, neighbours: Sequence[Neighbour] = ()) -> None:
        """Choose the ports; nothing starts before `start`."""
        self.layout = layout
        self.neighbours = neighbours
        self.cloud_port, self.api_port, self.issuer_port = (free_port() for _ in range(3))
        self.issuer_url = f"http://127.0.0.1:{self.issuer_port}"
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.parameters = {"JwtIssuer": self.issuer_url, "JwtAudience": AUDIENCE, "RedisTls": "false"}
        # What costs money on AWS and nothing here would answer: its own key, alarms with formulas
        self.parameters |= {"KmsKey": "aws", "AlarmsEnabled": "false"}
        self.parameters |= {name: os.environ[variable] for name, variable in GIVEN.items() if variable in os.environ}
        self.environment = {"API_URL": self.api_url, "ISSUER_URL": self.issuer_url}

    def start(self) -> dict[str, str]:
        """Start everything from an empty database; return the variables that are also in the `env` file."""
        for folder in (self.layout.home / "postgres", self.layout.home / "valkey", self.layout.logs):
            shutil.rmtree(folder, ignore_errors=True)
        self.layout.logs.mkdir()
        issuer = Issuer.with_key(self.issuer_url, self.layout.signing_key)
        with step("Postgres and Valkey"):
            self._start_stores()
        with step("Emulated cloud"):
            cloud.start(self.layout, self.cloud_port)
        if self.neighbours:
            with step(f"Services next door: {len(self.neighbours)}"):
                self._start_neighbours()
        with step("Layer and functions (slower the first time)"):
            document = package(self.layout, self.cloud_port)
        with step("Stack of template.yaml"):
            stack = deploy(document, self.parameters, self.cloud_port)
        with step("HTTP API and token issuer"):
            self._start_front(stack, template.routes(template.load()))
        with step("Database schema"):
            invoke(stack.physical["MigrateFunction"], {}, self.cloud_port)
        # The schedules' first run is a minute away; events and webhooks should not wait for it.
        for function in ("RelayFunction", "HookFunction"):
            start_now(stack.physical[function], self.cloud_port)
        self.environment |= tokens_and_ids(issuer)
        with step("Demo fleet of 60 phones"):
            demo_fleet.register(self.api_url, self.environment["OPERATOR_TOKEN"])
        with step("Warm functions"):
            warm_up(self.environment)
        self.environment |= {
            "AWS_ENDPOINT_URL": cloud.endpoint(self.cloud_port),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "EVENTS_TOPIC_ARN": stack.outputs["EventsTopicArn"],
            "EVENTS_IN_TOPIC_ARN": stack.outputs["EventsInTopicArn"],
            "EVENTS_IN_QUEUE_URL": stack.outputs["EventsInQueueUrl"],
        }
        write_environment(self.layout.environment, self.environment)
        return self.environment

    def _start_stores(self) -> None:
        postgres = PostgresServer(self.layout.home / "postgres", durable=True, dies_with_parent=False)
        postgres.start()
        remember(self.layout, Member.of("postgres", postgres.pid, SIGINT))
        valkey = ValkeyServer(self.layout.home / "valkey", dies_with_parent=False)
        valkey.start()
        remember(self.layout, Member.of("valkey", valkey.pid, SIGTERM))
        postgres.let_in(*LOGIN_ROLES)
        url = postgres.create_database("scheduler")
        self.parameters |= {
            "DatabaseUrl": url,
            "AppDatabaseUrl": as_role(url, "scheduler_app"),
            "WorkerDatabaseUrl": as_role(url, "scheduler_worker"),
            "RelayDatabaseUrl": as_role(url, "scheduler_relay"),
        }
        self.parameters |= {"RedisHost": "127.0.0.1", "RedisPort": str(valkey.port)}
        self.environment |= {"DATABASE_URL": self.parameters["DatabaseUrl"], "REDIS_URL": valkey.url}

    def _start_neighbours(self) -> None:
        secret = secrets.token_hex(32)
        cloud.client("secretsmanager", self.cloud_port).create_secret(Name=TOKEN_SECRET, SecretString=secret)
        self.parameters |= {"ServiceTokenSecretId": TOKEN_SECRET}
        started = []
        for neighbour in self.neighbours:
            port = free_port()
            command = python_module(neighbour.module, "--port", str(port))
            environment = {**os.environ, "SERVICE_TOKEN_SECRET": secret}
            url = f"http://127.0.0.1:{port}"
            started.append((start_program(self.layout, neighbour.name, command, environment), url))
            self.parameters |= {neighbour.parameter: url}
            self.environment |= {neighbour.variable: url}
        for member, url in started:
            wait_for(self.layout, member, partial(answers, url))

    def _start_front(self, stack: Stack, routes: list[template.Route]) -> None:
        settings = {
            "apiId": http_routes.create(stack, routes, self.issuer_url, self.cloud_port),
            "cloudPort": self.cloud_port,
            "apiPort": self.api_port,
            "issuerPort": self.issuer_port,
            "issuerUrl": self.issuer_url,
            "routes": [asdict(route) for route in routes],
        }
        self.layout.front.write_text(json.dumps(settings, indent=1))
        member = start_program(self.layout, "front", python_module("tools.region.front"), self._front_environment())
        wait_for(self.layout, member, lambda: answers(f"{self.api_url}/") and answers(f"{self.issuer_url}/"))

    def _front_environment(self) -> dict[str, str]:
        return {**os.environ, "REGION_HOME": str(self.layout.home)}


def running(layout: Layout) -> dict[str, str] | None:
    """Return the environment of the region when all of it runs and answers, else None."""
    entries = members(layout)
    if not entries or not layout.environment.exists() or any(entry.process() is None for entry in entries):
        return None
    environment = read_environment(layout.environment)
    return environment if answers(f"{environment.get('API_URL')}/scheduler/health") else None


def stop(layout: Layout) -> list[str]:
    """Stop the region and return the names of what ran."""
    stopped = stop_all(layout)
    layout.environment.unlink(missing_ok=True)
    shutil.rmtree(layout.scratch, ignore_errors=True)
    return stopped


def warm_up(environment: dict[str, str]) -> None:
    """Have the busiest functions started before the first user comes: requests that are refused leave no trace."""
    url = environment["API_URL"] + "/scheduler"
    bearer = {"Authorization": f"Bearer {environment['SERVICE_TOKEN']}", "Content-Type": "application/json"}
    posts, gets = 2 * ["/devices/allocate", "/devices/release"], ["/devices/available", "/health"]
    with ThreadPoolExecutor(len(posts) + len(gets)) as pool:
        for path in posts:
            pool.submit(answers, url + path, b"{}", bearer)
        for path in gets:
            pool.submit(answers, url + path, None, bearer)


def answers(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bool:
    """Tell whether something answers at this URL, whatever it says."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=30).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
