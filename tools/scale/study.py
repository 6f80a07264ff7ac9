"""The questions that the page answers, each as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tools.cost.model import HERE as COST
from tools.cost.model import Load, read
from tools.cost.page import month
from tools.region.template import load as load_template
from tools.scale.formulas import closed_rate, connections_in_use
from tools.scale.layout import Way, spread
from tools.scale.simulate import Lent, Served, lend, measured, serve

SHARDS, CORES, TENANTS, SKEW = 4, 16, 200, 1.0
LOADS = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.1)
STATEMENTS = 60_000
DEVICES, HOLD_SECONDS, REQUESTS = 10_000, 1800.0, 200_000
BUSY = (0.90, 0.95, 0.99, 1.02)
SKEWS, DIVISIONS = (0.0, 0.5, 0.8, 1.0, 1.2), (2, 4, 8, 16)
RATES = (1, 10, 50, 100, 200, 500, 1000, 2000, 5000)
_MICRO, _MONTH_SECONDS = 1_000_000, 30 * 24 * 3600
_VARIES = 0.5
"""Of a statement's time that half varies by chance: assumed; the percentiles follow it, the rates do not."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What ends first: how many cycles a second it takes, and from what that follows."""

    what: str
    per_second: float
    follows: str


def postgres_us(costs: Mapping[str, Any]) -> float:
    """Give the processor time of Postgres a cycle, as the quiet machine's fastest floor says; its client's is in it."""
    fastest = max(row["per_second"] for row in costs["quiet"]["floor"])
    return float(costs["cores"] / fastest * _MICRO)


def cost_of(costs: Mapping[str, Any], name: str, *, of: str = "floor") -> float:
    """Give the least of what was measured: more is the neighbours' doing."""
    return float(min(row[name] for row in costs[of] if row[name]))


def ceilings(costs: Mapping[str, Any], limits: Mapping[str, Any], cores: int = CORES) -> list[Ceiling]:
    """Say what saturates at which rate, lowest first, for a database of so many cores."""
    busy, wal = postgres_us(costs), cost_of(costs, "wal_bytes")
    cached = cost_of(costs, "valkey_us", of="handlers")
    sns, most, function = limits["sns"], limits["database"], limits["lambda"]
    found = [
        *_of_relay(costs["relay"], limits),
        Ceiling("SNS, topic scope", sns["topic_scope"] / 2, "2 events a cycle; ours has the group's scope"),
        Ceiling("SNS, group scope", sns["group_scope"] / 2, "2 events a cycle, an account in a larger region"),
        Ceiling(
            f"Postgres, {cores} cores",
            cores / busy * _MICRO * most["use"],
            f"{busy:.0f} µs a cycle, {most['use']:.0%} busy",
        ),
        Ceiling("write-ahead log", most["log_mb_a_second"] * 1e6 / wal, f"{wal / 1000:.1f} kB a cycle"),
        Ceiling("Valkey, one shard", limits["cache"]["cores"] / cached * _MICRO, f"{cached:.0f} µs a cycle"),
        Ceiling(
            "Lambda, default concurrency",
            function["concurrent"] / 2 / function["request_ms"] * 1000,
            f"2 requests a cycle of {function['request_ms']} ms (assumed)",
        ),
        Ceiling("API Gateway, default", limits["gateway"]["requests_a_second"] / 2, "2 requests a cycle, no queries"),
        Ceiling(
            "connections, without a proxy",
            most["most_connections"] / connections_in_use(2, function["request_ms"] / 1000),
            f"{connections_in_use(2000, function['request_ms'] / 1000):.0f} in use at 1,000 cycles/s (Little)",
        ),
    ]
    return sorted(found, key=lambda one: one.per_second)


def _of_relay(relay: Mapping[str, Any], limits: Mapping[str, Any]) -> list[Ceiling]:
    memory = load_template()["Resources"]["RelayFunction"]["Properties"]["MemorySize"]
    core = limits["lambda"]["core_mb"]
    share, cost = memory / core, relay["cpu_us"]
    return [
        Ceiling(
            f"the relay, {relay['at_once']} batches at once",
            relay["per_second"] / 2,
            f"{relay['per_second']:,} events/s with an SNS that takes {relay['round_trip_ms']} ms (assumed); one by one"
            f" {relay['one_per_second']:,}",
        ),
        *(
            Ceiling(
                f"the relay's processor, {megabytes:,} MB",
                part / cost * _MICRO / 2,
                f"{cost} µs an event, {part:.2f} of a core",
            )
            for megabytes, part in ((memory, share), (core, 1.0))
        ),
    ]


