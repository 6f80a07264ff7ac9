"""Secrets and addresses with a mark that is found again wherever they turn up, and all logs of a region to look in."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.region import cloud
from tools.region.layout import Layout


@dataclass
class Planted:
    """What was planted: by where it was put, the text that no log may hold."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, where: str) -> str:
        """Make a text of its own for one place."""
        self.marks[where] = f"zq{secrets.token_hex(9)}"
        return self.marks[where]

    def known(self, where: str, secret: str) -> str:
        """Look for a secret that is there already."""
        self.marks[where] = secret
        return secret

    def found_in(self, logs: Mapping[str, str]) -> list[str]:
        """Name each place whose text stands in a log, with the lines that hold it."""
        return [
            f"{where} in {name}: {_line_with(mark, text)}"
            for name, text in logs.items()
            for where, mark in self.marks.items()
            if mark in text
        ]


def logs_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Read every log of a region: the functions', the front's, the emulated cloud's, the neighbours', the servers'."""
    layout = Layout(Path(environment["REGION_HOME"]))
    files = [*layout.logs.glob("*.log"), *layout.home.glob("postgres/*.log"), *layout.home.glob("valkey/*.log")]
    logs = {file.name if file.parent == layout.logs else f"{file.parent.name}": file.read_text() for file in files}
    return logs | {"functions": "\n".join(function_lines(layout))}


def function_lines(layout: Layout) -> Iterator[str]:
    """Read all that the functions wrote, tracebacks and the platform's own lines included."""
    client = cloud.client("logs", json.loads(layout.front.read_text())["cloudPort"])
    for group in client.describe_log_groups()["logGroups"]:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"] for event in page["events"])


def _line_with(mark: str, text: str) -> str:
    line = next(line for line in text.splitlines() if mark in line)
    at = line.index(mark)
    return line[max(0, at - 150) : at + 60]
