"""What the functions logged, from the emulated CloudWatch."""

import json
from collections.abc import Iterator

from tools.region import cloud
from tools.region.layout import Layout

_NEWEST = 200
_NOISE = ("START ", "END ", "REPORT ", "INIT_START")


def newest(layout: Layout, contains: str = "", most: int = _NEWEST) -> Iterator[str]:
    """Yield the newest log lines that hold this text, oldest first, with tracebacks as the last lines of theirs."""
    port = json.loads(layout.front.read_text())["cloudPort"]
    client = cloud.client("logs", port)
    pages = client.get_paginator("filter_log_events")
    groups = client.describe_log_groups(logGroupNamePrefix="/aws/cloudformation/")["logGroups"]
    events = [
        event
        for group in groups
        for page in pages.paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
        if contains in event["message"] and not event["message"].startswith(_NOISE)
    ]
    for event in sorted(events, key=lambda found: found["timestamp"])[-most:]:
        yield readable(event["message"].strip())


def readable(line: str) -> str:
    """Return a JSON log line with its traceback, if any, as text below it."""
    try:
        entry = json.loads(line)
        trace = entry.pop("exception", None)
    except (ValueError, AttributeError):
        return line
    return f"{json.dumps(entry)}\n{trace}" if trace else line
