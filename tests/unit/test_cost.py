"""`make cost`: sums of stated prices and counts, and the tables of docs/cost.md."""

from dataclasses import replace

import pytest

from tools.cost.__main__ import main
from tools.cost.model import HERE, Load, deliveries, fixed, heartbeats, per_million, read
from tools.cost.page import PAGE, month, page

PRICES, COUNTS = read(HERE / "prices.toml"), read(HERE / "counts.toml")


def test_the_page_has_the_tables_of_now() -> None:
    assert PAGE.read_text() == page(), "make cost ARGS=--write"


def test_the_page_says_when_its_prices_were_written_down_and_that_they_were_not_fetched() -> None:
    assert PRICES["written_down"] in PAGE.read_text()
    assert "not\nfetched" in PAGE.read_text()


def test_a_price_that_doubles_doubles_its_line_alone() -> None:
    dear = {
        **PRICES,
        "per_million": {**PRICES["per_million"], "api_requests": 2 * PRICES["per_million"]["api_requests"]},
    }

    before, after = per_million(Load(), PRICES, COUNTS), per_million(Load(), dear, COUNTS)

    assert after.pop("API Gateway requests") == 2 * before.pop("API Gateway requests")
    assert after == before


def test_a_grant_goes_to_usage_hook_and_notify_and_an_end_to_usage_billing_dispatch_and_hook() -> None:
    assert deliveries() == 3 + 4


def test_five_requests_an_allocation_cost_five_requests() -> None:
    lines = per_million(Load(queries=3), PRICES, COUNTS)

    assert lines["API Gateway requests"] == pytest.approx(5 * PRICES["per_million"]["api_requests"])


def test_a_month_is_what_stands_and_what_moves() -> None:
    load = Load(allocations=2_000_000)

    moving = 2 * sum(per_million(load, PRICES, COUNTS).values())
    assert month(load, PRICES, COUNTS) == pytest.approx(moving + sum(fixed(load, PRICES, COUNTS).values()))


@pytest.mark.parametrize(
    ("change", "line"),
    [({"proxy": True}, "RDS Proxy"), ({"nat": 1}, "NAT gateways")],
    ids=["proxy", "NAT"],
)
def test_what_is_not_there_is_not_paid(change: dict[str, int], line: str) -> None:
    assert line not in fixed(Load(), PRICES, COUNTS)
    assert fixed(replace(Load(), **change), PRICES, COUNTS)[line] > 0


def test_heartbeats_cost_by_device_and_minute() -> None:
    one = heartbeats(Load(devices=100), PRICES, COUNTS)

    assert heartbeats(Load(devices=200, heartbeat_minutes=2), PRICES, COUNTS) == pytest.approx(one)


def test_the_tool_prints_the_sum_and_the_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--allocations", "1000", "--no-standby"]) == 0

    told = capsys.readouterr().out
    assert "check them before you rely on this" in told
    assert "1,000 allocations a month: US$ " in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--allocations", "-1"], "must not be negative"),
        (["--heartbeat-minutes", "0"], "must be more than 0"),
        (["--allocations", "1000000", "--devices", "10"], "would be lent at once"),
        (["--prices", "/nowhere"], "No such file"),
    ],
    ids=["negative", "no pause", "too few devices", "no prices"],
)
def test_what_cannot_be_is_refused(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert why in capsys.readouterr().err
