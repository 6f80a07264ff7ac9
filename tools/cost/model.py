"""The sums: counts of one allocation, of the schedules and of what stands there, times prices."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from tools.region import template

HERE = Path(__file__).parent
HOURS = 730
MILLION = 1_000_000
GIGABYTE = 1_000_000_000
HEARTBEATS_A_MONTH = 30 * 24 * 60
_CHEAP_PROXY_ACU = 8
_EVENTS = ("device.allocated", "device.released")

type Lines = dict[str, float]
"""Dollars a month by what they are paid for."""


@dataclass(frozen=True)
class Load:
    """What is asked of the scheduler, and how it is deployed; the help of each is in tools/cost/__main__.py."""

    allocations: int = 500_000
    queries: float = 3.0
    minutes: float = 60.0
    devices: int = 2000
    heartbeat_minutes: float = 1.0
    acu: float = 1.0
    database: bool = True
    standby: bool = True
    proxy: bool = False
    nat: int = 0
    cache: bool = True
    retention_months: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no deployment is.

        Raises:
            ValueError: A number is negative, or heartbeats come without a pause.
        """
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} must not be negative")
        if self.heartbeat_minutes == 0:
            raise ValueError("heartbeat_minutes must be more than 0")


def read(path: Path) -> dict[str, Any]:
    """Read a file of prices or counts."""
    return tomllib.loads(path.read_text())


@cache
def _template() -> dict[str, Any]:
    return template.load()


def deliveries() -> int:
    """Count what the topic sends of one allocation: which subscriptions let each of its two events through."""
    found = 0
    for resource in _template()["Resources"].values():
        asked = resource.get("Properties", {})
        if resource["Type"] == "AWS::SNS::Subscription" and asked.get("TopicArn") == {"Ref": "EventsTopic"}:
            wanted = asked.get("FilterPolicy", {}).get("type", _EVENTS)
            found += sum(event in wanted for event in _EVENTS)
    return found


def standing() -> Mapping[str, int]:
    """Count what the template makes and AWS bills by the month, by its kind."""
    kinds = [resource["Type"].rpartition("::")[2] for resource in _template()["Resources"].values()]
    return {kind: kinds.count(kind) for kind in ("Alarm", "Dashboard", "Key", "VPCEndpoint")}


def per_million(load: Load, prices: Mapping[str, Any], counts: Mapping[str, Any]) -> Lines:
    """Give the dollars for a million allocations: what would not be paid if nobody came."""
    each, unit, one = prices["per_million"], prices["per_unit"], counts["allocation"]
    time, size = counts["milliseconds"], counts["bytes"]
    requests = one["requests"] + load.queries
    sent = deliveries()
    messages = sent * (one["receives_each"] + 1 / one["batch"])  # the sending is SNS's
    runs = requests + sent / one["batch"]
    seconds = (one["requests"] * time["request"] + load.queries * time["query"]) / 1000
    seconds += sent / one["batch"] * time["delivery"] / 1000
    logged = one["requests"] * size["request"] + load.queries * size["query"] + sent * size["delivery"]
    lines = {
        "API Gateway requests": requests * each["api_requests"],
        "Lambda requests": runs * each["lambda_requests"],
        "Lambda time": seconds * MILLION * unit["lambda_gb_second"],  # 1,024 MB
        "SNS publishes and deliveries": one["events"] * each["sns_fifo_publishes"] + sent * each["sns_fifo_deliveries"],
        "SQS requests": messages * each["sqs_fifo_requests"],
        "Logs": logged * MILLION / GIGABYTE * unit["logs_gb"],
        "Answers to the internet": requests * size["answer"] * MILLION / GIGABYTE * unit["transfer_gb"],
        "Database pages written": one["database_ios"] * unit["aurora_io_million"] if load.database else 0.0,
        "Database rows kept": (
            one["kept_bytes"] * MILLION / GIGABYTE * unit["aurora_gb_month"] * load.retention_months
            if load.database
            else 0.0
        ),
        "Cache commands": (one["valkey_commands"] + load.queries) * each["valkey_ecpu"] if load.cache else 0.0,
    }
    return {name: dollars for name, dollars in lines.items() if dollars}


def fixed(load: Load, prices: Mapping[str, Any], counts: Mapping[str, Any]) -> Lines:
    """Give the dollars a month that are paid although nobody comes, the devices' heartbeats included."""
    hour, month, unit = prices["hourly"], prices["monthly"], prices["per_unit"]
    runs, made, stands = counts["schedules"], counts["resources"], standing()
    seconds = runs["relay_seconds"] + runs["dispatch_seconds"] + runs["other_seconds"]
    copies = 1 + load.standby
    lines = {
        "Schedules: Lambda time": seconds * runs["gigabytes"] * unit["lambda_gb_second"],
        "Schedules: requests and logs": runs["runs"] / MILLION * prices["per_million"]["lambda_requests"]
        + runs["runs"] * runs["log_bytes"] / GIGABYTE * unit["logs_gb"],
        "Heartbeats": heartbeats(load, prices, counts),
        "Database capacity": load.database * copies * load.acu * hour["aurora_acu"] * HOURS,
        "Database storage": load.database * made["database_gb"] * unit["aurora_gb_month"],
        "RDS Proxy": load.proxy * max(_CHEAP_PROXY_ACU, copies * load.acu) * hour["rds_proxy_acu"] * HOURS,
        "Cache, kept data": load.cache * 0.1 * hour["valkey_gb"] * HOURS,
        "NAT gateways": load.nat * hour["nat_gateway"] * HOURS,
        "VPC endpoints": stands["VPCEndpoint"] * made["zones"] * hour["vpc_endpoint"] * HOURS,
        "Alarms, metrics, dashboard": stands["Alarm"] * month["alarm"]
        + stands["Dashboard"] * month["dashboard"]
        + made["metrics"] * month["custom_metric"],
        "Keys and secrets": stands["Key"] * month["kms_key"] + made["kept"] * month["secret"],
    }
    return {name: dollars for name, dollars in lines.items() if dollars}


def heartbeats(load: Load, prices: Mapping[str, Any], counts: Mapping[str, Any]) -> float:
    """Give the dollars a month for device.heartbeat events: published, delivered, received and applied."""
    millions = load.devices * HEARTBEATS_A_MONTH / load.heartbeat_minutes / MILLION
    each, unit, batch = prices["per_million"], prices["per_unit"], counts["allocation"]["batch"]
    told = each["sns_fifo_publishes"] + each["sns_fifo_deliveries"]
    received = (counts["allocation"]["receives_each"] + 1 / batch) * each["sqs_fifo_requests"]
    ran = each["lambda_requests"] / batch + counts["milliseconds"]["event_in"] * 1000 * unit["lambda_gb_second"] * 0.5
    logged = counts["bytes"]["event_in"] * MILLION / GIGABYTE * unit["logs_gb"]
    return float(millions * (told + received + ran + logged))
