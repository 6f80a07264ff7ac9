"""Starts every function as often as the attack will want it at once: a cold start is no slow answer."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz.attack import Line
from tests.fuzz.requests import Request
from tools.region import template

_NONE = "00000000-0000-0000-0000-000000000000"


def warm(environment: Mapping[str, str], times: int) -> None:
    """Send each function `times` requests at once that change nothing, and wait for their answers."""
    routes = {route.function: route for route in template.routes(template.load())}
    for route in routes.values():
        headers = (("Content-Type", b"application/json"),)
        body = None if route.method == "GET" else b'{"warm": "up"}'
        request = Request(
            "warm up", "", route.method, re.sub(r"{\w+}", _NONE, route.path), headers, body, "OPERATOR_TOKEN"
        )
        with ThreadPoolExecutor(times) as pool:
            list(pool.map(lambda one: Line(environment).send(one), [request] * times))
