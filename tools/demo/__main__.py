"""`python -m tools.demo [--fast]`: the command behind `make demo`.

Plays a day of five minutes against the running region: users, a wait, a phone that fails, maintenance, a suspension, a
reservation, notices, the bill, and the audit. The exit code is 0 when all went as the story says and every invariant
holds.
"""

import argparse
import sys

from rich.console import Console

from tools.demo import afternoon, evening, morning
from tools.demo.cast import Cast
from tools.demo.day import Chapter, Day, play
from tools.demo.screen import Screen
from tools.demo.stage import Stage
from tools.region.__main__ import up
from tools.region.issuer import Issuer
from tools.region.layout import Layout
from tools.region.region import running

_RESERVED_HOUR = 15.0
_SOON_SECONDS = 30.0
"""On a fast day: a start must be ahead still when the request for it is read, by however slow a machine."""


def _reserve(day: Day) -> None:
    morning.a_reservation_is_made(day, day.moment(_RESERVED_HOUR, _SOON_SECONDS))


CHAPTERS = (
    Chapter(8.0, "A fleet joins", morning.a_fleet_joins),
    Chapter(8.5, "Users take devices", morning.users_take_devices),
    Chapter(9.25, "A reservation is made", _reserve),
    Chapter(10.0, "Time is added", morning.time_is_added),
    Chapter(10.5, "Somebody waits", morning.somebody_waits),
    Chapter(11.5, "A phone fails", morning.a_phone_fails),
    Chapter(12.5, "The old token comes late", morning.the_old_token_comes_late),
    Chapter(13.25, "Maintenance begins", afternoon.maintenance_begins),
    Chapter(14.0, "A user is suspended", afternoon.a_user_is_suspended),
    Chapter(_RESERVED_HOUR, "The reservation begins", afternoon.a_reservation_begins),
    Chapter(15.75, "Time is over", afternoon.time_is_over),
    Chapter(16.25, "Devices come back", evening.devices_come_back),
    Chapter(16.75, "Notices were sent", evening.notices_were_sent),
    Chapter(17.25, "The bill is written", evening.the_bill_is_written),
    Chapter(18.0, "Everything is proved", evening.everything_is_proved),
)


def main() -> int:
    """Play the day and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fast", action="store_true", help="play on without waiting for the day's clock (about a minute)"
    )
    options = parser.parse_args()
    layout = Layout.here()
    environment = running(layout)
    console = Console(highlight=False)
    if environment is None:
        console.print("The region is not up: starting it. It stays up; [bold]make down[/] stops it.\n")
        if up(layout):
            return 1
        environment = running(layout)
    if environment is None:
        console.print("The region does not answer: [bold]make logs[/] tells more.")
        return 1
    cast = Cast()
    stage = Stage(environment, Issuer.with_key(environment["ISSUER_URL"], layout.signing_key), cast)
    with Screen(console) as screen:
        day = Day(stage, cast, screen, fast=options.fast)
        went_well = play(day, CHAPTERS, evening.clear_up)
    console.print("\nAll went as told; what the demo took is given back." if went_well else "\nNot all went as told.")
    return 0 if went_well else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
