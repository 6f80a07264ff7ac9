"""The program: options before the command, the commands, and what a failure looks like."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from cloudphone.cli import fleet, login, operations, phones, planning, running, screen, watching, webhooks
from cloudphone.cli.codes import code_of
from cloudphone.cli.session import Given
from cloudphone.cli.settings import PROFILE, URL, USER_ID
from cloudphone.errors import CloudPhoneError

app = typer.Typer(
    help="Cloud phones by the minute.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a pretty one would show local variables, and the token among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (login, phones, planning, running, watching, operations):
    module.register(app)
app.add_typer(fleet.app, name="fleet")
app.add_typer(operations.dlq, name="dlq")
app.add_typer(webhooks.app, name="webhooks")


@app.callback()
def before(
    context: typer.Context,
    profile: Annotated[str, typer.Option(envvar=PROFILE, help="Which login to use.")] = "default",
    url: Annotated[str | None, typer.Option(envvar=URL, help="Where the scheduler is.")] = None,
    user: Annotated[str | None, typer.Option(envvar=USER_ID, help="For whom; a service has to say it.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each request.")] = False,
) -> None:
    """Remember what was given before the command's name."""
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(name)s: %(message)s")
    context.obj = Given(profile, url, user)


def main() -> None:
    """Run one command, and exit with its code."""
    options = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    try:
        app()
    except CloudPhoneError as problem:
        screen.tell(problem, json="--json" in options)
        sys.exit(code_of(problem))


if __name__ == "__main__":
    main()
