"""What the user sees while the region starts, and what to try then."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)
_MARK_WIDTH = 44


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show a step at work, then how long it took."""
    started = time.monotonic()
    with console.status(f"{title} …"):
        yield
    console.print(f"[green]✓[/] {title:<{_MARK_WIDTH}} [dim]{time.monotonic() - started:5.1f} s[/]")


def welcome(environment: Mapping[str, str], environment_file: str, seconds: float | None) -> None:
    """Print the URL, where the tokens are, and three requests to try."""
    ready = f" after {seconds:.0f} s" if seconds is not None else ""
    console.print(f"\n[bold]Ready{ready}.[/] The API: [bold cyan]{environment['API_URL']}[/]")
    console.print(f"API documentation: {environment['API_URL']}/scheduler/docs")
    console.print(f"Operations console: {environment['API_URL']}/scheduler/console (sign in with OPERATOR_TOKEN)")
    console.print(f"Tokens, ids and URLs are in {escape(environment_file)}. Try:\n")
    console.print(escape(_EXAMPLES.replace("ENV_FILE", environment_file)), style="yellow")


def problem(text: str) -> None:
    """Print why something failed."""
    console.print(f"\n[red]✗[/] {escape(text)}")


def say(text: str) -> None:
    """Print one plain line."""
    console.print(escape(text))


_EXAMPLES = """\
. ENV_FILE
curl -s -X POST "$API_URL/scheduler/devices/allocate" -H "Authorization: Bearer $USER_TOKEN" \
-H 'Content-Type: application/json' -d '{"userId": "'$USER_ID'", "durationMinutes": 30}'
curl -s "$API_URL/scheduler/devices/available?minCpu=4&limit=5" -H "Authorization: Bearer $USER_TOKEN"
curl -s -X POST "$API_URL/scheduler/devices/release" -H "Authorization: Bearer $USER_TOKEN" \
-H 'Content-Type: application/json' -d '{"deviceId": "<deviceId of the first answer>"}'
"""
