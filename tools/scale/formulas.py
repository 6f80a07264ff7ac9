"""Queues that have a formula; the simulation is held against them."""

from math import exp, log


def erlang_b(offered: float, servers: int) -> float:
    """Give the share that M/M/c/c refuses; `offered` = arrivals a second times seconds of service."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """Give the share that waits in M/M/c.

    Raises:
        ValueError: It is offered more than it can do: the queue has no end.
    """
    if offered >= servers:
        raise ValueError("a queue that is offered as much as it can do, or more, has no end")
    blocked = erlang_b(offered, servers)
    return servers * blocked / (servers - offered * (1 - blocked))


def mean_seconds(rate: float, service: float, servers: int) -> float:
    """Give the mean time in M/M/c from arrival to end, for `rate` arrivals a second of `service` seconds each."""
    offered = rate * service
    return service + erlang_c(offered, servers) * service / (servers - offered)


def waits_longer(rate: float, service: float, servers: int, seconds: float) -> float:
    """Give the share of arrivals that wait longer than so for a server."""
    offered = rate * service
    return erlang_c(offered, servers) * exp(-(servers - offered) * seconds / service)


def wait_at(share: float, rate: float, service: float, servers: int) -> float:
    """Give the wait in seconds that this share of arrivals does not exceed; 0.99 is the 99th percentile."""
    waiting = erlang_c(rate * service, servers)
    return max(log(waiting / (1 - share)) * service / (servers - rate * service), 0.0) if waiting > 0 else 0.0


def closed_rate(workers: int, demand: float, cores: int) -> float:
    """Give the cycles a second of `workers` that each begin anew at once, on cores that they share evenly.

    `demand` is the processor time of one cycle in seconds. It takes that long at least, and no core does two at a time.
    """
    return min(workers, cores) / demand


def connections_in_use(rate: float, seconds: float) -> float:
    """Give how many are at work on average (Little): so many statements a second, each so long."""
    return rate * seconds


def zipf(tenants: int, skew: float) -> list[float]:
    """Give the shares of tenants, the largest first; a skew of 0 makes them equal."""
    weights = [1 / rank**skew for rank in range(1, tenants + 1)]
    return [weight / sum(weights) for weight in weights]
