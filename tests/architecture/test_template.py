"""template.yaml keeps what the functions and the queues rely on."""

import re
from pathlib import Path
from typing import Any

import pytest

from scheduler.domain.notices import CATALOGUE
from scheduler.settings import ENVIRONMENT
from tools.region import template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = template.load()
FUNCTIONS = template.functions(TEMPLATE)
GLOBALS = TEMPLATE["Globals"]["Function"]
QUEUES = {name: r["Properties"] for name, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::SQS::Queue"}
API_GATEWAY_SECONDS = 30


def events(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (function, event properties) of every event of this kind."""
    return [
        (function, event["Properties"])
        for function, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == kind
    ]


def attribute_of(reference: dict[str, Any]) -> str:
    """Return the logical id in {"Fn::GetAtt": [id, attribute]}."""
    return str(reference["Fn::GetAtt"][0])


def timeout_of(function: str) -> int:
    return int(FUNCTIONS[function].get("Timeout", GLOBALS["Timeout"]))


def environment_of(function: str) -> dict[str, Any]:
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return {**GLOBALS["Environment"]["Variables"], **own}


DEAD_LETTERS = {
    attribute_of(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in QUEUES.values() if "RedrivePolicy" in queue
}
FAILED_RUNS = {
    attribute_of(properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"])
    for properties in FUNCTIONS.values()
    if "DestinationConfig" in properties.get("EventInvokeConfig", {})
}


def test_each_function_folder_is_one_function_named_after_it() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    declared = {name: properties["CodeUri"] for name, properties in FUNCTIONS.items()}

    assert declared == {f"{folder.capitalize()}Function": f"functions/{folder}/" for folder in folders}


@pytest.mark.parametrize("name", sorted(QUEUES.keys() - DEAD_LETTERS - FAILED_RUNS))
def test_each_queue_parks_what_fails_five_times_in_a_queue_of_its_own_kind(name: str) -> None:
    redrive = QUEUES[name]["RedrivePolicy"]
    parking = QUEUES[attribute_of(redrive["deadLetterTargetArn"])]

    assert redrive["maxReceiveCount"] == 5
    assert parking.get("FifoQueue") == QUEUES[name].get("FifoQueue")


def test_what_rules_of_an_event_bus_may_send_to_is_told_apart_by_its_content() -> None:
    policies = [r["Properties"] for r in TEMPLATE["Resources"].values() if r["Type"] == "AWS::SQS::QueuePolicy"]
    open_to_rules = [
        queue["Ref"]
        for policy in policies
        for queue in policy["Queues"]
        if {"Service": "events.amazonaws.com"} in [each["Principal"] for each in policy["PolicyDocument"]["Statement"]]
    ]

    assert open_to_rules
    assert all(QUEUES[name].get("ContentBasedDeduplication") for name in open_to_rules)


def test_a_message_stays_hidden_for_six_times_the_timeout_of_its_function() -> None:
    fed = events("SQS")

    assert fed
    for function, event in fed:
        assert timeout_of(function) * 6 <= QUEUES[attribute_of(event["Queue"])]["VisibilityTimeout"], function


def test_functions_fed_by_queues_report_each_failed_message() -> None:
    assert all(event["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for _, event in events("SQS"))


def test_the_schedules_are_those_of_the_specification() -> None:
    expire = {"Fn::If": ["ExpireEachMinute", "rate(1 minute)", {"Fn::Sub": "rate(${ExpireRateMinutes} minutes)"}]}

    assert {function: event["Schedule"] for function, event in events("Schedule")} == {
        "ExpireFunction": expire,
        "DispatchFunction": "rate(1 minute)",
        "RemindFunction": "rate(1 minute)",
        "PlaceFunction": "rate(1 minute)",
        "RelayFunction": "rate(1 minute)",
        "HookFunction": "rate(1 minute)",
        "StatisticsFunction": "rate(1 hour)",
        "CleanupFunction": "cron(0 2 * * ? *)",
        "AuditFunction": "rate(1 hour)",
        "ReconcileFunction": "cron(0 3 * * ? *)",
    }


def test_expiry_runs_at_least_every_five_minutes() -> None:
    rate = TEMPLATE["Parameters"]["ExpireRateMinutes"]

    assert (rate["Default"], rate["MinValue"], rate["MaxValue"]) == (1, 1, 5)


def test_one_relay_works_until_the_next_has_started_and_ends_before_its_timeout() -> None:
    seconds = int(environment_of("RelayFunction")["RELAY_SECONDS"])

    assert 60 < seconds < timeout_of("RelayFunction") - 10


def test_functions_that_only_answer_http_end_before_api_gateway_gives_up() -> None:
    scheduled = {function for function, _ in events("Schedule")}
    for function, _ in events("HttpApi"):
        if function not in scheduled:
            assert timeout_of(function) < API_GATEWAY_SECONDS


def test_only_health_and_documents_are_open_to_everyone() -> None:
    open_paths = {route.path for route in template.routes(TEMPLATE) if not route.needs_token}

    documents = {"/scheduler/openapi.json", "/scheduler/docs"}
    console = {"/scheduler/console", "/scheduler/console/{version}/{asset}"}
    assert open_paths == {"/scheduler/health"} | documents | console
    assert TEMPLATE["Resources"]["SchedulerApi"]["Properties"]["Auth"]["DefaultAuthorizer"] == "Jwt"


def test_only_the_relay_may_publish() -> None:
    publishers = {name for name, properties in FUNCTIONS.items() if "SNSPublish" in str(properties.get("Policies"))}

    assert publishers == {"RelayFunction"}


def test_the_usage_queue_takes_raw_events_of_the_types_that_change_usage() -> None:
    subscription = TEMPLATE["Resources"]["UsageSubscription"]["Properties"]

    assert subscription["RawMessageDelivery"] is True
    assert set(subscription["FilterPolicy"]["type"]) == {
        "device.allocated",
        "device.released",
        "scheduler.allocation.expired",
        "scheduler.allocation.revoked",
        "scheduler.allocation.failed_over",
    }


def test_the_billing_queue_takes_raw_events_of_the_four_types_that_end_a_segment() -> None:
    subscription = TEMPLATE["Resources"]["BillingSubscription"]["Properties"]

    assert subscription["RawMessageDelivery"] is True
    assert set(subscription["FilterPolicy"]["type"]) == {
        "device.released",
        "scheduler.allocation.expired",
        "scheduler.allocation.revoked",
        "scheduler.allocation.failed_over",
    }


def test_bills_are_reconciled_after_the_cleanup_with_an_alarm_for_each_of_its_metrics() -> None:
    alarms = [r["Properties"].get("MetricName") for r in TEMPLATE["Resources"].values() if "Alarm" in r["Type"]]

    assert {"ReconcileMismatches", "ReconcileUndelivered"} <= set(alarms)


def test_the_notify_queue_takes_raw_events_of_the_types_that_users_are_told_of() -> None:
    subscription = TEMPLATE["Resources"]["NotifySubscription"]["Properties"]

    assert subscription["RawMessageDelivery"] is True
    assert set(subscription["FilterPolicy"]["type"]) == {entry.event for entry in CATALOGUE.values()}


def test_a_notice_is_kept_for_longer_than_its_event_can_lie_in_queues() -> None:
    in_queues = QUEUES["NotifyQueue"]["MessageRetentionPeriod"] + QUEUES["NotifyDeadLetters"]["MessageRetentionPeriod"]

    assert TEMPLATE["Parameters"]["NotificationRetentionDays"]["MinValue"] * 24 * 3600 > in_queues


def test_concurrency_is_bounded_only_where_a_budget_is_named() -> None:
    assert TEMPLATE["Parameters"]["ConnectionBudget"]["Default"] == "0"
    assert all(
        "ReservedConcurrentExecutions" not in p or p["ReservedConcurrentExecutions"]["Fn::If"][0] == "BoundsConcurrency"
        for p in [GLOBALS, *FUNCTIONS.values()]
    )


BUDGETS = TEMPLATE["Mappings"]["Concurrency"]
WITHOUT_CONNECTION = {"Console", "Migrate", "Smoke"}


@pytest.mark.parametrize("budget", sorted(BUDGETS.keys() - {"0"}))
def test_the_concurrency_of_all_functions_keeps_within_the_budget_of_connections(budget: str) -> None:
    shares = {name: n for name, n in BUDGETS[budget].items() if name not in {"FromQueue", "Nudges", "Alarm"}}

    assert shares.keys() == {name.removesuffix("Function") for name in FUNCTIONS} - WITHOUT_CONNECTION
    assert sum(shares.values()) + 2 + 6 <= (int(budget) - 3) * 4 / 5
    for name in shares:
        reserved = FUNCTIONS[f"{name}Function"]["ReservedConcurrentExecutions"]["Fn::If"][1]
        assert reserved == {"Fn::FindInMap": ["Concurrency", {"Ref": "ConnectionBudget"}, name]}


@pytest.mark.parametrize("budget", sorted(BUDGETS.keys()))
def test_no_function_can_be_starved_by_reserved_concurrency(budget: str) -> None:
    """A queue calls no more than may run, or its messages would be parked; whatever else calls needs room beside it."""
    other = {function for function, _ in [*events("HttpApi"), *events("Schedule")]}
    overlapping = {"RelayFunction"}

    for function, event in events("SQS"):
        called = BUDGETS[budget][event["ScalingConfig"]["MaximumConcurrency"]["Fn::FindInMap"][2]]
        assert called + (function in other) <= BUDGETS[budget][function.removesuffix("Function")], function
    for function in overlapping:
        assert BUDGETS[budget][function.removesuffix("Function")] >= 2


def test_passwords_in_parameters_are_not_echoed() -> None:
    urls = [name for name in TEMPLATE["Parameters"] if name.endswith("DatabaseUrl")]

    assert len(urls) == 4
    assert all(TEMPLATE["Parameters"][name]["NoEcho"] is True for name in urls)


def test_every_variable_that_the_template_sets_is_known_to_the_code() -> None:
    ours = {name for function in FUNCTIONS for name in environment_of(function) if not name.startswith("POWERTOOLS_")}

    assert ours <= set(ENVIRONMENT)


def test_every_variable_that_the_code_knows_is_set_by_the_template() -> None:
    only_local = {"SERVICE_TOKEN_SECRET"}

    assert set(ENVIRONMENT) - only_local <= {name for function in FUNCTIONS for name in environment_of(function)}


def role_by_kind(function: str) -> str:
    """What only answers requests sees least; the relay is apart, and who migrates is no role of the functions."""
    if function in {"RelayFunction", "MigrateFunction"}:
        return {"RelayFunction": "Relay", "MigrateFunction": ""}[function]
    kinds = {event["Type"] for event in FUNCTIONS[function].get("Events", {}).values()}
    return "Worker" if kinds & {"Schedule", "SQS"} else "App"


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if "CodeUri" in FUNCTIONS[name]])
def test_a_function_connects_as_the_role_of_its_kind(function: str) -> None:
    kind, variables = role_by_kind(function), environment_of(function)
    owner = {"Ref": "DbUser"}, {"Ref": "DatabaseUrl"}
    expected = (
        {"Fn::If": ["DbByIam", f"scheduler_{kind.lower()}", owner[0]]} if kind else owner[0],
        {"Fn::If": [f"Has{kind}DatabaseUrl", {"Ref": f"{kind}DatabaseUrl"}, owner[1]]} if kind else owner[1],
    )

    assert (variables["DB_USER"], variables["DATABASE_URL"]) == expected
    policies = str(FUNCTIONS[function].get("Policies", []))
    granted = re.findall(r"ConnectAs(\w+)", policies)
    assert granted == ([kind] if kind and "ReadDataSecrets" in policies else [])
