"""A published placement model, phones it knows, and the strategy that heeds it."""

import json
from dataclasses import replace
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.placement_model import PlacementModel
from tests.support.api import OPERATOR, SERVICE, Answer, Api, Context, device_body
from tools.handlers import load_function

ROUTE = "/scheduler/strategy"
MODEL = PlacementModel(name="m-1")
WRONG = [[0.01, True]] * 200
"""Outcomes of sessions: the chance to fail that was given, and that they failed."""


def publish(database: Database, age_days: int = 1, **changes: Any) -> PlacementModel:
    now = database.call("SELECT scheduler_clock() - make_interval(days => %(days)s)", {"days": age_days})
    model = replace(MODEL, trained_at=now, **changes)
    PostgresLessons(database).publish(model, "lee")
    return model


def choose(api: Api, strategy: str = "smart", **body: Any) -> Answer:
    return api.call("PUT", ROUTE, OPERATOR, {"strategy": strategy} | body)


def run_schedule() -> dict[str, Any]:
    figures: dict[str, Any] = load_function("place").handler({"source": "aws.events"}, Context())
    return figures


def watch(database: Database, outcomes: list[Any]) -> None:
    database.call("UPDATE placement_learning SET watched = %(watched)s::jsonb", {"watched": json.dumps(outcomes)})


def phones(api: Api, *ids: str, **changes: Any) -> None:
    for each in ids:
        body = device_body(1) | {"id": each, "host": f"host-of-{each}", "model": "X1"} | changes
        assert api.post("/scheduler/devices", OPERATOR, body).status == 201


def teach(database: Database, **failed: float) -> None:
    """Have devices be known for so many failures in twenty hours."""
    row = {"at_risk": 20, "starts": 0, "start_seconds": 0, "used_hours": 20, "as_of": 4e9, "scope": "device"}
    rows = [row | {"id": device, "failed": times} for device, times in failed.items()]
    database.call(
        "INSERT INTO placement_records SELECT * FROM jsonb_populate_recordset(NULL::placement_records, %(rows)s::jsonb)"
        " ON CONFLICT (scope, id) DO UPDATE SET failed = excluded.failed",
        {"rows": json.dumps(rows)},
    )


def fail(database: Database, lent: Answer) -> None:
    """Have the device that was lent fail its holder: she is moved, or it ends where none is left."""
    database.call(
        "SELECT fail_over(%(id)s::uuid, 'Device failed', scheduler_clock(), true, NULL::quota_terms, true, true,"
        " NULL::request_key, ROW (NULL, NULL, %(device)s, NULL)::incoming_event)",
        {"id": lent.data["allocationId"], "device": lent.data["deviceId"]},
    )


def explained(api: Api, lent: Answer) -> Any:
    return api.get(f"/scheduler/allocations/{lent.data['allocationId']}/explain", SERVICE).data["decision"]
