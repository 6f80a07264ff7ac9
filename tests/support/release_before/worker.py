"""Runs in the release before: serves its routes and functions to another process, one JSON line an order.

`{"call": [method, path, claims, body, query, headers]}` is answered `[status, headers, text]`; `{"run": "expire"}`
invokes a function as its schedule does and is answered with what it gives.
"""

import json
import sys
from typing import Any

from tests.support.api import Api, Context
from tools.handlers import load_function


def _obey(order: dict[str, Any]) -> Any:
    if "run" in order:
        return load_function(order["run"]).handler({}, Context())
    method, path, claims, body, query, headers = order["call"]
    answer = Api().call(method, path, claims, body, query=query, headers=headers)
    return [answer.status, dict(answer.headers), answer.text]


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # logs and metrics go elsewhere
    for line in sys.stdin:
        print(json.dumps(_obey(json.loads(line))), file=answers, flush=True)
