"""Say what it costs: `make cost ARGS="--allocations 5000000 --nat 2"`."""

import argparse
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

from tools.cost.model import HERE, Load, read
from tools.cost.page import PAGE, month, page, tables

_HELP = {
    "allocations": "allocations a month",
    "queries": "other requests for each allocation: lists, look-ups, renewals",
    "minutes": "how long one lasts; with --devices, too many for the fleet are refused",
    "devices": "registered devices, each of which sends heartbeats",
    "heartbeat_minutes": "minutes from one heartbeat to the next",
    "acu": "average capacity units of each database instance",
    "database": "whether the database is paid for by the scheduler",
    "standby": "whether the database has a second instance",
    "proxy": "whether RDS Proxy stands before it",
    "nat": "NAT gateways (webhooks and services outside the VPC need one a zone)",
    "cache": "whether there is a serverless Valkey",
    "retention_months": "months that ended allocations are kept",
}


def main(arguments: list[str] | None = None) -> int:
    """Print, or write docs/cost.md, and return the exit code."""
    asked = _parser().parse_args(arguments)
    if asked.write:
        PAGE.write_text(page())
        print("docs/cost.md written")
        return 0
    try:
        prices = read(asked.prices)
        load = Load(**{field.name: getattr(asked, field.name) for field in fields(Load)})
    except (OSError, tomllib.TOMLDecodeError, ValueError) as error:
        return _fail(str(error))
    busy = load.allocations * load.minutes / (30 * 24 * 60)
    if busy > load.devices:
        return _fail(f"{busy:,.0f} devices would be lent at once on average; the fleet has {load.devices:,}")
    print(
        f"Prices of {prices['region']}, written down on {prices['written_down']}: check them before you rely on this.\n"
    )
    print(tables(load, prices, {"this deployment": load}))
    counts = read(HERE / "counts.toml")
    print(f"\n{load.allocations:,} allocations a month: US$ {month(load, prices, counts):,.2f}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    for field in fields(Load):
        default = field.default
        flag = f"--{field.name.replace('_', '-')}"
        text = f"{_HELP[field.name]} (%(default)s)"
        if isinstance(default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=_HELP[field.name])
        else:
            parser.add_argument(flag, type=type(default), default=default, help=text)
    parser.add_argument("--prices", type=Path, default=HERE / "prices.toml", help="a file of unit prices")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/cost.md")
    return parser


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