def curves(costs: Mapping[str, Any], seed: int) -> dict[str, list[tuple[float, Served]]]:
    """Give, for each way to divide the same cores, what comes of offered loads (cycles a second)."""
    service = postgres_us(costs) / 2 / _MICRO
    capacity = SHARDS * CORES / service / 2
    found = {}
    for way in Way:
        divided = spread(way, SHARDS, TENANTS, SKEW, seed)
        cores = CORES * SHARDS // divided.shards if way is Way.ONE else CORES
        found[f"{way.value}, {cores} cores{'' if way is Way.ONE else ' each'}"] = [
            (
                load * capacity,
                serve(divided, 2 * load * capacity, measured(service, _VARIES), cores, STATEMENTS, seed),
            )
            for load in LOADS
        ]
    return found


def hottest() -> dict[str, list[float]]:
    """Give, by skew and number of shards, the part of all capacity that is used when the hottest shard is full."""
    return {
        f"{way.value}, skew {skew:g}": [
            1 / (shards * spread(way, shards, TENANTS, skew, seed=1).hottest) for shards in DIVISIONS
        ]
        for way in (Way.TENANT, Way.CELL)
        for skew in SKEWS
    }


def stranding(seed: int) -> dict[str, list[tuple[float, Lent]]]:
    """Give, for each way to divide a fleet, what becomes of requests when so much of it is asked for."""
    ways = {
        "one database": (Way.ONE, 0.0, False),
        "by tenant, devices as the demand": (Way.TENANT, 0.0, False),
        "by tenant, devices evenly": (Way.TENANT, 0.0, True),
        "by pool": (Way.POOL, 0.0, True),
        "by pool, half may spill": (Way.POOL, 0.5, True),
        "cells, devices as the demand": (Way.CELL, 0.0, False),
    }
    return {
        name: [
            (
                busy,
                lend(
                    spread(way, SHARDS, TENANTS, SKEW, seed),
                    busy * DEVICES / HOLD_SECONDS,
                    HOLD_SECONDS,
                    DEVICES,
                    REQUESTS,
                    seed,
                    evenly=evenly,
                    spill=spill,
                ),
            )
            for busy in BUSY
        ]
        for name, (way, spill, evenly) in ways.items()
    }


def agreement(costs: Mapping[str, Any]) -> list[tuple[str, int, float, float, float]]:
    """Compare what is foretold with the benchmark: (who, workers, from one worker, from as many, measured).

    From one worker: the time that a lone one takes for a cycle. From as many: Python's time a cycle as it was with so
    many, which grows with them, and that of the servers.
    """
    cores, quiet, servers = costs["cores"], costs["quiet"], postgres_us(costs)
    found = []
    for who in ("floor", "handlers"):
        alone = 1 / quiet[who][0]["per_second"]
        for row in quiet[who]:
            own = servers + (row["python_us"] + cost_of(costs, "valkey_us", of=who) if "python_us" in row else 0)
            workers, seen = row["workers"], row["per_second"]
            foretold = (closed_rate(workers, alone, cores), closed_rate(workers, own / _MICRO, cores))
            found.append((who, workers, *foretold, seen))
    return found


def dollars(costs: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Give the dollars a month by cycles a second, for one database and for cells with a quarter of it each."""
    prices, counts = read(COST / "prices.toml"), read(COST / "counts.toml")
    busy, most = postgres_us(costs), limits["database"]
    found: dict[str, list[tuple[float, float]]] = {"one database": [], f"{SHARDS} cells": []}
    for rate in RATES:
        acu = max(rate * busy / _MICRO / most["use"] / most["vcpu_an_acu"], 0.5)
        load = Load(allocations=rate * _MONTH_SECONDS, acu=acu, proxy=True, nat=2)
        if acu <= most["most_acu"]:
            found["one database"].append((rate, month(load, prices, counts)))
        cell = replace(
            load,
            allocations=load.allocations // SHARDS,
            acu=max(acu / SHARDS, 0.5),
            devices=load.devices // SHARDS,
        )
        found[f"{SHARDS} cells"].append((rate, SHARDS * month(cell, prices, counts)))
    return found
